"""Searchers compared on recorded tables, by real searches and by wall time."""
