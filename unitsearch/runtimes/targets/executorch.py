"""ExecuTorch with XNNPACK: programs for a fixed number of images."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from unitsearch.exports.formats.code_layout import string_literal
from unitsearch.runtimes.runtime import Program, Runtime, quiet

if TYPE_CHECKING:
    from unitsearch.runtimes.runtime import Images, RuntimeCall


class ExecuTorch(Runtime):
    """The runtime ``executorch``."""

    name = "executorch"
    title = "ExecuTorch (XNNPACK)"
    packages = ("executorch",)
    ending = "pte"
    takes_any_batch = False

    def write(self, program: Program, folder: Path, stem: str, batch: int) -> Sequence[str]:
        """Write one program of ExecuTorch for ``batch`` images."""
        name = self.file_name(stem)
        with quiet(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what no user can change
            from executorch.backends.xnnpack.partition.xnnpack_partitioner import (
                XnnpackPartitioner,
            )
            from executorch.exir import to_edge_transform_and_lower

            lowered = to_edge_transform_and_lower(
                program.exported(batch), partitioner=[XnnpackPartitioner()]
            )
            (folder / name).write_bytes(lowered.to_executorch().buffer)
        return (name,)

    def load(self, path: Path, batch: int) -> RuntimeCall:
        """Return the call of the program's method on one thread of the CPU."""
        import torch

        with quiet(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from executorch.extension.pybindings import portable_lib
            from executorch.runtime import Runtime as ExecuTorchRuntime

            portable_lib._unsafe_reset_threadpool(1)  # the only way to set it from Python
            program = ExecuTorchRuntime.get().load_program(path)
            method = program.load_method("forward")

        def run(images: Images) -> Images:
            logits: Images = method.execute([torch.from_numpy(images)])[0].numpy()
            return logits

        return run

    def usage(self, file: str, shape: Sequence[int]) -> str:
        """Return code that runs the file with ExecuTorch and torch."""
        return (
            "import torch\nfrom executorch.runtime import Runtime\n\n"
            f"program = Runtime.get().load_program({string_literal(file)})\n"
            'network = program.load_method("forward")\n'
            f"logits = network.execute([torch.zeros(1, {', '.join(map(str, shape))})])[0]\n"
        )
