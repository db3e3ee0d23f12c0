"""torch: programs of torch.export."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from unitsearch.exports.formats.code_layout import string_literal
from unitsearch.runtimes.runtime import Program, Runtime

if TYPE_CHECKING:
    from unitsearch.runtimes.runtime import Images, RuntimeCall


class TorchExport(Runtime):
    """The runtime ``torch``."""

    name = "torch"
    title = "torch"
    packages = ("torch",)
    ending = "pt2"

    def write(self, program: Program, folder: Path, stem: str, batch: int) -> Sequence[str]:
        """Write one program of torch.export."""
        import torch

        name = self.file_name(stem)
        content = io.BytesIO()
        extra_files = {"unitsearch.json": json.dumps(dict(program.texts))}
        torch.export.save(program.exported(None), content, extra_files=extra_files)
        (folder / name).write_bytes(content.getvalue())
        return (name,)

    def load(self, path: Path, batch: int) -> RuntimeCall:
        """Return the call of the program's module."""
        import torch

        network = torch.export.load(path).module()

        def run(images: Images) -> Images:
            with torch.inference_mode():
                logits: Images = network(torch.from_numpy(images)).numpy()
            return logits

        return run

    def usage(self, file: str, shape: Sequence[int]) -> str:
        """Return code that loads the program."""
        return (
            "import torch\n\n"
            f"network = torch.export.load({string_literal(file)}).module()\n"
            f"logits = network(torch.zeros(1, {', '.join(map(str, shape))}))\n"
        )
