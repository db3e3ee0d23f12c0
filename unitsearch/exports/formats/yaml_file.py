"""YAML files: the architecture of a network without its weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from unitsearch.architecture import (
    key,
    read_architecture,
    read_text,
    write_architecture,
    yaml_text,
)
from unitsearch.exports.formats.code_layout import string_literal
from unitsearch.exports.formats.format import Files, Format, one_image_shape

if TYPE_CHECKING:
    from unitsearch.exports.checks import Answer
    from unitsearch.exports.source_network import SourceNetwork


class YamlFile(Format):
    """The format ``yaml``."""

    description = "the architecture, readable"
    packages = "unitsearch"
    needs_weights = False

    def files(self, source: SourceNetwork) -> Files:
        """Return the architecture file."""
        text = yaml_text(write_architecture(source.architecture))
        return {_file_name(source): text.encode()}

    def read(self, source: SourceNetwork, folder: Path) -> Answer:
        """Return the answer of a network built from the architecture file, which has no weights."""
        from unitsearch.exports.checks import module_answer
        from unitsearch.network.build import build

        path = folder / _file_name(source)
        architecture = read_architecture(read_text(path.read_text("utf-8"), path.name).data)
        network = build(architecture).eval()
        return module_answer(path.name, key(architecture), network, source, has_weights=False)

    def usage(self, source: SourceNetwork) -> str:
        """Return code that builds the network with random weights."""
        return (
            "import torch\nimport unitsearch\n\n"
            f"architecture = unitsearch.load_architecture({string_literal(_file_name(source))})\n"
            "network = unitsearch.build(architecture)  # without its weights\n"
            f"logits = network(torch.zeros({one_image_shape(source)}))\n"
        )


def _file_name(source: SourceNetwork) -> str:
    return f"{source.stem}.yaml"
