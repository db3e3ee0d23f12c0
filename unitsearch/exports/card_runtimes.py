"""The part of a card that says how a network does in runtimes."""

from __future__ import annotations

from collections.abc import Sequence

from unitsearch.exports.markdown import block, code, table
from unitsearch.exports.runtime_facts import Int8Facts, RuntimeFacts, duration
from unitsearch.network.latency import Quartiles


def runtime_parts(runtimes: Sequence[RuntimeFacts]) -> list[str]:
    """Return the section of the card about runtimes; nothing without one."""
    if not runtimes:
        return []
    parts = ["## In runtimes"]
    for facts in runtimes:
        rows = [
            [
                str(times.batch),
                _quartiles(times.network),
                "–" if times.twin is None else _quartiles(times.twin),
                "–" if times.speedup is None else f"{times.speedup:.2f}x",
            ]
            for times in facts.times
        ]
        setting = f" Setting: {facts.setting}." if facts.setting else ""
        said = facts.said()
        parts += [
            f"{said[0].upper()}{said[1:]}. {facts.title} {facts.version}, one thread of "
            f"{code(facts.machine)}; stacks are written as {facts.form}. Logits differ from the "
            f"network's by at most {facts.difference:.1g} of the largest "
            f"(accepted: {facts.tolerance:g}).{setting}",
            "Medians and quartiles, warmed up, the network and its dense twin in turns "
            f"({facts.rounds} rounds of one image). The dense twin is this network with each stack "
            "fully connected; other machines differ:",
            table(["images", "this network", "dense twin", "twin over this"], rows, right=(0,)),
        ]
        if facts.int8 is not None:
            parts.append(_int8(facts.int8))
    return parts


def runtime_usages(runtimes: Sequence[RuntimeFacts]) -> list[str]:
    """Return the code that loads the file of each runtime."""
    parts = []
    for facts in runtimes:
        parts += [f"for {facts.title}:", block(facts.usage, "python")]
    return parts


def _int8(facts: Int8Facts) -> str:
    place = f"In {code(facts.file)}: " if facts.file else "Not kept: "
    text = (
        f"{place}{facts.said()}. Ranges are from {facts.calibration:,} training images; both "
        "accuracies are of this runtime, on the same images."
    )
    if facts.objection:
        text += f" **On this machine int8 is {facts.objection} than float32.**"
    return text


def _quartiles(time: Quartiles) -> str:
    return f"{duration(time.median)} ({duration(time.low)} to {duration(time.high)})"
