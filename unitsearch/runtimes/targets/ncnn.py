"""ncnn: files that pnnx makes from ONNX; one image at a time."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from unitsearch.exports.formats.code_layout import string_literal
from unitsearch.runtimes.runtime import Program, Runtime, converted, quiet
from unitsearch.runtimes.targets.onnxruntime import write_onnx

if TYPE_CHECKING:
    from unitsearch.runtimes.runtime import Images, RuntimeCall

_SIXTEEN_BITS = ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage")


class Ncnn(Runtime):
    """The runtime ``ncnn``."""

    name = "ncnn"
    title = "ncnn"
    packages = ("ncnn", "pnnx", "onnx", "onnxscript")
    ending = "param"
    setting = "float32 weights and sums, which are not its defaults; several images one by one"

    def write(self, program: Program, folder: Path, stem: str, batch: int) -> Sequence[str]:
        """Write the two files of ncnn, by way of an ONNX file: the graph and its weights."""
        import pnnx

        name = self.file_name(stem)
        names = (name, f"{name.removesuffix(self.ending)}bin")
        shape = ",".join(map(str, (1, *program.shape)))
        with tempfile.TemporaryDirectory() as between:
            inside = Path(between)
            source = write_onnx(program, inside, "network.onnx")
            made = [inside / f"network.ncnn.{ending}" for ending in ("param", "bin")]
            command = [pnnx.EXEC_PATH, source, f"inputshape=[{shape}]", "fp16=0"]
            converted(command, inside, made[0])
            for path, kept in zip(made, names, strict=True):
                shutil.copyfile(path, folder / kept)
        return names

    def load(self, path: Path, batch: int) -> RuntimeCall:
        """Return the call of a net on one thread of the CPU, in float32."""
        with quiet():
            import ncnn

            net = ncnn.Net()
            net.opt.num_threads = 1
            net.opt.use_vulkan_compute = False
            for option in _SIXTEEN_BITS:
                setattr(net.opt, option, False)
            net.load_param(str(path))
            net.load_model(str(path.with_suffix(".bin")))
            entry, end = net.input_names()[0], net.output_names()[0]

        def run(images: Images) -> Images:
            rows = []
            for image in images:
                with net.create_extractor() as extractor:
                    extractor.input(entry, ncnn.Mat(image))
                    rows.append(np.array(extractor.extract(end)[1]))
            return np.stack(rows)

        return run

    def usage(self, file: str, shape: Sequence[int]) -> str:
        """Return code that runs the files with ncnn and numpy."""
        weights = f"{file.removesuffix(self.ending)}bin"
        return (
            "import ncnn\nimport numpy\n\n"
            "net = ncnn.Net()\n"
            "net.opt.use_fp16_packed = net.opt.use_fp16_storage = False\n"
            "net.opt.use_fp16_arithmetic = False\n"
            f"net.load_param({string_literal(file)})\n"
            f"net.load_model({string_literal(weights)})\n"
            f'image = numpy.zeros(({", ".join(map(str, shape))}), "float32")\n'
            "with net.create_extractor() as extractor:\n"
            "    extractor.input(net.input_names()[0], ncnn.Mat(image))\n"
            "    logits = numpy.array(extractor.extract(net.output_names()[0])[1])\n"
        )
