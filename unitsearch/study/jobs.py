"""The jobs of one study, or of one network's repeated trainings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from unitsearch.architecture import Architecture, write_architecture
from unitsearch.engine import Job
from unitsearch.fields import write_all
from unitsearch.study.config import Config
from unitsearch.training.bars import Bars


@dataclass(frozen=True)
class JobBuilder:
    """Builds jobs that share their recipe, data, plan and device.

    Attributes:
        config: The configuration.
        device: The device that networks train on, ``cpu`` or ``cuda``.
        pack: How many networks of a list train as one pack; None where workers measure that.
        watch: The images that accuracy is measured on after each epoch, ``validation`` or ``test``.
    """

    config: Config
    device: str
    pack: int | None = 1
    watch: str = "validation"

    def training(
        self,
        number: int,
        architecture: Architecture,
        seed: int,
        checkpoint: Path,
        bars: Bars = (),
        *,
        climbs: bool = False,
    ) -> Job:
        """Return the job that trains trial ``number``.

        Args:
            number: The trial's number.
            architecture: The trial's.
            seed: The trial's.
            checkpoint: The file for the state of the training, if the configuration keeps one.
            bars: The validation accuracy to reach at the end of each rung of the ladder and after
                each epoch, or the training stops there.
            climbs: Whether the rungs of the study's ladder come first.
        """
        minutes = self.config.engine.checkpoint
        kept: dict[str, Any] = {}
        if minutes is not None:
            kept = {"checkpoint": str(checkpoint.absolute()), "minutes": minutes}
        return Job(
            task="train",
            watch=self.watch,
            pack=self.pack,
            ladder=self._ladder if climbs else (),
            bars=tuple(bars),
            **self._common(number, architecture, seed),
            **kept,
        )

    def test(self, number: int, architecture: Architecture, seed: int, weights: bytes) -> Job:
        """Return the job that tests ``weights``, the bytes of a safetensors file."""
        return Job(task="test", weights=weights, **self._common(number, architecture, seed))

    def measurement(self, number: int, architecture: Architecture, seed: int, name: str) -> Job:
        """Return the job that measures the metric called ``name``."""
        runtime = self.config.latency.runtime or ""
        return Job(task=name, runtime=runtime, **self._common(number, architecture, seed))

    def _common(self, number: int, architecture: Architecture, seed: int) -> dict[str, Any]:
        return {
            "number": number,
            "architecture": write_architecture(architecture),
            "seed": seed,
            "recipe": self._recipe,
            "data": self._data,
            "plan": self.config.plan,
            "device": self.device,
        }

    @cached_property
    def _ladder(self) -> tuple[dict[str, Any], ...]:
        recipe, data = self.config.train, self.config.data
        return tuple(
            {"recipe": write_all(rung.recipe(recipe)), "data": write_all(rung.data(data))}
            for rung in self.config.ladder
        )

    @cached_property
    def _recipe(self) -> dict[str, Any]:
        return write_all(self.config.train)

    @cached_property
    def _data(self) -> dict[str, Any]:
        return write_all(self.config.data)
