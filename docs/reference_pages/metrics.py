"""The page on metrics: the table in the code, with words, formulas and sources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reference_pages.docstrings import described
from reference_pages.markdown import page, paragraphs, section, table, texts
from unitsearch.metrics import METRICS, SHOWN, Metric

LETTERS = {
    "a": ("accuracy, a fraction", lambda measured: measured.accuracy),
    "f": ("FLOPs in the papers' convention", lambda measured: measured.cost.flops),
    "p": ("parameters", lambda measured: measured.cost.params),
    "m": ("MACs", lambda measured: measured.cost.macs),
    "s": ("MACs, shared filters applied once", lambda measured: measured.cost.macs_shared),
    "n": ("stored bits", lambda measured: measured.cost.bits),
    "t": ("the measured milliseconds", lambda measured: measured.latency),
}


def said() -> Mapping[str, Mapping[str, Any]]:
    """Return what the texts say of each metric.

    Raises:
        LookupError: If a metric has no text, or a text no metric.
    """
    found: Mapping[str, Mapping[str, Any]] = texts("metrics")
    if set(found) != set(SHOWN):
        raise LookupError(f"texts/metrics.yaml: {sorted(set(found) ^ set(SHOWN))}")
    return found


def pages() -> dict[str, str]:
    """Return the page on metrics."""
    found = said()
    rows = [
        (
            f"[`{name}`](#metric-{name})",
            found[name]["unit"],
            _better(one),
            f"`{_formula(found[name])}`",
        )
        for name, one in SHOWN.items()
    ]
    parts = [
        *paragraphs("metrics"),
        table(("metric", "unit", "better", "formula"), rows),
        f"In the formulas {_letters()}; the ending _b means the baseline.",
    ]
    for name, one in SHOWN.items():
        parts += _one(name, one, found[name])
    return {"metrics": page("Metrics", *parts)}


def _one(name: str, one: Metric, told: Mapping[str, Any]) -> list[str]:
    source = described(one.formula).source if told["source"] == "code" else told["source"]
    scale = "; compared and drawn in powers of ten" if one.logarithmic else ""
    facts = [
        ("formula", f"`{_formula(told)}`"),
        ("unit", told["unit"]),
        ("better", _better(one) + scale),
        ("on an axis", one.label),
    ]
    if name not in METRICS:
        facts.append(("as an objective", "no: it is measured afterwards"))
    if source:
        facts.append(("source", source))
    return [
        section(f"`{name}`", anchor=f"metric-{name}"),
        told["text"],
        "\n".join(f"- {name}: {fact}" for name, fact in facts),
    ]


def _formula(told: Mapping[str, Any]) -> str:
    """Return the formula as people read it, a product as ×."""
    return str(told["formula"]).replace(" * ", " × ")


def _better(one: Metric) -> str:
    return "more" if one.maximise else "less"


def _letters() -> str:
    return ", ".join(f"`{letter}` is {what}" for letter, (what, _) in LETTERS.items())
