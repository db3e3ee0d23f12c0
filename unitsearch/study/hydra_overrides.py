"""Hydra's override grammar and its compose API."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from unitsearch import resources
from unitsearch.errors import UsageError


def parsed(overrides: Sequence[str]) -> list[Any]:
    """Return Hydra's reading of each override.

    Raises:
        UsageError: If one breaks the grammar.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import OverrideParseException

    try:
        return OverridesParser.create().parse_overrides(list(overrides))
    except OverrideParseException as error:
        raise UsageError(
            found=error.override,
            expected="KEY=VALUE",
            fix="quote values with spaces: 'key=\"a b\"'",
        ) from None


def given_values(overrides: Sequence[str]) -> dict[str, Any]:
    """Return the plain keys and group choices among the overrides, with their values."""
    return {
        override.key_or_group: override.value()
        for override in parsed(overrides)
        if not override.is_delete()
    }


def composed(
    overrides: Sequence[str], explained: Callable[[Exception], UsageError]
) -> dict[str, Any]:
    """Return the shipped configuration with ``overrides`` as plain data.

    Args:
        overrides: The overrides.
        explained: Returns the error to raise for one of Hydra's.

    Raises:
        UsageError: If Hydra refuses an override.
    """
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    GlobalHydra.instance().clear()
    folder = str(resources.config_folder())
    try:
        with initialize_config_dir(folder, version_base="1.3"):
            config = hydra_compose("config", overrides=list(overrides))
        plain = OmegaConf.to_container(config, resolve=True)
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        raise explained(error) from None
    assert isinstance(plain, dict)  # the shipped config.yaml is a mapping
    return {str(key): value for key, value in plain.items()}
