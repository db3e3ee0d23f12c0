"""Recipes and the training loop. Only ``recipes``, ``rungs`` and ``bars`` import no torch."""

from unitsearch.training.recipes import Recipe

__all__ = ["Recipe"]
