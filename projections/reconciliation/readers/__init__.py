"""Readers of statements, one format a file."""
