"""The network of an architecture: built, initialised, saved and loaded."""

from unitsearch.network.blocks import PLANS
from unitsearch.network.build import Network, build, initialise
from unitsearch.network.weights import (
    digest,
    distance,
    load_network,
    load_weights,
    weights_bytes,
)

__all__ = [
    "PLANS",
    "Network",
    "build",
    "digest",
    "distance",
    "initialise",
    "load_network",
    "load_weights",
    "weights_bytes",
]
