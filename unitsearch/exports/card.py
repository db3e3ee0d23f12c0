"""The card of an exported network: its origin, accuracy, costs, usage and checks, as Markdown."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata

from unitsearch import wording
from unitsearch.architecture.description import describe
from unitsearch.exports.card_facts import CardFacts
from unitsearch.exports.card_runtimes import runtime_parts, runtime_usages
from unitsearch.exports.checks import TOLERANCE, CheckedAnswer
from unitsearch.exports.formats import FORMATS
from unitsearch.exports.markdown import block, code, table
from unitsearch.exports.runtime_facts import RuntimeFacts
from unitsearch.exports.runtime_latency import RuntimeLatency
from unitsearch.exports.sentences import sentences
from unitsearch.exports.source_network import SourceNetwork
from unitsearch.shapes import output

_COSTS = {
    "params": ("parameters", "all trainable numbers: weights, biases, batch norm's two a channel"),
    "macs": ("MACs", "multiply-accumulates of convolutions and fully connected layers, one image"),
    "flops": (
        "FLOPs",
        "the papers' convention: 2 × MACs, and biases and batch norm count; one image",
    ),
    "macs_shared": ("MACs, shared", "MACs if binary filters that are shared are applied once"),
    "bits": ("stored bits", "32 a number, batch norm's four a channel; 1 a binary weight"),
    "activation_bytes": ("activation memory", "most bytes of int8 activations living at one time"),
}
_METRICS = {
    "ce": ("CE", "accuracy per FLOP over the baseline's (TissueNet §4.1)"),
    "se": ("SE", "accuracy per parameter over the baseline's (TissueNet §4.1)"),
    "se_bits": ("SE in bits", "accuracy per stored bit over the baseline's"),
    "tca": ("TCA", "trade-off of computation and accuracy, w1 = w2 = 1 (BUnit-Net Eq. 9)"),
    "tsa": ("TSA", "trade-off of storage and accuracy, w1 = w2 = 1 (BUnit-Net Eq. 9)"),
}


@dataclass(frozen=True)
class WrittenFormat:
    """The files of one format of a network.

    Attributes:
        format: The format's name.
        files: Content by file name.
        checked: The answer that was read back from the files.
    """

    format: str
    files: Mapping[str, bytes]
    checked: CheckedAnswer


def card(
    source: SourceNetwork,
    facts: CardFacts,
    written: Sequence[WrittenFormat],
    latencies: Sequence[RuntimeLatency],
    runtimes: Sequence[RuntimeFacts] = (),
) -> str:
    """Return the card of a network as Markdown."""
    parts = [
        f"# {code(source.stem)}",
        _summary(source, facts),
        "## Input and output",
        _interface(source),
        "## Network",
        f"Units: {describe(source.architecture)}.",
        "\n".join(f"{i}. {line}" for i, line in enumerate(sentences(source.architecture), 1)),
        f"Key: {code(source.key)}. Equal networks have equal keys.",
        "## Accuracy",
        *_accuracy(source, facts),
        "## Costs",
        _costs(source, facts),
        *_latency(latencies),
        *runtime_parts(runtimes),
        "## Training",
        *_training(source, facts),
        "## Files",
        _files(written, runtimes),
        "## How to load it",
        *_loading(source, written),
        *runtime_usages(runtimes),
        "## Checks",
        *_checks(written),
        "## Licence",
        "unitsearch, which made these files and the code in them, is under the MIT licence and "
        "claims nothing in them: they are free to use as far as unitsearch is concerned. The data "
        "set that the network was trained on has terms of its own.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _summary(source: SourceNetwork, facts: CardFacts) -> str:
    cost = source.cost
    classes = output(source.architecture)[0]
    text = (
        f"A classifier of {classes:,} classes with {cost.params:,} parameters and {cost.macs:,} "
        f"MACs an image. {facts.origin}"
    )
    if not source.is_trained:
        text += " **It is untrained: its weights are random.**"
    return text


def _interface(source: SourceNetwork) -> str:
    architecture = source.architecture
    c, h, w = architecture.input
    lines = [
        f"- Input `images`: float32 [n, {c}, {h}, {w}], any n: channels first.",
        f"- Output `logits`: float32 [n, {output(architecture)[0]}], before softmax.",
    ]
    if architecture.mean and architecture.std:
        mean, std = (
            ", ".join(f"{v:.6g}" for v in vs) for vs in (architecture.mean, architecture.std)
        )
        lines.insert(
            1,
            "- Normalisation is not in the network: give it (pixels - mean) / std, pixels in "
            f"[0, 1], with mean [{mean}] and std [{std}] of each channel.",
        )
    else:
        lines.insert(
            1, "- As far as is known, it was trained on pixels in [0, 1] without normalisation."
        )
    if architecture.classes:
        names = ", ".join(code(name) for name in architecture.classes)
        lines.append(f"- Classes in order: {names}.")
    return "\n".join(lines)


def _accuracy(source: SourceNetwork, facts: CardFacts) -> list[str]:
    if not source.is_trained:
        return ["None: it is untrained."]
    if not facts.accuracies:
        return ["Not recorded."]
    rows = [
        [
            f"{accuracy.split}, by model" if accuracy.by_model else accuracy.split,
            f"{100 * accuracy.value:.2f} %",
            "not recorded" if accuracy.images is None else f"{accuracy.images:,}",
            str(accuracy.seeds),
            "not known" if accuracy.error is None else f"{100 * accuracy.error:.2f} points",
        ]
        for accuracy in facts.accuracies
    ]
    note = (
        "The standard error of a single training is that of the images (binomial), without the "
        "spread over seeds."
    )
    if any(accuracy.by_model for accuracy in facts.accuracies):
        note = f"{wording.BELIEF_MEANING} {note}"
    head = ["images of", "accuracy", "n images", "n seeds", "standard error"]
    return [table(head, rows, right=(1, 2, 3, 4)), " ".join(filter(None, [note, facts.choice]))]


def _costs(source: SourceNetwork, facts: CardFacts) -> str:
    shared = source.cost.macs_shared != source.cost.macs
    names = [name for name in _COSTS if shared or name != "macs_shared"]
    rows = [
        [
            _COSTS[name][0],
            f"{getattr(source.cost, name):,}",
            facts.baseline.get(name, "–"),
            _COSTS[name][1],
        ]
        for name in names
    ]
    rows += [
        [_METRICS[name][0], wording.ratio(value), "", _METRICS[name][1]]
        for name, value in facts.metrics.items()
    ]
    return table(["", "value", "against the baseline", "what it is"], rows, right=(1,))


def _latency(latencies: Sequence[RuntimeLatency]) -> list[str]:
    if not latencies:
        return ["Latency was not measured: `unitsearch latency FILE.yaml` does that."]
    rows = [
        [time.runtime, f"{time.median:.3g} ms", f"{time.low:.3g} to {time.high:.3g} ms"]
        for time in latencies
    ]
    return [
        "Latency of one image at a time where this was exported "
        f"({code(latencies[0].machine)}), one thread, all runtimes in turns in one "
        "measurement; other machines differ:",
        table(["runtime", "median", "quartiles"], rows, right=(1, 2)),
    ]


def _training(source: SourceNetwork, facts: CardFacts) -> list[str]:
    if not source.is_trained:
        parts = ["It has not been trained."]
    else:
        rows = [*facts.data.items(), *((f"recipe: {k}", v) for k, v in facts.recipe.items())]
        parts = [table(["", ""], rows)] if rows else ["What it was trained on is not recorded."]
    if facts.retrain:
        parts += [
            "To train it again from random weights, where unitsearch and the data are:",
            block(facts.retrain, "sh"),
        ]
    return parts


def _files(written: Sequence[WrittenFormat], runtimes: Sequence[RuntimeFacts]) -> str:
    listed = [
        (name, content, FORMATS[one.format].description, FORMATS[one.format].packages)
        for one in written
        for name, content in one.files.items()
    ]
    listed += [
        (name, content, f"the network for {one.title}, batch norm folded", one.title)
        for one in runtimes
        for name, content in one.files.items()
    ]
    rows = [
        [
            code(name),
            description,
            packages,
            f"{len(content):,}",
            code(hashlib.sha256(content).hexdigest()),
        ]
        for name, content, description, packages in listed
    ]
    return table(["file", "what it is", "needs", "bytes", "SHA-256"], rows, right=(3,))


def _loading(source: SourceNetwork, written: Sequence[WrittenFormat]) -> list[str]:
    parts = ["From the folder of the files:"]
    names = [one.format for one in written]
    for name in names:
        form = FORMATS[name]
        if form.companion and form.companion not in names:
            parts.append(
                f"`{name}` holds weights alone: export `{form.companion}` too to load them."
            )
            continue
        parts += [f"{name}, which needs {form.packages}:", block(form.usage(source), "python")]
    return parts


def _checks(written: Sequence[WrittenFormat]) -> list[str]:
    rows = []
    for one in written:
        answer, difference = one.checked.answer, one.checked.difference
        numbers = f"{answer.params:,}" + (" (folded)" if answer.is_folded else "")
        if difference is None:
            logits = "no weights"
        else:
            logits = "equal" if difference == 0 else f"to {difference:.1g}"
        rows.append([one.format, "equal", numbers, f"{answer.macs:,}", logits])
    version = metadata.version("unitsearch")
    return [
        f"Each file was read back by unitsearch {version} before it was put here. Numbers are "
        "those in the file, with batch norm folded into the weights where this card says so. "
        "MACs were counted from the file; both equal the closed form, or what the form of its "
        "stacks makes of it. Logits are compared with the network's on 16 fixed images: the "
        "largest difference, relative to the largest logit where that is over 1, at most "
        f"{TOLERANCE:g}; on one and on three of them too.",
        table(["format", "key", "numbers", "MACs", "logits"], rows, right=(2, 3)),
        *(
            f"{one.format}: {' '.join(one.checked.answer.notes)}"
            for one in written
            if one.checked.answer.notes
        ),
    ]
