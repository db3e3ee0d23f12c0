"""The formats of exported files, by name.

To add a format, write a subclass of ``Format`` in a file of its own and add its line to
``FORMATS``: the checks, the card and the tests take it from there.
"""

from __future__ import annotations

from collections.abc import Sequence

from unitsearch.errors import UsageError, did_you_mean
from unitsearch.exports.formats.c_array import CArray
from unitsearch.exports.formats.format import Format
from unitsearch.exports.formats.onnx_file import OnnxFile
from unitsearch.exports.formats.pt2_file import Pt2File
from unitsearch.exports.formats.python_file import PythonFile
from unitsearch.exports.formats.safetensors_file import SafetensorsFile
from unitsearch.exports.formats.tflite_file import TfliteFile
from unitsearch.exports.formats.yaml_file import YamlFile

FORMATS: dict[str, Format] = {
    "yaml": YamlFile(),
    "safetensors": SafetensorsFile(),
    "pt2": Pt2File(),
    "onnx": OnnxFile(),
    "python": PythonFile(),
    "tflite": TfliteFile(),
    "c": CArray(),
}


def formats_from(text: str | Sequence[str]) -> list[str]:
    """Return the names of formats in ``text``, ``yaml,onnx``, each once.

    Raises:
        UsageError: If a name is not the name of a format.
    """
    words = text.split(",") if isinstance(text, str) else list(text)
    names = list(dict.fromkeys(word.strip() for word in words))
    for name in names:
        if name not in FORMATS:
            raise UsageError(
                place="--format",
                found=name,
                expected=f"some of {', '.join(FORMATS)}",
                fix=did_you_mean(name, FORMATS, listed=False),
            )
    return names
