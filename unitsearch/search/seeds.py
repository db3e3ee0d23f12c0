"""Seeds that derive from (study seed, trial number, purpose), so that each draw has its own."""

from __future__ import annotations

import hashlib


def derive(study_seed: int, number: int, purpose: str) -> int:
    """Return a seed below 2**31 for one purpose of one trial of one study."""
    named = f"{study_seed}/{number}/{purpose}".encode()
    return int.from_bytes(hashlib.sha256(named).digest()[:8], "big") % 2**31
