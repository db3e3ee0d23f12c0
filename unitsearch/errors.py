"""The exceptions that unitsearch raises on purpose.

    UnitSearchError     exit 1
    - UsageError        exit 2  the command or the call is wrong
    - SpecError         exit 3  a file or value breaks its format (also a ValueError)
      - ShapeError      exit 3  layers that do not fit each other
    - DataError         exit 3  a data set is missing or damaged
    - StudyError        exit 3  a study is missing, taken, running or damaged
    - PackageError      exit 3  an optional package is not installed
    - CheckError        exit 4  something we wrote does not check out

Each error has up to four parts, kept as attributes: the ``place``, the value ``found``, the value
``expected``, and the way out (``fix``). Inner code raises with the place that it knows; each caller
adds its own place with ``within``.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any, Self

_UNSET: Any = object()


class UnitSearchError(Exception):
    """An error that unitsearch raises on purpose, with its place, cause and way out."""

    exit_code = 1

    def __init__(
        self,
        message: str = "",
        *,
        place: str = "",
        found: Any = _UNSET,
        expected: str = "",
        fix: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.found = found
        self.expected = expected
        self.fix = fix
        self.origin = ""  # "lenet.yaml:14", once the file is known

    def __reduce__(self) -> tuple[Any, ...]:
        return (_restore, (type(self), self.__dict__.copy(), self.message))

    def within(self, place: str) -> Self:
        """Put ``place`` before the place already known and return the same error."""
        if place:
            joint = "" if not self.place or self.place.startswith("[") else "."
            self.place = f"{place}{joint}{self.place}"
        return self

    @property
    def reason(self) -> str:
        """The message without its place: found, expected, fix."""
        parts = []
        if self.found is not _UNSET:
            parts.append(f"found {show(self.found)}")
        if self.expected:
            parts.append(f"expected {self.expected}")
        text = ", ".join(parts)
        if self.message:
            text = f"{self.message}: {text}" if text else self.message
        return f"{text}; {self.fix}" if self.fix else text

    def __str__(self) -> str:
        where = ": ".join(part for part in (self.origin, self.place) if part)
        return f"{where}: {self.reason}" if where else self.reason


class UsageError(UnitSearchError):
    """Raise for a wrong command or call."""

    exit_code = 2


class SpecError(UnitSearchError, ValueError):
    """Raise for a file or value that breaks the format."""

    exit_code = 3


class ShapeError(SpecError):
    """Raise for layers whose channels or sizes do not fit each other."""


class DataError(UnitSearchError):
    """Raise for a data set that is missing or damaged."""

    exit_code = 3


class StudyError(UnitSearchError):
    """Raise for a study that is missing, taken, running elsewhere or damaged."""

    exit_code = 3


class PackageError(UnitSearchError):
    """Raise for an optional package that is not installed."""

    exit_code = 3


class CheckError(UnitSearchError):
    """Raise for a written file or a number that fails its check."""

    exit_code = 4


def show(value: Any, limit: int = 60) -> str:
    """Return ``value`` as one short line for a message."""
    text = repr(value) if isinstance(value, str) or value is None else str(value)
    text = "nothing" if value is None else " ".join(text.split())
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def did_you_mean(word: str, known: Iterable[str], *, listed: bool = True) -> str:
    """Return advice for a misspelt ``word``: the nearest known one, or, if ``listed``, all."""
    names = [str(name) for name in known]
    close = difflib.get_close_matches(str(word), names, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"try one of {', '.join(names)}" if names and listed else ""


def _restore(kind: type[UnitSearchError], state: dict[str, Any], message: str) -> UnitSearchError:
    error = kind(message)
    error.__dict__.update(state)
    return error
