"""Python -> Graph: Values, functions and models, and what they take and give."""
