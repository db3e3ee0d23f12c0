"""The code on the pages of docs/: found, followed in a folder as a reader would, compared.

A fence's first word is its language; the rest says how it is followed:

- ``yaml file=NAME`` and ``python file=NAME`` are saved under that name, as the page asks;
- ``sh`` is a command a line; ``exit=3`` is the exit code;
- ``python`` runs in one namespace a page, ``python alone`` in one of its own;
- ``text`` behind one of these is its output (of a command that fails, its message);
  ``text varies`` where numbers depend on the machine: then words are compared, numbers are not;
- ``install`` and ``long`` are not followed: CI installs, and to train a table takes hours.

``python -m tests.doc_blocks PAGE…`` follows pages and writes the printed text into them; a person
reads the difference.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.waiting import DEADLINE

DOCS = Path(__file__).parents[1] / "docs"
NOT_FOLLOWED = ("install", "long")
PLANS = {"lanes", "grouped", "dense", "loop"}  # chosen by measurement
_FENCE = re.compile(r"^```(\w+)([^\n{}]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: its language, the words behind it, its text, where it stands."""

    language: str
    words: tuple[str, ...]
    text: str
    line: int
    span: tuple[int, int]

    def word(self, key: str) -> str:
        """The value of ``key=…`` among its words."""
        return next((w.partition("=")[2] for w in self.words if w.startswith(f"{key}=")), "")


@dataclass
class Followed:
    """A followed page: each block of output with the text that was really printed."""

    compared: list[tuple[Block, str]] = field(default_factory=list)


def blocks(text: str) -> list[Block]:
    """Return the fenced blocks of a page, directives aside."""
    return [
        Block(
            fence[1],
            tuple(fence[2].split()),
            fence[3],
            text.count("\n", 0, fence.start()) + 1,
            fence.span(3),
        )
        for fence in _FENCE.finditer(text)
    ]


def follow(page: str, folder: Path) -> Followed:
    """Follow ``page`` in ``folder`` and return its blocks of output with the printed text.

    Raises:
        AssertionError: If a command ends with another code than the page says.
    """
    followed, names, printed = Followed(), {"__name__": "__main__"}, ""
    path = sys.path.copy()
    with contextlib.chdir(folder):
        for block in blocks((DOCS / page).read_text("utf-8")):
            if set(block.words) & set(NOT_FOLLOWED):
                printed = ""
            elif block.word("file"):
                Path(block.word("file")).write_text(block.text, "utf-8")
            elif block.language == "sh":
                expected = int(block.word("exit") or 0)
                printed = "".join(command(line, expected) for line in block.text.splitlines())
            elif block.language == "python":
                alone = "alone" in block.words
                printed = _python(block, page, {"__name__": "__main__"} if alone else names)
            elif block.language == "text":
                followed.compared.append((block, printed))
    sys.path[:] = path  # a page may add to it
    return followed


def command(line: str, expected: int = 0) -> str:
    """Run a line of a shell in this folder and return its output; its message if it failed.

    ``unitsearch`` runs in this process, which has torch loaded already.
    """
    words = shlex.split(line, comments=True)
    if not words:
        return ""
    if words[0] != "unitsearch":
        where = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-c", line],
            env={**os.environ, "PATH": where},
            capture_output=True,
            text=True,
            timeout=DEADLINE,
        )
        code, out, err = done.returncode, done.stdout, done.stderr
    else:
        code, out, err = _unitsearch(words)
    assert code == expected, f"{line}: exit code {code}\n{out}{err}"
    return err if expected else out


def _unitsearch(words: Sequence[str]) -> tuple[int, str, str]:
    from unitsearch.cli.main import main

    before, environment, code = sys.argv, dict(os.environ), 0
    out, err = io.StringIO(), io.StringIO()
    sys.argv = list(words)
    try:
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore", DeprecationWarning)  # as Python does for a command
            main()
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else 0
    finally:
        sys.argv = before
        os.environ.clear()
        os.environ.update(environment)
    return code, out.getvalue(), err.getvalue()


def _python(block: Block, page: str, names: dict[str, Any]) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(block.text, f"{page}:{block.line}", "exec"), names)
    return out.getvalue()


def differences(followed: Followed) -> Iterator[str]:
    """Yield the shown and the printed text of each block in which the two differ."""
    for block, printed in followed.compared:
        varies = "varies" in block.words
        shown_words, printed_words = (shape(text, varies=varies) for text in (block.text, printed))
        if shown_words != printed_words:
            place = f"line {block.line}"
            yield f"{place}: the page shows\n{block.text}\nand this was printed\n{printed}"


def shape(text: str, *, varies: bool) -> list[str]:
    """Return the words of a text; of one that varies each once, without numbers and plans."""
    if not varies:
        return tidy(text).split()
    words = {word.strip(".,;:()") for word in text.split() if not re.search(r"\d", word)}
    return sorted(word for word in words - PLANS if re.search(r"\w", word))


def tidy(text: str) -> str:
    """Return a text as a page shows it: no blanks at the ends, long lines folded, tables as is."""
    parts = re.split(r"\n{2,}", "\n".join(line.rstrip() for line in text.splitlines()).strip("\n"))
    return "\n\n".join(part if "───" in part else _folded(part) for part in parts)


def _folded(text: str) -> str:
    lines = [
        textwrap.fill(line, 108, subsequent_indent="    ", break_on_hyphens=False)
        if len(line) > 108
        else line
        for line in text.splitlines()
    ]
    return "\n".join(lines)


def rewritten(text: str, followed: Followed) -> str:
    """Return a page with the printed text in each block of output."""
    for block, printed in reversed(followed.compared):
        start, end = block.span
        text = f"{text[:start]}{tidy(printed)}\n{text[end:]}"
    return text


def _main(pages: Sequence[str]) -> None:
    folder = Path("followed")
    folder.mkdir()
    for page in pages:
        path = DOCS / page
        path.write_text(rewritten(path.read_text("utf-8"), follow(page, folder)), "utf-8")


if __name__ == "__main__":
    _main(sys.argv[1:])
