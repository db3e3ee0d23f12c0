"""Backbones: functions that return architectures whose layers carry names. Imports no torch.

The names are the sites where a space or a paper's recipe puts units. A layer inside another is
called by both names joined with a point (``layer1.0.conv1``); full names are unique, and layers
that belong together share their beginning (``stage1.``).
"""

from unitsearch.backbones.table import BACKBONES, Backbone, backbone

__all__ = ["BACKBONES", "Backbone", "backbone"]
