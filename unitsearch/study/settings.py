"""Groups of settings of a study: its budget, limits, measurement of latency, and workers."""

from __future__ import annotations

from dataclasses import dataclass

from unitsearch.engine.devices import DEVICES, device_for
from unitsearch.fields import Enum, Float, Int, Nullable, Text, field_


@dataclass(frozen=True, kw_only=True)
class Budget:
    """The end of a study: distinct trials in all, complete or stopped, and minutes of one run."""

    trials: int = field_(Int(1), 40)
    minutes: float | None = field_(Nullable(Float(0, above=True)), None)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Largest cost of a candidate: parameters, MACs, the papers' FLOPs, bytes of activations.

    Attributes:
        latency_us: Largest latency of an image in microseconds. It is measured after a training, so
            that a member beyond it is trained and kept from the front.
    """

    params: int | None = field_(Nullable(Int(1)), None)
    macs: int | None = field_(Nullable(Int(1)), None)
    flops: int | None = field_(Nullable(Int(1)), None)
    activation_bytes: int | None = field_(Nullable(Int(1)), None)
    latency_us: float | None = field_(Nullable(Float(0, above=True)), None)


@dataclass(frozen=True, kw_only=True)
class LatencyConfig:
    """The measurement of latency in a search.

    Attributes:
        runtime: The runtime that members are measured in; null for torch.
    """

    runtime: str | None = field_(Nullable(Text(100)), None)


@dataclass(frozen=True, kw_only=True)
class EngineConfig:
    """The workers that train, and their device.

    On the CPU and outside packs, nothing here changes a proposal or its accuracy. On a GPU and in
    packs an accuracy is the same to rounding, and the lag of a new study grows to what packs need:
    see ``schedule``.

    Attributes:
        name: ``local`` or ``ray``.
        workers: The number of workers; one per core unless given, on GPUs one per GPU.
        address: The address of a Ray cluster.
        checkpoint: The least number of minutes between two states kept of a training; null keeps
            none. Members of packs have none.
        device: The device that networks train on; ``auto`` is ``cuda`` where torch finds a GPU.
        pack: How many networks train together; null measures that on GPUs, and is 1 on the CPU.
    """

    name: str = field_(Enum(("local", "ray")), "local")
    workers: int | None = field_(Nullable(Int(1, 10_000)), None)
    address: str | None = field_(Nullable(Text(500)), None)
    checkpoint: float | None = field_(Nullable(Float(0)), 5.0)
    device: str = field_(Enum(DEVICES), "auto")
    pack: int | None = field_(Nullable(Int(1, 1024)), None)

    @property
    def resolved_device(self) -> str:
        """The device that networks train on: ``cpu`` or ``cuda``.

        Raises:
            UsageError: If ``cuda`` is asked for and there is none.
        """
        return device_for(self.device, here=self.is_here)

    @property
    def is_here(self) -> bool:
        """Whether the workers are on this machine."""
        return self.name == "local" or self.address is None
