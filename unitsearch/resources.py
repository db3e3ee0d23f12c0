"""The folders of the YAML that ships with unitsearch, in wheel or checkout, and of the caches."""

from __future__ import annotations

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def folder(name: str) -> Path:
    """Return the folder of shipped files called ``name`` (``search_spaces``, ``dashboards``).

    An installed copy carries them under ``unitsearch/_shipped``; a checkout keeps them at its top.
    """
    shipped = _PACKAGE / "_shipped" / name
    return shipped if shipped.is_dir() else _PACKAGE.parent / name


def config_folder() -> Path:
    """Return the folder of the shipped configuration groups (data, train, sampler, engine)."""
    return _PACKAGE / "conf"


def names(name: str) -> list[str]:
    """Return the names, without ``.yaml``, of the files shipped in the folder called ``name``."""
    return sorted(path.stem for path in folder(name).glob("*.yaml"))


def home_cache() -> Path:
    """Return ``unitsearch`` in the user's cache folder (XDG_CACHE_HOME, else ``~/.cache``)."""
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "unitsearch"


def cache_folder() -> Path:
    """Return the folder of files that can be made anew: UNITSEARCH_CACHE, else ``home_cache()``."""
    named = os.environ.get("UNITSEARCH_CACHE")
    return Path(named).expanduser() if named else home_cache()
