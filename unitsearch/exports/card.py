"""The card of an exported network: what it is, how good, how to use it, and what was checked."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata

from unitsearch import wording
from unitsearch.architecture.description import describe
from unitsearch.exports.checks import TOLERANCE, Checked
from unitsearch.exports.formats import FORMATS
from unitsearch.exports.latencies import Timed
from unitsearch.exports.markdown import block, code, table
from unitsearch.exports.sentences import sentences
from unitsearch.exports.story import Story
from unitsearch.exports.subject import Subject
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
}
_METRICS = {
    "ce": ("CE", "accuracy per FLOP over the baseline's (TissueNet §4.1)"),
    "se": ("SE", "accuracy per parameter over the baseline's (TissueNet §4.1)"),
    "se_bits": ("SE in bits", "accuracy per stored bit over the baseline's"),
    "tca": ("TCA", "trade-off of computation and accuracy, w1 = w2 = 1 (BUnit-Net Eq. 9)"),
    "tsa": ("TSA", "trade-off of storage and accuracy, w1 = w2 = 1 (BUnit-Net Eq. 9)"),
}


@dataclass(frozen=True)
class Written:
    """One format of a network, written.

    Attributes:
        format: Its name.
        files: Content by file name.
        checked: What was found when it was read back.
    """

    format: str
    files: Mapping[str, bytes]
    checked: Checked


def card(subject: Subject, story: Story, written: Sequence[Written], timed: Sequence[Timed]) -> str:
    """Return the card of a network as Markdown."""
    parts = [
        f"# {code(subject.stem)}",
        _summary(subject, story),
        "## Input and output",
        _interface(subject),
        "## Network",
        f"Units: {describe(subject.architecture)}.",
        "\n".join(f"{i}. {line}" for i, line in enumerate(sentences(subject.architecture), 1)),
        f"Key: {code(subject.key)}. Equal networks have equal keys.",
        "## Accuracy",
        *_accuracy(subject, story),
        "## Costs",
        _costs(subject, story),
        *_latency(timed),
        "## Training",
        *_training(subject, story),
        "## Files",
        _files(written),
        "## How to load it",
        *_loading(subject, written),
        "## Checks",
        *_checks(written),
        "## Licence",
        "unitsearch, which made these files and the code in them, is under the MIT licence and "
        "claims nothing in them: they are free to use as far as unitsearch is concerned. The data "
        "set that the network was trained on has terms of its own.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _summary(subject: Subject, story: Story) -> str:
    cost = subject.cost
    classes = output(subject.architecture)[0]
    said = (
        f"A classifier of {classes:,} classes with {cost.params:,} parameters and {cost.macs:,} "
        f"MACs an image. {story.origin}"
    )
    if not subject.is_trained:
        said += " **It is untrained: its weights are random.**"
    return said


def _interface(subject: Subject) -> str:
    architecture = subject.architecture
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
        lines.insert(1, "- It was given pixels in [0, 1] as they are, as far as is known.")
    if architecture.classes:
        named = ", ".join(code(name) for name in architecture.classes)
        lines.append(f"- Classes in order: {named}.")
    return "\n".join(lines)


def _accuracy(subject: Subject, story: Story) -> list[str]:
    if not subject.is_trained:
        return ["None: it is untrained."]
    if not story.accuracies:
        return ["Not recorded."]
    rows = [
        [
            one.split,
            f"{100 * one.value:.2f} %",
            "not recorded" if one.images is None else f"{one.images:,}",
            "1",
            "not known" if one.error is None else f"{100 * one.error:.2f} points",
        ]
        for one in story.accuracies
    ]
    note = (
        "The standard error is that of the images (binomial). One seed was trained, so the spread "
        "over seeds is not known."
    )
    head = ["images of", "accuracy", "n images", "n seeds", "standard error"]
    return [table(head, rows, right=(1, 2, 3, 4)), " ".join(filter(None, [note, story.choice]))]


def _costs(subject: Subject, story: Story) -> str:
    shared = subject.cost.macs_shared != subject.cost.macs
    names = [name for name in _COSTS if shared or name != "macs_shared"]
    rows = [
        [
            _COSTS[name][0],
            f"{getattr(subject.cost, name):,}",
            story.baseline.get(name, "–"),
            _COSTS[name][1],
        ]
        for name in names
    ]
    rows += [
        [_METRICS[name][0], wording.ratio(value), "", _METRICS[name][1]]
        for name, value in story.metrics.items()
    ]
    return table(["", "value", "against the baseline", "what it is"], rows, right=(1,))


def _latency(timed: Sequence[Timed]) -> list[str]:
    if not timed:
        return ["Latency was not measured: `unitsearch latency FILE.yaml` does that."]
    rows = [
        [one.what, f"{one.median:.3g} ms", f"{one.low:.3g} to {one.high:.3g} ms"] for one in timed
    ]
    return [
        "Latency of one image at a time where this was exported "
        f"({code(timed[0].machine)}), one thread, turn about in one run; it is another elsewhere:",
        table(["run by", "median", "quartiles"], rows, right=(1, 2)),
    ]


def _training(subject: Subject, story: Story) -> list[str]:
    if not subject.is_trained:
        found = ["It has not been trained."]
    else:
        rows = [*story.data.items(), *((f"recipe: {k}", v) for k, v in story.recipe.items())]
        found = [table(["", ""], rows)] if rows else ["What it was trained on is not recorded."]
    if story.retrain:
        found += [
            "To train it again from random weights, where unitsearch and the data are:",
            block(story.retrain, "sh"),
        ]
    return found


def _files(written: Sequence[Written]) -> str:
    rows = [
        [
            code(name),
            FORMATS[one.format].what,
            FORMATS[one.format].needs,
            f"{len(content):,}",
            code(hashlib.sha256(content).hexdigest()),
        ]
        for one in written
        for name, content in one.files.items()
    ]
    return table(["file", "what it is", "needs", "bytes", "SHA-256"], rows, right=(3,))


def _loading(subject: Subject, written: Sequence[Written]) -> list[str]:
    found = ["From the folder of the files:"]
    for one in written:
        how = FORMATS[one.format]
        alone = one.format == "safetensors" and "yaml" not in [w.format for w in written]
        if alone:
            found.append("`safetensors` holds weights alone: export `yaml` too to load them.")
            continue
        found += [f"{one.format}, which needs {how.needs}:", block(how.usage(subject), "python")]
    return found


def _checks(written: Sequence[Written]) -> list[str]:
    rows = []
    for one in written:
        answer, apart = one.checked.answer, one.checked.difference
        numbers = f"{answer.params:,}" + (" (folded)" if answer.is_folded else "")
        logits = "no weights" if apart is None else "equal" if apart == 0 else f"to {apart:.1g}"
        rows.append([one.format, "equal", numbers, f"{answer.macs:,}", logits])
    version = metadata.version("unitsearch")
    return [
        f"Each file was read back by unitsearch {version} before it was put here. Numbers are "
        "those in the file, with batch norm folded into the weights where that is said, and MACs "
        "were counted from it; both are as the closed form says. Logits are held against the "
        "network's on 16 fixed images: the largest difference, relative to the largest logit where "
        f"that is over 1, at most {TOLERANCE:g}; on one and on three of them too.",
        table(["format", "key", "numbers", "MACs", "logits"], rows, right=(2, 3)),
    ]
