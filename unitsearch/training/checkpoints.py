"""The state of a long training, kept in a file from time to time: a kill costs minutes of it.

A training that goes on from its file ends with the same weights, bit for bit, as one that was never
killed, on the same machine. The file is a safetensors file, of which nothing is executed. Whatever
is wrong with it, or with its folder, costs time and never a result: the training begins anew, or
keeps nothing.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from unitsearch.files import write_whole


@dataclass(frozen=True, eq=False)
class State:
    """A training after some epochs.

    Attributes:
        curve: Accuracy after each of them.
        loss_curve: Mean cross-entropy after each, on the same images.
        losses: Mean training loss of each.
        seconds: Time they took.
        tensors: What training goes on from, by name.
    """

    curve: tuple[float, ...]
    loss_curve: tuple[float, ...]
    losses: tuple[float, ...]
    seconds: float
    tensors: Mapping[str, Tensor]


class Checkpoint:
    """Where the state of one training is kept, and how often.

    Args:
        path: The file. Nothing is kept unless its folder is there: a worker on another machine
            than the study's trains without.
        job: Everything that the result depends on, as plain data; a file of another job, or of
            another version of torch, is not gone on from.
        minutes: The least time between two files; with 0 there is one after every epoch.
    """

    def __init__(self, path: Path, job: Mapping[str, Any], minutes: float) -> None:
        self._path, self._minutes = path, minutes
        plain = json.dumps([job, torch.__version__], sort_keys=True)
        self._job = hashlib.sha256(plain.encode()).hexdigest()
        self._last = time.monotonic()

    def found(self) -> State | None:
        """Return the state that was kept of this job; None if there is none that can be read."""
        try:
            with safe_open(self._path, "pt") as file:
                said = file.metadata() or {}
                if said.get("job") != self._job:
                    return None
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            about = json.loads(said["about"])
            curve, loss_curve, losses = (
                tuple(about[name]) for name in ("curve", "loss_curve", "losses")
            )
            return State(curve, loss_curve, losses, about["seconds"], tensors)
        except (OSError, SafetensorError, KeyError, TypeError, ValueError):
            return None

    def is_due(self) -> bool:
        """Say whether it is time to keep a state."""
        return time.monotonic() - self._last >= 60 * self._minutes

    def keep(self, state: State) -> None:
        """Write the file, whole or not at all; where that cannot be, one line says so."""
        self._last = time.monotonic()
        if not self._path.parent.is_dir():
            return
        about = {
            "curve": state.curve,
            "loss_curve": state.loss_curve,
            "losses": state.losses,
            "seconds": state.seconds,
        }
        said = {"job": self._job, "about": json.dumps(about)}
        tensors = {name: tensor.contiguous() for name, tensor in state.tensors.items()}
        try:
            write_whole(self._path, save(tensors, said))
        except OSError as error:
            logging.getLogger(__name__).warning(
                "%s: cannot be written (%s); a kill costs the training so far",
                self._path,
                error.strerror or error,
            )

    def remove(self) -> None:
        """Remove the file."""
        self._path.unlink(missing_ok=True)


def tensors_of(network: nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return everything that changes while torch trains ``network``, by name."""
    found = {f"network.{name}": tensor for name, tensor in network.state_dict().items()}
    for i, parameter in enumerate(_parameters(optimiser)):
        for name, value in optimiser.state.get(parameter, {}).items():
            if isinstance(value, Tensor):
                found[f"optimiser.{i}.{name}"] = value
    return found


def put_back(
    tensors: Mapping[str, Tensor], network: nn.Module, optimiser: torch.optim.Optimizer
) -> None:
    """Put what ``tensors_of`` returned into a network and optimiser of the same kinds."""
    named = {
        name.removeprefix("network."): tensor
        for name, tensor in tensors.items()
        if name.startswith("network.")
    }
    network.load_state_dict(named)
    parameters = _parameters(optimiser)
    for name, tensor in tensors.items():
        if name.startswith("optimiser."):
            _, i, of = name.split(".", 2)
            parameter = parameters[int(i)]
            # fused optimisers walk through memory: it must lie as the parameter does
            like = parameter.detach() if tensor.shape == parameter.shape else tensor
            own = torch.empty_like(like, device=parameter.device)
            optimiser.state[parameter][of] = own.copy_(tensor)


def _parameters(optimiser: torch.optim.Optimizer) -> list[Tensor]:
    return [parameter for group in optimiser.param_groups for parameter in group["params"]]
