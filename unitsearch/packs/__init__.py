"""Packs: several networks of one skeleton that train as one. A GPU's road.

``groups`` says which architectures may train together, ``training.pack_sizes.choose_size`` how many
at a time, and ``training.packs.train_pack`` trains them, each as if it trained alone: to rounding,
not bit for bit. Only what needs no torch is handed on here.
"""

from unitsearch.packs.skeletons import Group, groups

__all__ = ["Group", "groups"]
