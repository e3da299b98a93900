"""Graph -> Program: the loops in a scalar trace."""
