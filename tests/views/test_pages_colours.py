"""Text can be read on its ground, by day and by night."""

from __future__ import annotations

import re

import pytest

from unitsearch.views.pages.document import asset

AA = 4.5  # WCAG 2.2, 1.4.3: text below 18 points


def colours(scheme: str) -> dict[str, str]:
    blocks = re.findall(r":root \{([^}]*?)\}", asset("report.css"))[:2]
    light, dark = (dict(re.findall(r"--(\w+): (#[0-9a-f]{3,6})", block)) for block in blocks)
    return light | dark if scheme == "dark" else light


def luminance(colour: str) -> float:
    digits = colour.removeprefix("#")
    digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("ground", ["page", "card", "wash"])
@pytest.mark.parametrize("text", ["ink", "soft", "accent"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(scheme: str, text: str, ground: str) -> None:
    known = colours(scheme)
    assert contrast(known[text], known[ground]) >= AA


def test_black_on_white_is_as_far_as_it_goes() -> None:
    assert contrast("#000", "#ffffff") == pytest.approx(21)
