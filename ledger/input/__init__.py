"""What a command must be before it is one: its line, its ids, and what is said of mistakes."""
