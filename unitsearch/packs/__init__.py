"""Packs: several networks of one skeleton that train as one, which keeps a GPU busy.

``groups`` returns the architectures that may train together, ``training.packed.sizes.choose_size``
the number that train at a time; ``training.packed.loop.train_pack`` trains them, each as if it
trained alone: equal to rounding, not bit for bit. The names that are exported here need no torch.

Source: Wang et al. 2021, "HFTA" (arXiv:2102.02344): horizontally fused training.
"""

from unitsearch.packs.skeletons import Group, groups

__all__ = ["Group", "groups"]
