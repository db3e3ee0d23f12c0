"""The export of networks from a study or an architecture file, as files for other programs."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from unitsearch.api.networks import load_architecture
from unitsearch.api.runtimes import RuntimeRequest
from unitsearch.api.words import word
from unitsearch.errors import SpecError, StudyError, UnitSearchError, UsageError

if TYPE_CHECKING:
    from unitsearch.architecture import Architecture
    from unitsearch.data import DataSpec
    from unitsearch.exports.card_facts import CardFacts
    from unitsearch.exports.export import Exported
    from unitsearch.exports.source_network import SourceNetwork
    from unitsearch.study.config import Config
    from unitsearch.study.record import Record, Trial


def export(
    named: str | Path,
    folder: str | Path = "exported",
    *,
    formats: str | Sequence[str] = ("yaml", "safetensors"),
    pick: str = "",
    trials: Sequence[int] = (),
    weights: bool = True,
    latency: bool = True,
    runtimes: RuntimeRequest | None = None,
) -> list[Exported]:
    """Write networks in some formats, each with a card; check every file before it is in place.

    Args:
        named: A study, by name or folder; or an architecture file, with its weights beside it; or
            SPACE:POINT.
        folder: The folder of the files.
        formats: Some of ``yaml``, ``safetensors``, ``pt2``, ``onnx``, ``python``, ``tflite`` and
            ``c``.
        pick: The members of a study's front, all of them unless given; see ``picks.picked``.
        trials: Numbers of trials of a study, in place of a pick.
        weights: Whether to export the trained weights; otherwise files that hold a network hold
            random weights and state that.
        latency: Whether to measure the latency of an image for the cards.
        runtimes: The runtimes that get a file of their own, and whether in int8 too.

    Raises:
        CheckError: If a file does not agree with its network; no file of that network is left.
        PackageError: If a format needs packages that are not installed.
        SpecError: If an architecture or its weights cannot be read, a runtime does not take a
            network, or int8 does not pay (then all other files are in place).
        StudyError: If the study, the trials or their weights do not exist, or no member is picked.
        UsageError: If there is no such format or pick, or both a pick and trials are given.
    """
    return list(
        exports(
            named,
            folder,
            formats=formats,
            pick=pick,
            trials=trials,
            weights=weights,
            latency=latency,
            runtimes=runtimes,
        )
    )


def exports(
    named: str | Path,
    folder: str | Path,
    *,
    formats: str | Sequence[str],
    pick: str,
    trials: Sequence[int],
    weights: bool,
    latency: bool,
    runtimes: RuntimeRequest | None,
) -> Iterator[Exported]:
    """Yield each network that ``export`` writes, once it is written."""
    from unitsearch.exports.formats import FORMATS, formats_from

    wanted = formats_from(formats)
    if not weights:
        wanted = [name for name in wanted if not FORMATS[name].companion]  # it holds weights alone
    if not wanted:
        raise UsageError("safetensors are weights, so there is nothing to export without them")
    for name in wanted:
        FORMATS[name].require_packages()
    request = runtimes or RuntimeRequest()
    request.check(wanted)
    if pick and trials:
        raise UsageError("export takes either a pick of the front or trials by number, not both")
    sources: list[Callable[[], tuple[SourceNetwork, CardFacts]]]
    data: DataSpec | None = None
    if _is_architecture(named):
        if pick or trials:
            raise StudyError(
                f"{named} is no study but one network: nothing is to be picked from it"
            )
        sources = [partial(_of_file, str(named), wanted, weights=weights)]
    else:
        record, chosen = _chosen(named, pick, trials)
        sources = [partial(_of_trial, record, trial, wanted, weights=weights) for trial in chosen]
        data = record.manifest.config.data
    from unitsearch.exports.export import export as write_out

    exported: list[Exported] = []
    slower: list[str] = []
    for load in sources:  # one network at a time is in memory
        source, facts = load()
        source = request.with_int8(source, data, wanted)
        targets = request.targets(source, data)
        exported.append(
            write_out(source, facts, wanted, Path(folder), latency=latency, targets=targets)
        )
        if source.quantize_with is not None and source.lite.objection:
            slower.append(f"{source.stem}.int8.tflite is {source.lite.objection} than in float32")
        yield exported[-1]
    request.check_int8(exported, slower)


def _is_architecture(named: str | Path) -> bool:
    return Path(named).is_file() or (":" in str(named) and not Path(named).is_dir())


def _chosen(study: str | Path, pick: str, trials: Sequence[int]) -> tuple[Record, Sequence[Trial]]:
    """Return a study and the trials to export, each once."""
    from unitsearch.exports.picks import check_pick, picked
    from unitsearch.study.folder import read_study

    check_pick(pick or "all")
    record = read_study(study)
    if not trials:
        return record, picked(record, pick or "all")
    known = {trial.number: trial for trial in record.complete}
    for number in trials:
        if number not in known:
            raise StudyError(f"study {record.name} has no complete trial {number}")
    return record, [known[number] for number in dict.fromkeys(trials)]


def _of_trial(
    record: Record, trial: Trial, formats: Sequence[str], *, weights: bool
) -> tuple[SourceNetwork, CardFacts]:
    from unitsearch.exports.card_facts import trial_card_facts
    from unitsearch.exports.loading import trial_network

    source = trial_network(record, trial, weights=weights)
    file = f"{source.stem}.yaml"
    command = _retraining(file, _overrides(record.manifest.config, trial.seed))
    if command and "yaml" not in formats:
        before = ["unitsearch", "export", record.name, "--trial", str(trial.number)]
        command = f"{shlex.join([*before, '--no-weights', '-o', '.'])}\n{command}"
    return source, trial_card_facts(record, trial, command)


def _of_file(
    named: str, formats: Sequence[str], *, weights: bool
) -> tuple[SourceNetwork, CardFacts]:
    from unitsearch.exports.card_facts import file_card_facts
    from unitsearch.exports.formats import FORMATS
    from unitsearch.exports.loading import trained_network, untrained_network

    architecture = load_architecture(named)
    is_file = Path(named).is_file()
    stem = Path(named).stem if is_file else re.sub(r"[^\w.-]+", "-", named)
    beside = Path(named).with_suffix(".safetensors")
    if weights and is_file and beside.is_file():
        source = trained_network(stem, architecture, beside)
    else:
        lacking = [name for name in formats if FORMATS[name].needs_weights]
        if weights and lacking:
            raise SpecError(
                f"{named} has no weights beside it ({beside.name}), and {', '.join(lacking)} "
                "would hold them",
                fix=f"train it: unitsearch train {shlex.quote(named)}; or --no-weights for an "
                "untrained network",
            )
        source = untrained_network(stem, architecture)
    file = f"{stem}.yaml" if "yaml" in formats else named
    facts = file_card_facts(
        architecture,
        Path(named).name,
        _retraining(file, _provenance_overrides(architecture)),
        is_trained=source.is_trained,
    )
    return source, facts


def _retraining(file: str, overrides: Sequence[str]) -> str:
    """Return the command that trains a file again; empty if its recipe is not known."""
    return shlex.join(["unitsearch", "train", file, *overrides]) if overrides else ""


def _overrides(wanted: Config, seed: int) -> list[str]:
    """Return the overrides with which ``unitsearch train`` trains as a study did.

    They set data, recipe and seed; the place of the data on this machine is left out. The list is
    empty if this version cannot compose them.
    """
    from unitsearch.fields import write_all
    from unitsearch.study.config import compose, options

    try:
        recipe = wanted.train.name if wanted.train.name in options("train") else "fast"
        overrides = [f"data={wanted.data.name}", f"train={recipe}"]
        usual, _ = compose(overrides)
        for group in ("data", "train"):
            plain, known = (write_all(getattr(each, group)) for each in (wanted, usual))
            keys = [key for key in plain if plain[key] != known[key]]
            if {"epochs", "warmup"} & set(keys):  # fewer epochs alone would shorten the warm-up
                keys = list(dict.fromkeys([*keys, "epochs", "warmup"]))
            overrides += [
                f"{group}.{key}={word(plain[key])}"
                for key in keys
                if f"{group}.{key}" not in ("data.root", "data.download", "data.name")
            ]
        again, _ = compose(overrides)
    except UnitSearchError:
        return []
    data = replace(again.data, root=wanted.data.root, download=wanted.data.download)
    is_same = again.train == wanted.train and data == wanted.data
    return [*overrides, f"seed={seed}"] if is_same else []


def _provenance_overrides(architecture: Architecture) -> list[str]:
    """Return the data, recipe and seed in a file's provenance as overrides."""
    from unitsearch.architecture import key
    from unitsearch.data.spec import NAMES
    from unitsearch.study.config import options

    provenance = architecture.provenance or {}
    if provenance.get("key") not in (None, key(architecture)):  # its layers were edited
        return []
    data, recipe = provenance.get("data"), provenance.get("recipe")
    overrides = [f"data={data}"] if data in NAMES else []
    overrides += [f"train={recipe}"] if recipe in options("train") else []
    for name, override in (("epochs", "train.epochs"), ("seed", "seed")):
        value = provenance.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and overrides:
            overrides.append(f"{override}={value}")
    return overrides
