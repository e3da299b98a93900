"""What a page about a kernel shows: every stage, and which lines of it became which of others."""
