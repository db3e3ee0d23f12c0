"""The network of an architecture: ``build`` makes it, ``weights`` saves and loads it.

This module exports only names that need no torch.
"""

from unitsearch.network.plans import AUTO, PLANS, plan_from

__all__ = ["AUTO", "PLANS", "plan_from"]
