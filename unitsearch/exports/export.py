"""Files of a network: written, read back and checked before they are moved to their place."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from unitsearch.errors import StudyError
from unitsearch.exports.card import WrittenFormat, card
from unitsearch.exports.card_facts import CardFacts
from unitsearch.exports.checks import check_answer
from unitsearch.exports.formats import FORMATS
from unitsearch.exports.runtime_facts import RuntimeFacts
from unitsearch.exports.runtime_latency import runtime_latencies
from unitsearch.exports.source_network import SourceNetwork


class RuntimeTarget(Protocol):
    """A runtime that a network is exported to: see ``unitsearch.runtimes``."""

    def check(self, source: SourceNetwork) -> None:
        """Raise ``SpecError`` if the runtime cannot take the network."""

    def write(self, source: SourceNetwork, folder: Path) -> RuntimeFacts:
        """Write the files of a network into ``folder``, compare and measure them."""


@dataclass(frozen=True)
class Exported:
    """The files of one network, written and checked.

    Attributes:
        name: The name of its files without their endings.
        files: The first file of each format.
        card: The Markdown file that describes them.
        differences: By format: the largest relative difference of a logit on 16 fixed images; 0
            means equal. Formats without weights are left out.
        is_trained: Whether its weights are trained, or random.
        runtimes: The facts of the network in each runtime that it was exported to.
        notes: What files take, sentences of the card.
    """

    name: str
    files: Mapping[str, Path]
    card: Path
    differences: Mapping[str, float]
    is_trained: bool
    runtimes: tuple[RuntimeFacts, ...] = ()
    notes: tuple[str, ...] = ()


def export(
    source: SourceNetwork,
    facts: CardFacts,
    formats: Sequence[str],
    folder: Path,
    *,
    latency: bool = True,
    targets: Sequence[RuntimeTarget] = (),
) -> Exported:
    """Write a network in some formats with its card; read every file back before any is in place.

    Args:
        source: The network.
        facts: The facts of the card that the network does not hold.
        formats: Some of ``FORMATS``.
        folder: The folder of the files, made if missing. Files of the same names are replaced.
        latency: Whether to measure the latency of an image for the card.
        targets: The runtimes that get a file of their own.

    Raises:
        CheckError: If a file does not agree with the network; then no file is left.
        SpecError: If a runtime does not take the network; then no file is left.
        StudyError: If ``folder`` cannot be written.
    """
    for target in targets:
        target.check(source)
    existed = folder.is_dir()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".export-") as name:
            staging = Path(name)
            written = _write_formats(source, formats, staging)
            calls = {
                FORMATS[one.format].runtime: one.checked.answer.run
                for one in written
                if FORMATS[one.format].runtime and one.checked.answer.run is not None
            }
            latencies = runtime_latencies(source, calls) if latency else []
            runtimes = [target.write(source, staging) for target in targets]
            card_path = staging / f"{source.stem}.MODEL.md"
            _write_file(card_path, card(source, facts, written, latencies, runtimes).encode())
            made = [file for one in written for file in one.files]
            made += [file for one in runtimes for file in one.files]
            for path in (*(staging / file for file in made), card_path):
                path.replace(folder / path.name)
    except OSError as error:
        raise StudyError(f"{folder}: cannot be written ({error.strerror or error})") from None
    finally:
        if not existed and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    return Exported(
        name=source.stem,
        files={one.format: folder / next(iter(one.files)) for one in written},
        card=folder / card_path.name,
        differences={
            one.format: one.checked.difference
            for one in written
            if one.checked.difference is not None
        },
        is_trained=source.is_trained,
        runtimes=tuple(runtimes),
        notes=tuple(dict.fromkeys(note for one in written for note in one.checked.answer.notes)),
    )


def _write_formats(
    source: SourceNetwork, formats: Sequence[str], folder: Path
) -> list[WrittenFormat]:
    """Write the files of all formats into ``folder`` and read each back."""
    written = []
    for name in formats:
        files = FORMATS[name].files(source)
        for file, content in files.items():
            _write_file(folder / file, content)
        checked = check_answer(source, FORMATS[name].read(source, folder))
        written.append(WrittenFormat(name, files, checked))
    return written


def _write_file(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
