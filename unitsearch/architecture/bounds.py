"""Bounds of an architecture, which hold before anything is allocated.

A file cannot ask for more than a machine has.
"""

MAX_WIDTH = 65_536  # channels or features
MAX_KERNEL = 255  # pixels
MAX_LAYERS = 2_000  # in one sequence
MAX_DEPTH = 8  # sequences in each other
MAX_SIDE = 4_096  # pixels of an image
