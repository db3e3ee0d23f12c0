"""The pages on commands, from the command line's own arguments, options and exit codes."""

from __future__ import annotations

import inspect
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_type_hints

import typer
from typer.models import ArgumentInfo

from reference_pages.docstrings import markdown
from reference_pages.markdown import block, page, paragraphs, section, table, toc
from unitsearch import errors
from unitsearch.cli.main import app

_METAVARS = {int: "N", float: "NUMBER", Path: "PATH"}


@dataclass(frozen=True)
class Parameter:
    """An argument or option.

    Attributes:
        spelled: Its spelling on the command line.
        text: Its purpose.
        default: Its value unless given; empty if that is obvious.
        is_option: Whether it begins with dashes.
    """

    spelled: str
    text: str
    default: str
    is_option: bool


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
        name: With the group that it belongs to: ``space check``.
        usage: The line that ``--help`` begins with.
        paragraphs: Its help; a paragraph that keeps its lines begins with one of its own.
        parameters: Its arguments and options, help aside.
        examples: Commands that its help shows.
    """

    name: str
    usage: str
    paragraphs: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    examples: tuple[str, ...]

    @property
    def anchor(self) -> str:
        """The target that other pages link to."""
        return f"command-{self.name.replace(' ', '-')}"


def commands() -> list[Command]:
    """Return every command of ``unitsearch``, in the order of its help."""
    return list(_walk(app, ""))


def exits() -> list[tuple[int, str, str]]:
    """Return the exit codes of errors with the class and its first sentence, by code."""
    entries = []
    kinds: list[type[Any]] = [errors.UnitSearchError]
    while kinds:
        kind = kinds.pop(0)
        kinds += kind.__subclasses__()
        entries.append((kind.exit_code, kind.__name__, str(kind.__doc__).splitlines()[0]))
    return sorted(entries, key=lambda row: row[0])


def pages() -> dict[str, str]:
    """Return the pages on commands."""
    entries = commands()
    rows = [(f"[`unitsearch {item.name}`](#{item.anchor})", item.paragraphs[0]) for item in entries]
    index = page(
        "Commands",
        *paragraphs("commands"),
        toc((_file(item) for item in entries), hidden=True),
        table(("command", "what it does"), rows),
        section("Exit codes", anchor="exit-codes"),
        _exits(),
        *paragraphs("exits"),
        anchor="commands",
    )
    return {"commands/index": index, **{f"commands/{_file(item)}": _page(item) for item in entries}}


def _page(item: Command) -> str:
    options = [_row(parameter) for parameter in item.parameters if parameter.is_option]
    arguments = [_row(parameter) for parameter in item.parameters if not parameter.is_option]
    parts = [_paragraph(text) for text in item.paragraphs]
    parts.append(block(item.usage))
    if item.examples:
        parts += [section("Examples", level=2), block("\n".join(item.examples), "sh")]
    if arguments:
        parts += [
            section("Arguments", level=2),
            table(("argument", "default", "meaning"), arguments),
        ]
    if options:
        parts += [section("Options", level=2), table(("option", "default", "meaning"), options)]
    parts.append("It exits with 0 when all went well; see [exit codes](#exit-codes) for the rest.")
    return page(f"unitsearch {item.name}", *parts, anchor=item.anchor)


def _walk(app: typer.Typer, group: str) -> Iterator[Command]:
    """Yield the commands of ``app``, read off its functions: typer's own classes come and go."""
    for info in app.registered_commands:
        function = info.callback
        assert function is not None  # a command is a function
        name = f"{group} {info.name or function.__name__.replace('_', '-')}".strip()
        paragraphs, examples = _read(inspect.cleandoc(function.__doc__ or ""))
        parameters = tuple(_parameters(function))
        words = ["unitsearch", name]
        words += ["[OPTIONS]"] if any(item.is_option for item in parameters) else []
        words += [item.spelled for item in parameters if not item.is_option]
        yield Command(name, " ".join(words), paragraphs, parameters, examples)
    for inner in app.registered_groups:
        assert inner.typer_instance is not None  # a group is another app
        yield from _walk(inner.typer_instance, f"{group} {inner.name}".strip())


