"""The built site: complete, and whole without a network."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import DEADLINE

pytest.importorskip("sphinx", reason="the extra docs is not installed")

ROOT = Path(__file__).parents[1]
CHROMIUM = shutil.which("chromium")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    words = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "docs", str(folder)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
def test_nothing_on_a_page_is_fetched_from_elsewhere(site: Path) -> None:
    fetched = re.compile(r"<(?:script|link|img|iframe)[^>]*(?:src|href)=\"(?:https?:)?//[^\"]*")
    for page in site.rglob("*.html"):
        assert not fetched.findall(page.read_text("utf-8")), page
    for style in site.rglob("*.css"):
        assert not re.findall(r"(?:@import|url\()\s*['\"]?(?:https?:)?//", style.read_text("utf-8"))


@pytest.mark.slow
def test_every_page_of_the_reference_is_reached_from_the_index(site: Path) -> None:
    index = (site / "index.html").read_text("utf-8")
    pages = {
        str(page.relative_to(site))
        for page in site.rglob("*.html")
        if page.name not in ("search.html", "genindex.html", "py-modindex.html")
    }
    linked = {link.partition("#")[0] for link in re.findall(r"href=\"([^\"]+)\"", index)}
    assert pages <= {*linked, "index.html"}


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_the_search_finds_a_key_with_the_site_opened_from_disk(site: Path, tmp_path: Path) -> None:
    words = [
        str(CHROMIUM),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path}",
    ]
    words += ["--virtual-time-budget=8000", "--dump-dom", f"file://{site}/search.html?q=warmup"]
    dump = subprocess.run(words, capture_output=True, text=True, timeout=DEADLINE).stdout
    assert "configuration/train.html" in dump
