"""Packs: several networks of one skeleton that train as one. A GPU's road.

Only what needs no torch is handed on here; ``pack.Pack`` runs, ``training.packs`` trains.
"""

from unitsearch.packs.skeletons import Group, groups

__all__ = ["Group", "groups"]
