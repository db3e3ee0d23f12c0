"""The configuration of a run, as ``unitsearch run`` prints it without running."""

from __future__ import annotations

from collections.abc import Sequence

from unitsearch.architecture import yaml_text


def sweep(overrides: Sequence[str]) -> list[list[str]]:
    """Return the overrides of each study of a multirun: ``seed=1,2`` gives two."""
    from unitsearch.study.config import sweep as sweep_overrides

    return sweep_overrides(list(overrides))


def configuration_text(overrides: Sequence[str]) -> str:
    """Return the resolved configuration as YAML, without a password."""
    from unitsearch.study.config import compose
    from unitsearch.study.store import without_password

    config, _ = compose(overrides)
    plain = config.plain()
    if plain["storage"]:
        plain["storage"] = without_password(plain["storage"])
    return yaml_text(plain).rstrip()
