"""Proposals, objectives and the front. Knows no torch."""
