"""The text of a study's results: its table as CSV, and a trial's architecture as a YAML file."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from unitsearch.architecture import Architecture, write_architecture, yaml_text
from unitsearch.study.record import Record, Trial
from unitsearch.study.tables import rows


def documented(record: Record, trial: Trial) -> Architecture:
    """Return a trial's architecture with classes, normalisation and provenance."""
    row = next(row for row in rows(record) if row["number"] == trial.number)
    provenance: dict[str, Any] = {"study": record.name, "trial": trial.number, "key": trial.key}
    for name in ("seed", "accuracy", "accuracy_se", "test_accuracy", "params", "macs", "flops"):
        provenance[name] = _rounded(row[name])
    provenance["activation_bytes"] = row["activation_bytes"]
    provenance |= {"ce": _rounded(row["ce"]), "se": _rounded(row["se"])}
    if record.shares_filters:
        provenance |= {"macs_shared": row["macs_shared"], "bits": row["bits"]}
        provenance["se_bits"] = _rounded(row["se_bits"])
    provenance["accuracy_of"] = f"{trial.images} validation images, 1 seed"
    if row["accuracy_model"] is not None:
        provenance["accuracy_model"] = _rounded(row["accuracy_model"])
        provenance["accuracy_model_se"] = _rounded(row["accuracy_model_se"])
        provenance["seeds"] = row["seeds"]
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
    """Return a trial's architecture as the text of a YAML file."""
    return yaml_text(write_architecture(documented(record, trial)))


def csv_text(table: Sequence[dict[str, Any]], columns: Sequence[str]) -> str:
    """Return rows as CSV with a header; unknown values are empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    for row in table:
        writer.writerow({key: "" if row.get(key) is None else row[key] for key in columns})
    return text.getvalue()


def _rounded(value: Any) -> Any:
    return round(value, 6) if isinstance(value, float) else value
