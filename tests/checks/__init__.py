"""Standing checks."""
