"""The documents of a study's results, and the last line of a run."""

from __future__ import annotations

import csv
import re
from dataclasses import replace

from tests.records import ODD, binary_record, manifest
from unitsearch.api.study_facts import closing_text
from unitsearch.exports.documents import csv_text, documented
from unitsearch.metrics import se_bits
from unitsearch.study.progress import End
from unitsearch.study.record import Record
from unitsearch.study.tables import COLUMNS, rows


def test_provenance_says_bits_where_filters_are_shared() -> None:
    record = binary_record()
    trial = record.trials[1]
    provenance = documented(record, trial).provenance
    assert provenance is not None
    assert (provenance["bits"], provenance["macs_shared"]) == (
        trial.cost.bits,
        trial.cost.macs_shared,
    )
    assert provenance["se_bits"] == round(se_bits(trial.measured, record.trials[0].measured), 6)


def test_provenance_says_no_bits_elsewhere(record: Record) -> None:
    document = documented(record, record.trials[1])
    assert document.provenance is not None
    assert not {"bits", "macs_shared", "se_bits"} & set(document.provenance)


def test_csv_has_the_storage_efficiency_in_bits() -> None:
    record = binary_record()
    table = list(csv.DictReader(csv_text(rows(record), COLUMNS).splitlines()))
    base = record.trials[0].measured
    assert [float(row["se_bits"]) for row in table] == [
        se_bits(trial.measured, base) for trial in record.trials
    ]


def test_the_last_line_of_a_run_says_bits_where_they_are_an_objective() -> None:
    line = closing_text(End("budget", binary_record()), "binary")
    assert re.search(r"× fewer stored bits \(SE in bits [0-9.]+\); ", line)
    other = replace(binary_record(), manifest=manifest(objectives=("accuracy", "flops")))
    assert "bits" not in closing_text(End("budget", other), "binary")


def test_the_last_line_of_a_run_says_as_many_flops_as(record: Record) -> None:
    best = replace(record.trials[0], number=1, accuracy=0.99)
    equal = replace(record, trials=(record.trials[0], best))
    assert ", as many FLOPs as the baseline's 98." in closing_text(End("budget", equal), "equal")


def test_the_last_line_of_a_run_says_no_ce_of_a_baseline_without_accuracy() -> None:
    line = closing_text(End("budget", ODD["zero accuracy"]), "zero")
    assert "(CE" not in line
    assert "nan" not in line
