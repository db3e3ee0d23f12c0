"""The forms in which the stacks of a network are written for a runtime."""

from __future__ import annotations

from torch import nn

from unitsearch.exports.source_network import DeployedNetwork
from unitsearch.network.build import Network
from unitsearch.network.inference import folded, make_dense

FORMS = ("runs", "masked")


def in_form(network: Network, form: str) -> nn.Module:
    """Return a network for inference, its stacks in one form.

    Args:
        network: The network, in eval mode.
        form: ``runs`` for one grouped convolution of each run of equal units, ``masked`` for one
            convolution with zeros between the units.
    """
    made = folded(network)
    if form == "masked":
        make_dense(made.layers)
    return DeployedNetwork(made.layers).eval()
