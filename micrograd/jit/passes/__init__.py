"""Program -> Program: derivatives, simplification, like terms, many samples."""
