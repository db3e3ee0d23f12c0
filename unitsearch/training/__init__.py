"""Recipes and the training loop. Only ``recipes`` and ``rungs`` import no torch."""

from unitsearch.training.recipes import Recipe

__all__ = ["Recipe"]
