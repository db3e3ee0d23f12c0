"""The names of the plans by which a network may run. Knows no torch."""

from __future__ import annotations

PLANS = ("grouped", "loop")
