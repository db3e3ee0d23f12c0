"""Recipes and the training loop. Only ``recipes`` may be imported without torch."""

from unitsearch.training.recipes import Recipe

__all__ = ["Recipe"]
