"""The files that a run leaves beside its store: tables, the front's architectures and weights."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from unitsearch.architecture import Architecture, write_architecture, yaml_text
from unitsearch.study.folder import weights_path, write_file
from unitsearch.study.record import Record, Trial
from unitsearch.study.tables import columns, front_trials, rows
from unitsearch.views.pages.report import write_report

# What a front's folder may lose when the front changes: files of ours, nobody else's.
_MEMBER = re.compile(r"\d{5,}\.(yaml|safetensors)")


def write_outputs(record: Record) -> None:
    """Write trials.csv, front.csv, report.html and front/ anew.

    Raises:
        StudyError: If the study's folder cannot be written.
    """
    table = rows(record)
    write_file(record.folder / "trials.csv", csv_text(table, columns(record)).encode())
    on_front = [row for row in table if row["front"]]
    write_file(record.folder / "front.csv", csv_text(on_front, columns(record)).encode())
    _write_front(record)
    write_report(record, record.folder / "report.html")


def documented(record: Record, trial: Trial) -> Architecture:
    """Return a trial's architecture with classes, normalisation and provenance."""
    row = next(row for row in rows(record) if row["number"] == trial.number)
    provenance: dict[str, Any] = {"study": record.name, "trial": trial.number, "key": trial.key}
    for name in ("seed", "accuracy", "accuracy_se", "test_accuracy", "params", "macs", "flops"):
        provenance[name] = _rounded(row[name])
    provenance |= {"ce": _rounded(row["ce"]), "se": _rounded(row["se"])}
    if record.shares_filters:
        provenance |= {"macs_shared": row["macs_shared"], "bits": row["bits"]}
        provenance["se_bits"] = _rounded(row["se_bits"])
    provenance["accuracy_of"] = f"{trial.images} validation images, 1 seed"
    if trial.test_accuracy is not None:
        provenance["test_accuracy_of"] = f"{trial.test_images} test images, 1 seed"
    provenance["flops_are"] = "the papers' convention, not 2 x MACs"
    provenance["space"] = record.manifest.space.name
    provenance["data"] = record.manifest.config.data.name
    provenance["recipe"] = record.manifest.config.train.name
    provenance["split"] = record.manifest.split
    return replace(
        trial.architecture,
        classes=record.manifest.classes or None,
        mean=record.manifest.mean or None,
        std=record.manifest.std or None,
        provenance=provenance,
    )


def architecture_yaml(record: Record, trial: Trial) -> str:
    """Return the architecture file of a trial."""
    return yaml_text(write_architecture(documented(record, trial)))


def csv_text(table: Sequence[dict[str, Any]], columns: Sequence[str]) -> str:
    """Return rows as CSV with a header; unknown values are empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    for row in table:
        writer.writerow({key: "" if row.get(key) is None else row[key] for key in columns})
    return text.getvalue()


def _write_front(record: Record) -> None:
    folder = record.folder / "front"
    members = front_trials(record)
    kept = set()
    for trial in members:
        path = folder / f"{trial.number:05d}.yaml"
        write_file(path, architecture_yaml(record, trial).encode())
        kept.add(path.name)
        weights = weights_path(record.folder, trial.number)
        if weights.is_file():
            target = path.with_suffix(".safetensors")
            write_file(target, weights.read_bytes())
            kept.add(target.name)
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        if path.name not in kept and _MEMBER.fullmatch(path.name):  # of an earlier front
            path.unlink()


def _rounded(value: Any) -> Any:
    return round(value, 6) if isinstance(value, float) else value
