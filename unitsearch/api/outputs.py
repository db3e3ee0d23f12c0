"""The files beside a study's store: trials.csv, front.csv, report.html and front/."""

from __future__ import annotations

import re

from unitsearch.exports.documents import architecture_yaml, csv_text
from unitsearch.study.folder import weights_path, write_file
from unitsearch.study.record import Record
from unitsearch.study.tables import columns, front_trials, rows
from unitsearch.views.pages.report import write_report

# The files that a changed front may remove from its folder: those that this module writes.
_MEMBER_FILE = re.compile(r"\d{5,}\.(yaml|safetensors)")


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


def _write_front(record: Record) -> None:
    folder = record.folder / "front"
    members = front_trials(record)
    current = set()
    for trial in members:
        path = folder / f"{trial.number:05d}.yaml"
        write_file(path, architecture_yaml(record, trial).encode())
        current.add(path.name)
        weights = weights_path(record.folder, trial.number)
        if weights.is_file():
            target = path.with_suffix(".safetensors")
            write_file(target, weights.read_bytes())
            current.add(target.name)
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        is_earlier_member = path.name not in current and _MEMBER_FILE.fullmatch(path.name)
        if is_earlier_member:
            path.unlink()
