"""Traces of a figure by name, and the trials that they show."""

from __future__ import annotations


def trace(figure, name: str):  # type: ignore[no-untyped-def]
    return next(trace for trace in figure.data if trace.name == name)


def numbers(figure, name: str) -> set[int]:  # type: ignore[no-untyped-def]
    return set(trace(figure, name).customdata)
