"""C arrays: the TensorFlow Lite file of a network as a source file for microcontrollers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from unitsearch.errors import CheckError
from unitsearch.exports.formats.format import Files, Format
from unitsearch.exports.formats.tflite_file import lite_answer

if TYPE_CHECKING:
    from unitsearch.exports.checks import Answer
    from unitsearch.exports.source_network import SourceNetwork

_A_LINE = 12  # bytes
_BYTE = re.compile(r"0x([0-9a-f]{2}),")


class CArray(Format):
    """The format ``c``."""

    description = "the TensorFlow Lite file as an array in C, in int8 where that is asked for"
    packages = "a C compiler and TensorFlow Lite Micro"
    needs_weights = True

    def files(self, source: SourceNetwork) -> Files:
        """Return the source file and its header."""
        name = c_name(source.stem)
        return {f"{name}.c": _source(source, name).encode(), f"{name}.h": _header(name).encode()}

    def read(self, source: SourceNetwork, folder: Path) -> Answer:
        """Return the answer of the file that the array holds, in LiteRT.

        Raises:
            CheckError: If it holds other bytes than the TensorFlow Lite file.
        """
        path = folder / f"{c_name(source.stem)}.c"
        content = array_bytes(path.read_text("utf-8"))
        if content != source.lite.deployed.content:
            raise CheckError(
                place=path.name, found="other bytes", expected="the TensorFlow Lite file"
            )
        return lite_answer(source, path.name, source.lite.whole.content)

    def usage(self, source: SourceNetwork) -> str:
        """Return code that gives the array to TensorFlow Lite Micro."""
        name = c_name(source.stem)
        arena = source.lite.deployed.arena
        size = f"{arena.total}" if arena else "ARENA_BYTES"
        return (
            f'#include "{name}.h"\n\n'
            f"alignas(16) static uint8_t arena[{size}];\n"
            f"const tflite::Model* model = tflite::GetModel({name});\n"
        )

    def require_packages(self) -> None:
        """Raise ``PackageError`` unless the packages of the extra ``litert`` are installed."""
        from unitsearch.exports.lite.converting import require_packages

        require_packages()


def c_name(stem: str) -> str:
    """Return the name of an array in C for a network's file."""
    return "model_" + re.sub(r"[^0-9a-zA-Z]+", "_", stem).strip("_").lower()


def array_bytes(text: str) -> bytes:
    """Return the bytes that the source file of an array lists."""
    return bytes(int(byte, 16) for byte in _BYTE.findall(text))


def _header(name: str) -> str:
    guard = f"{name.upper()}_H"
    return (
        f"#ifndef {guard}\n#define {guard}\n\n"
        '#ifdef __cplusplus\nextern "C" {\n#endif\n\n'
        f"extern const unsigned char {name}[];\n"
        f"extern const unsigned int {name}_size;\n\n"
        "#ifdef __cplusplus\n}\n#endif\n\n"
        f"#endif  /* {guard} */\n"
    )


def _source(source: SourceNetwork, name: str) -> str:
    file, model = source.lite.deployed, source.lite
    kind = "float32" if model.int8 is None else "int8 weights and activations"
    channels, height, width = source.architecture.input
    facts = [
        f"A TensorFlow Lite model, {kind}, made by unitsearch; key {source.key}.",
        f"Input: 1 x {height} x {width} x {channels}, channels last.",
        f"Flash: {len(file.content)} bytes.",
        f"Activation memory in int8, exact: {source.cost.activation_bytes} bytes.",
    ]
    if file.arena is not None:
        facts.append(
            f"Arena in TensorFlow Lite Micro, measured on a 64-bit machine: {file.arena.total} "
            f"bytes, of which {file.arena.fixed} are fixed."
        )
    head = "\n".join(f" * {line}" for line in facts)
    lines = [
        "    " + " ".join(f"0x{byte:02x}," for byte in file.content[at : at + _A_LINE])
        for at in range(0, len(file.content), _A_LINE)
    ]
    body = "\n".join(lines)
    return (
        f'/*\n{head}\n */\n#include "{name}.h"\n\n'
        "#if defined(__GNUC__)\n__attribute__((aligned(16)))\n#endif\n"
        f"const unsigned char {name}[] = {{\n{body}\n}};\n"
        f"const unsigned int {name}_size = sizeof({name});\n"
    )
