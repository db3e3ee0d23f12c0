"""The network of an architecture: ``build`` makes it, ``weights`` saves and loads it.

Only what needs no torch is handed on here.
"""

from unitsearch.network.plans import AUTO, PLANS, plan_from

__all__ = ["AUTO", "PLANS", "plan_from"]