def _read(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the paragraphs of a help text and the commands that it shows."""
    paragraphs, examples = [], []
    for part in re.split(r"\n\s*\n", text.strip()):
        lines = [line for line in part.splitlines() if line.strip() != "\b"]
        if lines and re.match(r"Examples?:", lines[0].strip()):
            joined = "\n".join(lines).split(":", 1)[1]
            shown = [line.strip() for line in joined.splitlines() if line.strip()]
            examples += [re.split(r"\s{2,}", line)[0] for line in shown]
        elif "\b" in part:
            paragraphs.append("\n" + "\n".join(line.strip() for line in lines))
        else:
            paragraphs.append(" ".join(part.split()))
    return tuple(paragraphs) or ("",), tuple(examples)


def _parameters(function: Callable[..., Any]) -> Iterator[Parameter]:
    hints = get_type_hints(function, include_extras=True)
    for name, parameter in inspect.signature(function).parameters.items():
        kind, info = get_args(hints[name])
        text = markdown(info.help or "")
        required = parameter.default is inspect.Parameter.empty
        default = "required" if required else _default(parameter.default)
        if isinstance(info, ArgumentInfo):
            spelled = info.metavar or name.upper()
            spelled = spelled if required or spelled.startswith("[") else f"[{spelled}]"
            yield Parameter(spelled, text, default, False)
            continue
        # in Annotated[…] what an option is called may stand where its default would otherwise
        given = [
            item for item in (info.default, *(info.param_decls or ())) if isinstance(item, str)
        ]
        names = given or [f"--{name.replace('_', '-')}"]
        plain = _plain_type(kind)
        if plain is bool and not given:
            names.append(f"--no-{name.replace('_', '-')}")
        elif plain is bool:
            names = [item for word in names for item in word.split("/")]  # --on/--off
        elif issubclass(plain, Enum):
            names[-1] += f" {'|'.join(str(item.value) for item in plain)}"
        elif plain is not bool:
            names[-1] += f" {info.metavar or _METAVARS.get(plain, 'TEXT')}"
        if plain is bool and names[-1].startswith("--no-") and parameter.default is not None:
            default = names[-2] if parameter.default else names[-1]
        yield Parameter(", ".join(names), text, default, True)


def _plain_type(kind: Any) -> Any:
    """Return the type of one value: of ``list[int] | None`` it is ``int``."""
    while inner := [item for item in get_args(kind) if item is not type(None)]:
        kind = inner[0]
    return kind


def _default(plain: Any) -> str:
    plain = getattr(plain, "value", plain)
    return "" if plain in (None, "", False) else str(plain)


def _row(parameter: Parameter) -> tuple[str, str, str]:
    default = parameter.default
    stated = default if default in ("", "required") else f"`{default}`"
    return f"`{parameter.spelled}`", stated, parameter.text


def _paragraph(text: str) -> str:
    return block(text.strip("\n")) if text.startswith("\n") else text


def _exits() -> str:
    rows = [("0", "All went well.", "")]
    by_code: dict[int, list[tuple[str, str]]] = {}
    for code, name, text in exits():
        by_code.setdefault(code, []).append((name, text.removeprefix("Raise ")))
    for code, some in by_code.items():
        meant = {1: "A bug of ours, with its traceback; please report it."}.get(code)
        stated = meant or " ".join(text[0].upper() + text[1:] for _, text in some)
        rows.append((str(code), stated, ", ".join(f"`{name}`" for name, _ in some)))
    rows.append(
        ("130, 143", "Stopped by Ctrl-C or SIGTERM (128 + the signal); everything is saved.", "")
    )
    return table(("code", "when", "in Python"), rows)


def _file(item: Command) -> str:
    return item.name.replace(" ", "-")


def words_of(example: str) -> list[str]:
    """Return the words of a command behind ``unitsearch``."""
    return shlex.split(example)[1:]
