"""The spec: layer kinds, units, files, canonical form and key. Imports no torch."""

from unitsearch.architecture.canonical import canonical, key
from unitsearch.architecture.convolutions import Conv, Slbf
from unitsearch.architecture.documents import Document, read_file, read_text, yaml_text
from unitsearch.architecture.layers import (
    KINDS,
    Architecture,
    Branches,
    Flatten,
    Gate,
    GlobalPool,
    Layer,
    Layers,
    Linear,
    Pool,
    Residual,
    Shuffle,
    Stack,
    Unit,
    Units,
    kind_of,
)
from unitsearch.architecture.reading import architecture_schema, read_architecture, read_layer
from unitsearch.architecture.walking import stacks
from unitsearch.architecture.writing import write_architecture, write_layer, write_unit

__all__ = [
    "KINDS",
    "Architecture",
    "Branches",
    "Conv",
    "Document",
    "Flatten",
    "Gate",
    "GlobalPool",
    "Layer",
    "Layers",
    "Linear",
    "Pool",
    "Residual",
    "Shuffle",
    "Slbf",
    "Stack",
    "Unit",
    "Units",
    "architecture_schema",
    "canonical",
    "key",
    "kind_of",
    "read_architecture",
    "read_file",
    "read_layer",
    "read_text",
    "stacks",
    "write_architecture",
    "write_layer",
    "write_unit",
    "yaml_text",
]
