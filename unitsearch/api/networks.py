"""Single architectures: loaded, priced, built, trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from unitsearch.api.spaces import bound_space, space_for_point
from unitsearch.api.words import word
from unitsearch.architecture import Architecture, read_architecture, read_file
from unitsearch.costs import Cost
from unitsearch.costs import count as count_cost
from unitsearch.errors import UsageError
from unitsearch.shapes import output
from unitsearch.space import (
    baseline,
    point,
)

if TYPE_CHECKING:
    from unitsearch.data import DataSpec
    from unitsearch.engine.work import TrainedNetwork, TrainingContext
    from unitsearch.network.build import Network
    from unitsearch.network.inference import Inference
    from unitsearch.study.config import Config
    from unitsearch.study.progress import Progress

Watch = Callable[["Progress"], None]


def load_architecture(path: str | Path) -> Architecture:
    """Return the architecture in a YAML or JSON file, or a space's point (``SPACE:POINT``).

    Raises:
        SpecError: If the file breaks the format, or its layers do not fit each other.
        UsageError: If there is no such file, space or point.
    """
    text = str(path)
    if not Path(text).is_file() and ":" in text:
        return point_architecture(text)
    if not Path(text).is_file():
        raise _no_architecture(text)
    document = read_file(Path(text))
    with document.located():
        architecture = read_architecture(document.data)
        output(architecture)
    return architecture


def _no_architecture(named: str) -> UsageError:
    return UsageError(
        f"no architecture at {named!r}", fix="give an architecture file, or SPACE:POINT"
    )


def point_architecture(named: str, overrides: Sequence[str] = ()) -> Architecture:
    """Return the architecture called SPACE:POINT; every space has a point ``baseline``.

    Its classes are those of the data that ``overrides`` name, else of the point's own data.
    """
    name, _, wanted = named.rpartition(":")
    space = bound_space(name, overrides)
    if wanted == "baseline" and wanted not in space.file.points:
        return baseline(space)
    return point(space if overrides else space_for_point(space, wanted), wanted)


def count(architecture: Architecture) -> Cost:
    """Return the exact ``params``, ``macs`` and ``flops`` (the papers') of an architecture."""
    return count_cost(architecture)


@overload
def build(architecture: Architecture) -> Network: ...
@overload
def build(architecture: Architecture, *, optimise: str, batch: int = 1) -> Inference: ...
def build(
    architecture: Architecture, *, optimise: str | None = None, batch: int = 1
) -> Network | Inference:
    """Return a torch network of ``architecture`` with fresh weights.

    Args:
        architecture: The architecture.
        optimise: ``inference`` for a network in eval mode that infers fast: batch norm folded, the
            form of each stack chosen by a short measurement.
        batch: The number of images of a batch in that measurement.

    Raises:
        UsageError: If ``optimise`` is anything else.
    """
    from unitsearch.network.build import build as build_network

    return _optimised(build_network(architecture), optimise, batch)


@overload
def load_network(path: str | Path) -> Network: ...
@overload
def load_network(path: str | Path, *, optimise: str, batch: int = 1) -> Inference: ...
def load_network(
    path: str | Path, *, optimise: str | None = None, batch: int = 1
) -> Network | Inference:
    """Return the network of an architecture file with the weights beside it, in eval mode.

    ``optimise`` and ``batch`` mean the same as in ``build``.

    Raises:
        SpecError: If either file is missing or does not fit.
        UsageError: If ``optimise`` is neither None nor ``inference``.
    """
    from unitsearch.network.weights import load_network as load

    network = load(load_architecture(path), Path(path).with_suffix(".safetensors"))
    return _optimised(network, optimise, batch)


def _optimised(network: Network, optimise: str | None, batch: int) -> Network | Inference:
    if optimise is None:
        return network
    if optimise != "inference":
        raise UsageError(place="optimise", found=optimise, expected="inference, or nothing")
    from unitsearch.network.inference import for_inference

    return for_inference(network, batch)


def check_fits(named: str, architecture: Architecture, data: DataSpec) -> None:
    """Check that an architecture takes the images of a data set and answers its classes.

    Raises:
        UsageError: If it does not.
    """
    from unitsearch.data import describe

    about = describe(data)
    if architecture.input != about.input or output(architecture) != (about.classes,):
        raise UsageError(
            f"{named} takes images of {'×'.join(map(str, architecture.input))} and gives "
            f"{output(architecture)[0]} classes; data {data.name} has "
            f"{'×'.join(map(str, about.input))} and {about.classes}"
        )


def train_one(
    named: str, overrides: Sequence[str], folder: Path, watch: Callable[[int, float], None]
) -> dict[str, Any]:
    """Train one architecture, write it with its weights, and return the facts of its training.

    Args:
        named: An architecture file or SPACE:POINT.
        overrides: ``data=…``, ``train=…``, ``seed=…``, ``plan=…``, ``engine.device=…`` and
            ``engine.checkpoint=…``, and keys of the first two.
        folder: The folder of both files; made if it does not exist.
        watch: Called after each epoch with its number, from 1, and the validation accuracy.

    Raises:
        UsageError: If there is no such architecture or setting, or the data do not fit.
    """
    from unitsearch.data.download import make_available

    architecture, config = _training_of(named, overrides)
    make_available(config.data)
    check_fits(named, architecture, config.data)

    from unitsearch.data.sets import load
    from unitsearch.engine.work import CheckpointFile, TrainingContext, train_architecture

    device = config.engine.resolved_device
    is_file = Path(named).is_file()
    stem = (Path(named).stem if is_file else named.rpartition(":")[2]) or "network"
    path = folder / f"{stem}.yaml"
    checkpoint = None
    if config.engine.checkpoint is not None:
        checkpoint = CheckpointFile(path.with_suffix(".checkpoint"), config.engine.checkpoint)
        with suppress(OSError):  # the error is raised when the result is written
            folder.mkdir(parents=True, exist_ok=True)
    context = TrainingContext(config.train, config.data, load(config.data).to(device), device)
    trained = train_architecture(
        replace(architecture, provenance=None),
        config.seed,
        context,
        plan=config.plan,
        checkpoint=checkpoint,
        on_epoch=watch,
    )
    facts = _write_trained(path, architecture, trained, context, config.seed)
    if checkpoint is not None:
        checkpoint.path.unlink(missing_ok=True)
    return {**facts, "file": str(path)}


def _training_of(named: str, overrides: Sequence[str]) -> tuple[Architecture, Config]:
    """Return the architecture and the settings that ``train_one`` is asked for.

    Unless given, the data are those that the architecture was found on or made for, and the recipe
    is the papers'.
    """
    from unitsearch.study.config import compose

    given = {override.partition("=")[0] for override in overrides}
    for override in overrides:
        name = override.partition("=")[0]
        groups = ("data", "train", "seed", "plan")
        keys = ("engine.checkpoint", "engine.device")
        if name not in keys and name.partition(".")[0] not in groups:
            expected = "data=…, train=…, seed=…, plan=…, engine.device=… or engine.checkpoint=…"
            raise UsageError(found=override, expected=expected)
    defaults = [] if "train" in given else ["train=paper"]
    if Path(named).is_file():
        architecture = load_architecture(named)
        data = (architecture.provenance or {}).get("data")
        if data and "data" not in given:
            defaults += [f"data={data}"]
        config, _ = compose([*defaults, *overrides])
        return architecture, config
    if ":" not in named:
        raise _no_architecture(named)
    space = f"space={word(named.rpartition(':')[0])}"
    config, _ = compose([space, *defaults, *overrides])
    data_overrides = [o for o in overrides if o.startswith(("data=", "data."))]
    return point_architecture(named, data_overrides), config


def _write_trained(
    path: Path,
    architecture: Architecture,
    trained: TrainedNetwork,
    context: TrainingContext,
    seed: int,
) -> dict[str, Any]:
    """Test a trained network, write its architecture and weights, and return its facts."""
    import torch

    from unitsearch.architecture import key, write_architecture, yaml_text
    from unitsearch.metrics import standard_error
    from unitsearch.network.weights import weights_bytes
    from unitsearch.study.folder import write_file
    from unitsearch.training.loop import test_accuracy

    network, curve, data = trained.network, trained.result.curve, context.data
    tested = test_accuracy(network, data, context.recipe)
    network.architecture = documented = context.documented(architecture)
    cost = count_cost(architecture)
    facts: dict[str, Any] = {
        "key": key(architecture),
        "seed": seed,
        "accuracy": round(curve[-1], 6),
        "accuracy_se": round(standard_error(curve[-1], len(data.validation)), 6),
        "test_accuracy": round(tested, 6),
        "best_epoch_accuracy": round(max(curve), 6),
        "params": cost.params,
        "macs": cost.macs,
        "flops": cost.flops,
        "epochs": context.recipe.epochs,
        "data": context.spec.name,
        "split": data.split_hash,
        "recipe": context.recipe.name,
        "plan": trained.plan,
        "train_seconds": round(trained.result.seconds, 3),
    }
    network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]  # torch's stub
    provenance = facts | {
        "accuracy_of": f"{len(data.validation)} validation images, 1 seed",
        "test_accuracy_of": f"{len(data.test)} test images, 1 seed",
        "split": data.split_hash,
    }
    documented = replace(documented, provenance=provenance)
    write_file(path, yaml_text(write_architecture(documented)).encode())
    write_file(path.with_suffix(".safetensors"), weights_bytes(network))
    return facts
