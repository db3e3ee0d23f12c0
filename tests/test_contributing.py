"""A developer who follows CONTRIBUTING.md gets a package that works.

Its blocks are applied to a copy of the package: ``file=PATH`` is a new file; ``diff into=PATH`` is
a line of that file and lines to put behind it; ``sh`` and plain ``python`` are run. The section on
layer kinds ends where mypy begins: its test runs mypy, for which ``UNITSEARCH_TEST_MYPY`` asks.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import structure
import unitsearch as package
from tests.waiting import DEADLINE
from unitsearch import resources

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
LAYER_KIND = "a layer kind"
_FENCE = re.compile(r"^( *)```(\w+)([^\n]*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Step:
    """A block of a section.

    Attributes:
        language: ``python``, ``yaml``, ``diff`` or ``sh``.
        words: Its settings by name: ``file``, ``into``.
        text: Its content, without the indentation of the list that it stands in.
    """

    language: str
    words: dict[str, str]
    text: str


def parts() -> dict[str, str]:
    """Return the text of each section ``To add …``."""
    split = re.split(r"^## To add (.*)$", PAGE, flags=re.MULTILINE)[1:]
    texts = [text.partition("\n## ")[0] for text in split[1::2]]
    return dict(zip(split[::2], texts, strict=True))


def sections() -> dict[str, list[Step]]:
    """Return the blocks of each section ``To add …`` that has commands."""
    steps = {title: list(_steps(text)) for title, text in parts().items()}
    return {title: some for title, some in steps.items() if any(s.language == "sh" for s in some)}


def _steps(section: str) -> Iterator[Step]:
    for indent, language, words, text in _FENCE.findall(section):
        settings = dict(word.split("=", 1) for word in shlex.split(words))
        plain = "".join(line.removeprefix(indent) for line in text.splitlines(keepends=True))
        yield Step(language, settings, plain)


def apply(step: Step, copy: Path) -> None:
    """Write a new file, or put lines behind the one line that the step shows."""
    if "file" in step.words:
        path = copy / step.words["file"]
        assert not path.exists(), path
        path.write_text(step.text, "utf-8")
    elif "into" in step.words:
        path = copy / step.words["into"]
        context, *added = step.text.splitlines(keepends=True)
        lines = path.read_text("utf-8").splitlines(keepends=True)
        [place] = [number for number, line in enumerate(lines) if line == context[1:]]
        assert all(line.startswith("+") for line in added)
        lines[place + 1 : place + 1] = [line[1:] for line in added]
        path.write_text("".join(lines), "utf-8")


def copied_package(copy: Path) -> None:
    """Copy the package, with the times of its files, which mypy's cache goes by."""
    skipped = shutil.ignore_patterns("__pycache__", "_shipped")
    shutil.copytree(Path(package.__file__).parent, copy / "unitsearch", ignore=skipped)


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with everything that the page adds."""
    copy = tmp_path_factory.mktemp("extended")
    copied_package(copy)
    for folder in ("search_spaces", "dashboards"):
        shutil.copytree(resources.folder(folder), copy / folder)
    for steps in sections().values():
        for step in steps:
            apply(step, copy)
    return copy


def run(words: list[str], copy: Path, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 0, f"{shlex.join(words)}\n{done.stdout}{done.stderr}"


@pytest.mark.slow
@pytest.mark.parametrize("title", sections())
def test_what_a_section_adds_works(title: str, extended: Path, tmp_path: Path) -> None:
    for step in sections()[title]:
        if step.language == "sh":
            for line in step.text.splitlines():
                words = shlex.split(line)
                assert words[0] == "unitsearch"
                run(["-m", *words], extended, tmp_path)
        elif step.language == "python" and not step.words:
            run(["-c", step.text], extended, tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(
    "UNITSEARCH_TEST_MYPY" not in os.environ, reason="mypy takes long without its cache"
)
def test_mypy_names_the_folds_that_the_page_lists_for_a_new_layer_kind(tmp_path: Path) -> None:
    copied_package(tmp_path)
    (tmp_path / "docs").mkdir()
    shutil.copytree(ROOT / "docs" / "reference_pages", tmp_path / "docs" / "reference_pages")
    for name in ("docs/structure.py", "pyproject.toml"):
        shutil.copy2(ROOT / name, tmp_path / name)
    if (cache := ROOT / ".mypy_cache").exists():
        shutil.copytree(cache, tmp_path / ".mypy_cache")
    section = parts()[LAYER_KIND]
    for step in _steps(section):
        apply(step, tmp_path)
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--no-pretty", "--no-color-output"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    named = set(re.findall(r"^(\S+\.py):\d+: error:", checked.stdout, re.MULTILINE))
    listed = [
        path
        for line in re.findall(r"^   - (.*)$", section, re.MULTILINE)
        for path in re.findall(r"`(unitsearch/[\w/]+\.py)`", line)
    ]
    assert sorted(listed) == sorted(named), checked.stdout + checked.stderr


def test_every_path_on_the_page_exists_or_is_added_by_it() -> None:
    named = set(re.findall(r"`((?:unitsearch|tests|docs|\.ci|search_spaces)/[\w./]+)`", PAGE))
    added = {step.words.get("file") for steps in sections().values() for step in steps}
    absent = {path for path in named if not (ROOT / path).exists() and path not in added}
    assert absent == set()


def test_the_picture_of_the_package_is_that_of_its_import_contract() -> None:
    assert structure.PICTURE.read_text("utf-8") == structure.picture(), (
        "make it anew: python docs/structure.py"
    )


def test_the_picture_names_every_module_of_the_package() -> None:
    names = {name for layer in structure.layers() for name in layer}
    folder = Path(package.__file__).parent
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    modules |= {path.parent.name for path in folder.glob("*/__init__.py")}
    assert names == modules


def test_a_block_keeps_the_indentation_that_is_its_own() -> None:
    text = "1. A list\n\n   ```python file=a.py\n   def f():\n       pass\n   ```\n"
    (step,) = _steps(text)
    assert step == Step("python", {"file": "a.py"}, textwrap.dedent("def f():\n    pass\n"))
