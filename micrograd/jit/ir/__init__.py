"""The two forms of a program, Graph and Program: what they are, must be, and mean."""
