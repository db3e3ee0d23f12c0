"""pt2 files: a network as a program of ``torch.export``."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

from unitsearch.exports.formats.code_layout import string_literal
from unitsearch.exports.formats.format import Files, Format, metadata, one_image_shape

if TYPE_CHECKING:
    from unitsearch.exports.checks import Answer
    from unitsearch.exports.source_network import SourceNetwork

_METADATA = "unitsearch.json"  # the extra file inside of the archive


class Pt2File(Format):
    """The format ``pt2``."""

    description = "the network as a program of torch.export, batch norm folded"
    packages = "torch"
    needs_weights = True
    runtime = "torch.export (pt2)"

    def files(self, source: SourceNetwork) -> Files:
        """Return the program with the metadata of the network."""
        import torch

        content = io.BytesIO()
        extra_files = {_METADATA: json.dumps(metadata(source))}
        torch.export.save(source.program, content, extra_files=extra_files)
        return {f"{source.stem}.pt2": content.getvalue()}

    def read(self, source: SourceNetwork, folder: Path) -> Answer:
        """Return the answer of the program in the file."""
        import torch

        from unitsearch.exports.checks import Answer, counted_macs

        path = folder / f"{source.stem}.pt2"
        extra_files = {_METADATA: ""}
        program = torch.export.load(path, extra_files=extra_files)
        network = program.module()
        return Answer(
            file=path.name,
            key=str(json.loads(extra_files[_METADATA])["unitsearch.key"]),
            params=sum(parameter.numel() for parameter in program.parameters()),
            macs=counted_macs(network, source.images[:1]),
            run=network,
            is_folded=True,
        )

    def usage(self, source: SourceNetwork) -> str:
        """Return code that loads the program."""
        return (
            "import torch\n\n"
            f"network = torch.export.load({string_literal(source.stem + '.pt2')}).module()\n"
            f"logits = network(torch.zeros({one_image_shape(source)}))\n"
        )
