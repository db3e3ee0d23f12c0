"""safetensors files: the weights of a network, for its architecture's YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from unitsearch.architecture import key
from unitsearch.errors import CheckError, SpecError
from unitsearch.exports.formats.code_layout import string_literal
from unitsearch.exports.formats.format import Files, Format, one_image_shape

if TYPE_CHECKING:
    from unitsearch.exports.checks import Answer
    from unitsearch.exports.source_network import SourceNetwork


class SafetensorsFile(Format):
    """The format ``safetensors``."""

    description = "the weights, for the YAML file"
    packages = "unitsearch"
    needs_weights = True
    companion = "yaml"

    def files(self, source: SourceNetwork) -> Files:
        """Return the file of weights."""
        from unitsearch.network.weights import weights_bytes

        return {f"{source.stem}.safetensors": weights_bytes(source.network)}

    def read(self, source: SourceNetwork, folder: Path) -> Answer:
        """Return the answer of a network built anew with the weights of the file."""
        from unitsearch.exports.checks import module_answer
        from unitsearch.network.weights import load_network

        path = folder / f"{source.stem}.safetensors"
        try:
            network = load_network(source.architecture, path)
        except SpecError as error:
            raise CheckError(f"{path.name}: does not rebuild ({error})") from None
        return module_answer(path.name, key(network.architecture), network, source)

    def usage(self, source: SourceNetwork) -> str:
        """Return code that loads the network from its YAML file with the weights beside it."""
        return (
            "import torch\nimport unitsearch\n\n"
            f"network = unitsearch.load_network({string_literal(source.stem + '.yaml')})\n"
            f"logits = network(torch.zeros({one_image_shape(source)}))\n"
        )
