"""The network of an architecture: ``build`` makes it, ``weights`` saves and loads it.

Only what needs no torch is handed on here.
"""

from unitsearch.network.plans import PLANS

__all__ = ["PLANS"]
