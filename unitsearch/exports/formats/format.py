"""The interface of a format: it makes files from a network, and reads an answer back from them.

The caller writes the files, compares the answer with the network (``checks``), and moves the files
to their place.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from unitsearch.architecture import write_architecture

if TYPE_CHECKING:
    from unitsearch.exports.checks import Answer
    from unitsearch.exports.source_network import SourceNetwork

Files = dict[str, bytes]
INPUT, OUTPUT = "images", "logits"  # the names of a program's input and output


class Format(ABC):
    """One format of exported files.

    Attributes:
        description: The content of its file in a few words.
        packages: The packages that must be installed to use its file, as text.
        needs_weights: Whether a file of this format is useless without trained weights.
        companion: The format whose file is needed to load this one; a format that holds weights
            alone has one.
        runtime: Name of the program that runs its file, in the card's table of latencies; empty if
            its file is not run by itself.
    """

    description: ClassVar[str]
    packages: ClassVar[str]
    needs_weights: ClassVar[bool]
    companion: ClassVar[str] = ""
    runtime: ClassVar[str] = ""

    @abstractmethod
    def files(self, source: SourceNetwork) -> Files:
        """Return the content of each file by its name; the first is the one that users name."""

    @abstractmethod
    def read(self, source: SourceNetwork, folder: Path) -> Answer:
        """Return the answer of the files in ``folder``.

        Raises:
            CheckError: If they cannot be read back.
        """

    @abstractmethod
    def usage(self, source: SourceNetwork) -> str:
        """Return code that loads the file and computes logits, to be run in its folder."""

    def require_packages(self) -> None:
        """Raise ``PackageError`` if a package that makes the files is not installed."""
        return


def metadata(source: SourceNetwork) -> dict[str, str]:
    """Return the description that a file for other programs holds, as text by key."""
    architecture = source.architecture
    texts = {
        "unitsearch.key": source.key,
        "weights": "trained" if source.is_trained else "random: not trained",
        "unitsearch.architecture": json.dumps(write_architecture(architecture), default=str),
        "input": "float32 [n, channels, height, width], normalised with mean and std"
        if architecture.mean
        else "float32 [n, channels, height, width], not normalised",
    }
    for name in ("mean", "std", "classes"):
        value = getattr(architecture, name)
        if value is not None:
            texts[name] = json.dumps(list(value))
    return texts


def one_image_shape(source: SourceNetwork) -> str:
    """Return the shape of a batch of one image, as the arguments of a call in Python."""
    return ", ".join(map(str, (1, *source.architecture.input)))
