"""The interface of a runtime: it takes a program, writes the file for it, loads and runs the file.

The caller holds outputs against the network, measures them and moves the file to its place. A
runtime is one file in ``targets`` and its line in ``RUNTIMES``.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeAlias

import numpy as np

from unitsearch.errors import PackageError, SpecError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import nn
    from torch.export import ExportedProgram

    from unitsearch.architecture import Architecture

    Images: TypeAlias = NDArray[np.float32]
    RuntimeCall: TypeAlias = Callable[[Images], Images]

_MINUTES = 10  # that a converter may take


@dataclass(frozen=True, eq=False)
class Program:
    """A network for inference, or a part of one, as runtimes take it.

    Attributes:
        module: The module in eval mode, batch norm folded; its argument is called ``images``.
        shape: The shape of its input for one image.
        texts: The description that files hold where their format has a place for it.
    """

    module: nn.Module
    shape: tuple[int, ...]
    texts: Mapping[str, str] = field(default_factory=dict)

    def exported(self, batch: int | None) -> ExportedProgram:
        """Return the program as torch.export traces it, for ``batch`` images; None for any."""
        import torch

        # torch would take a batch of one for a constant
        images = torch.zeros(2 if batch is None else batch, *self.shape)
        dynamic = ({0: torch.export.Dim("batch")},) if batch is None else None
        program = torch.export.export(self.module, (images,), dynamic_shapes=dynamic)
        for graph in (node.graph for node in program.graph.nodes):
            for node in graph.nodes:
                node.meta.pop("stack_trace", None)  # paths of this machine
        program.example_inputs = None  # or the file would hold the images
        return program


class Runtime(ABC):
    """A program that runs files of networks.

    Attributes:
        name: As written in ``--runtime``; also the extra that installs it.
        title: As written on the card.
        packages: The packages that it needs, as installed by pip; its own first.
        ending: Ending of the file, without the dot.
        takes_any_batch: Whether one file runs any number of images at a time.
        tolerance: Largest difference of a logit, as a share of the largest logit.
        setting: The settings that it is run with beside one thread, as text; empty if none.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    packages: ClassVar[tuple[str, ...]]
    ending: ClassVar[str]
    takes_any_batch: ClassVar[bool] = True
    tolerance: ClassVar[float] = 1e-5
    setting: ClassVar[str] = ""

    def refusal(self, architecture: Architecture) -> str:
        """Return the reason why this runtime cannot take a network; empty if it can."""
        return ""

    @abstractmethod
    def write(self, program: Program, folder: Path, stem: str, batch: int) -> Sequence[str]:
        """Write the files of a program and return their names; the first is the one that is loaded.

        Args:
            program: The program.
            folder: The folder of the files.
            stem: The name of the files without their endings.
            batch: Images at a time; of no effect where a file takes any number.
        """

    @abstractmethod
    def load(self, path: Path, batch: int) -> RuntimeCall:
        """Return the function that runs a file on ``batch`` images at a time, on one thread."""

    @abstractmethod
    def usage(self, file: str, shape: Sequence[int]) -> str:
        """Return code that loads the file and computes logits, to be run in its folder."""

    @property
    def version(self) -> str:
        """The version of its own package that is installed here."""
        return metadata.version(self.packages[0])

    @property
    def missing(self) -> list[str]:
        """The packages that it lacks here."""
        return [name for name in self.packages if not _is_installed(name)]

    def require_packages(self) -> None:
        """Raise ``PackageError`` unless its packages are installed."""
        if self.missing:
            raise PackageError(
                f"{self.title} needs {' and '.join(self.missing)}",
                fix=f"pip install 'unitsearch[{self.name}]'",
            )

    def file_name(self, stem: str) -> str:
        """Return the name of its file."""
        return f"{stem}.{self.name}" + ("" if self.ending == self.name else f".{self.ending}")


def _is_installed(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what libraries print below Python away from the output of a command."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(1), os.dup(2)]
    try:
        with open(os.devnull, "wb") as nothing:  # noqa: PTH123  # a device, not a path
            os.dup2(nothing.fileno(), 1)
            os.dup2(nothing.fileno(), 2)
            yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for target, handle in zip((1, 2), kept, strict=True):
            os.dup2(handle, target)
            os.close(handle)


def converted(command: Sequence[str], folder: Path, made: Path) -> None:
    """Run a converter in ``folder``.

    Raises:
        SpecError: If it does not make the file ``made``; with the last line that it says.
    """
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=60 * _MINUTES, check=False
    )
    if done.returncode or not made.is_file():
        lines = [line for line in f"{done.stdout}\n{done.stderr}".splitlines() if line.strip()]
        reason = lines[-1].strip() if lines else f"it ended with {done.returncode}"
        raise SpecError(f"its converter made no file ({reason})")
