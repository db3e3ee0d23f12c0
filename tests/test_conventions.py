"""The conventions that CONTRIBUTING.md states and a parser can check."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("unitsearch", "tests", "benchmarks", "docs")
MOST_LINES = 400
TABLES = ("unitsearch/metrics.py",)  # the entries of one table, which are read together
MOST_PARAMETERS = 8
# Kernels take arrays one by one, as their compilers ask; a command's parameters are its options.
MANY_PARAMETERS = ("unitsearch/kernels/", "unitsearch/packs/triton_units.py", "unitsearch/cli/")
QUESTION = re.compile(r"\W*(what|who|whom|whose|how|where|which|when|why)\b", re.IGNORECASE)
BARE_LIKEWISE = re.compile(r"(^|[:.]\s+|\n\s*)likewise\s*(\.|$)", re.IGNORECASE)

Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """A Python file of the repository.

    Attributes:
        name: Its path from the repository's root.
        text: Its text.
        tree: Its syntax tree.
    """

    name: str
    text: str
    tree: ast.Module

    def documented(self) -> Iterator[tuple[str, str]]:
        """Yield the place and the text of each docstring."""
        for node in ast.walk(self.tree):
            if isinstance(node, Documented) and (text := ast.get_docstring(node)):
                yield f"{self.name}:{getattr(node, 'lineno', 1)}", text


@cache
def sources() -> tuple[Source, ...]:
    paths = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
    texts = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in paths}
    return tuple(Source(name, text, ast.parse(text)) for name, text in texts.items())


def package() -> Iterator[Source]:
    return (source for source in sources() if source.name.startswith("unitsearch/"))


def parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    given = node.args
    names = [arg.arg for arg in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return len([name for name in names if name not in ("self", "cls")])


def test_no_class_name_exists_twice_in_the_package() -> None:
    places: dict[str, list[str]] = {}
    for source in package():
        for node in ast.walk(source.tree):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(f"{source.name}:{node.lineno}")
    assert {name: lines for name, lines in places.items() if len(lines) > 1} == {}


def test_no_docstring_opens_with_a_question_word() -> None:
    opened = [
        f"{place}: {text.splitlines()[0]}"
        for source in sources()
        for place, text in source.documented()
        if QUESTION.match(text)
    ]
    assert opened == []


def test_no_description_is_a_bare_likewise() -> None:
    bare = [
        place
        for source in sources()
        for place, text in source.documented()
        if BARE_LIKEWISE.search(text)
    ]
    assert bare == []


def test_no_file_has_more_than_400_lines() -> None:
    lines = {
        source.name: source.text.count("\n") for source in sources() if source.name not in TABLES
    }
    assert {name: n for name, n in lines.items() if n > MOST_LINES} == {}


def test_no_function_has_more_than_8_parameters() -> None:
    many = {
        f"{source.name}:{node.lineno} {node.name}": parameters(node)
        for source in sources()
        if not source.name.startswith(MANY_PARAMETERS)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {place: n for place, n in many.items() if n > MOST_PARAMETERS} == {}


def test_no_module_of_the_package_keeps_state_that_changes() -> None:
    """No ``global`` statement, and no empty container at the top of a module."""
    state = [
        f"{source.name}:{node.lineno}"
        for source in package()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Global)
    ]
    state += [
        f"{source.name}:{node.lineno}"
        for source in package()
        for node in source.tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        and is_empty_container(node.value)
        and not is_read_only(node)
    ]
    assert state == []


def is_read_only(node: ast.Assign | ast.AnnAssign) -> bool:
    """Return whether a name is annotated with a type that has no way to change it."""
    return isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation).startswith(
        ("Mapping", "Sequence")
    )


def is_empty_container(value: ast.expr | None) -> bool:
    """Return whether an expression makes a list, dict or set with nothing in it."""
    match value:
        case ast.Dict(keys=items) | ast.List(elts=items):
            return not items
        case ast.Call(func=ast.Name(id="dict" | "list" | "set" | "defaultdict")):
            return True
        case _:
            return False


@pytest.mark.parametrize(
    ("text", "is_bare"),
    [
        ("A value: Likewise.", True),
        ("Likewise.", True),
        ("Attributes:\n    a: The first.\n    b: Likewise", True),
        ("The second is counted likewise.", False),
    ],
)
def test_a_bare_likewise_is_told_from_a_word_in_a_sentence(text: str, is_bare: bool) -> None:
    assert bool(BARE_LIKEWISE.search(text)) == is_bare


def glossary_terms() -> list[str]:
    text = (ROOT / "docs" / "glossary.md").read_text("utf-8")
    return re.findall(r"^- \*\*(.+?)\*\*: ", text, re.MULTILINE)


def test_the_glossary_is_in_alphabetical_order() -> None:
    terms = [term.lower() for term in glossary_terms()]
    assert terms == sorted(terms)


@pytest.mark.parametrize("term", glossary_terms())
def test_a_term_of_the_glossary_is_used_on_another_page(term: str) -> None:
    pages = [path for path in (ROOT / "docs").rglob("*") if path.suffix in (".md", ".yaml")]
    others = [ROOT / "README.md", *(page for page in pages if page.name != "glossary.md")]
    text = "\n".join(page.read_text("utf-8") for page in others)
    plural = rf"\b{re.escape(term.removesuffix('s'))}(s|es)?\b"
    assert re.search(plural, text, re.IGNORECASE), term
