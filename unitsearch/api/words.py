"""Values as overrides spell them."""

from __future__ import annotations

from typing import Any


def word(value: Any) -> str:
    """Return a value as an override spells it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return f"[{','.join(word(item) for item in value)}]"
    if isinstance(value, (int, float)):
        return str(value)
    text = str(value)
    plain = all(c.isalnum() or c in "_-./+" for c in text)
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return text if plain else f"'{escaped}'"
