"""Importers: raw layouts in, rows out."""
