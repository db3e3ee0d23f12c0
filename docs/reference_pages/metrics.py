"""The page on metrics: the table in the code, with its words, formulas and sources."""

from __future__ import annotations

from reference_pages.markdown import page, paragraphs, section, table
from unitsearch.metrics import METRICS, Metric

LETTERS = {
    "a": ("accuracy, a fraction", lambda measured: measured.accuracy),
    "f": ("FLOPs in the papers' convention", lambda measured: measured.cost.flops),
    "p": ("parameters", lambda measured: measured.cost.params),
    "m": ("MACs", lambda measured: measured.cost.macs),
    "s": ("MACs, shared filters applied once", lambda measured: measured.cost.macs_shared),
    "n": ("stored bits", lambda measured: measured.cost.bits),
    "l": (
        "the most bytes of activations that live at one time",
        lambda measured: measured.cost.activation_bytes,
    ),
    "t": ("the measured milliseconds", lambda measured: measured.latency),
}


def pages() -> dict[str, str]:
    """Return the page on metrics."""
    rows = [
        (
            f"[`{name}`](#metric-{name})",
            metric.unit,
            _better(metric),
            f"`{_definition(metric)}`",
        )
        for name, metric in METRICS.items()
    ]
    parts = [
        *paragraphs("metrics"),
        table(("metric", "unit", "better", "formula"), rows),
        f"In the formulas {_letters()}; the ending _b means the baseline.",
    ]
    for metric in METRICS.values():
        parts += _section(metric)
    return {"metrics": page("Metrics", *parts)}


def _section(metric: Metric) -> list[str]:
    scale = "; compared and drawn in powers of ten" if metric.scale == "log" else ""
    facts = [
        ("formula", f"`{_definition(metric)}`"),
        ("unit", metric.unit),
        ("better", _better(metric) + scale),
        ("on an axis", metric.label),
    ]
    if metric.is_measured:
        facts.append(("as an objective", "measured for each network after its training"))
    if metric.source:
        facts.append(("source", metric.source))
    return [
        section(f"`{metric.name}`", anchor=f"metric-{metric.name}"),
        metric.description,
        "\n".join(f"- {name}: {fact}" for name, fact in facts),
    ]


def _definition(metric: Metric) -> str:
    """Return the formula as people read it, a product as ×."""
    return metric.definition.replace(" * ", " × ")


def _better(metric: Metric) -> str:
    return "more" if metric.maximise else "less"


def _letters() -> str:
    return ", ".join(f"`{letter}` is {meaning}" for letter, (meaning, _) in LETTERS.items())
