"""Comparing evaluated runs, query by query."""
