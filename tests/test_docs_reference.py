"""The reference pages: they describe everything that the code has, and their examples work."""

from __future__ import annotations

import math
import random
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

import unitsearch
from reference_pages import backbones, boards, commands, keys, metrics, settings
from reference_pages import pages as make_pages
from reference_pages.docstrings import described
from reference_pages.keys import Group, Key
from reference_pages.markdown import TEXTS, yaml_line
from unitsearch.architecture import read_architecture, read_text
from unitsearch.cli.main import app
from unitsearch.costs import Cost, count
from unitsearch.metrics import METRICS, Measured
from unitsearch.shapes import output
from unitsearch.space import at_random, baseline, bind, draw, point
from unitsearch.space.space_file import SpaceFile, space_from
from unitsearch.study.config import compose
from unitsearch.views.figures import FIGURES
from unitsearch.views.pages.boards import PANELS, read_board

UNITS = {"slim": {"nodes": [1, 2, 1]}, "wide": {"nodes": [1, 4, 1]}}
LAYERS: list[Any] = [
    {"kind": "conv", "out": "auto"},
    {"kind": "stack", "name": "body", "units": {"mix": ["slim", "wide"], "total": 4}},
    {"kind": "global_pool"},
    {"kind": "flatten"},
    {"kind": "linear", "out": "classes"},
]
PLAIN = {"plain": {"set": {"body.units": "slim"}}}


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return make_pages()


def every_key() -> list[Any]:
    return [
        pytest.param(group, key, id=f"{group.name}.{key.name}")
        for group in keys.groups()
        for key in group.keys
    ]


@pytest.mark.parametrize(("group", "key"), every_key())
def test_a_key_is_described_and_its_example_loads(group: Group, key: Key) -> None:
    assert key.text, "says what it means"
    assert key.type, "says what it may be"
    example = yaml.safe_load(key.example)
    assert key.name in set(names_in(example)), "shows the key"
    if group.within == "architecture":
        output(read_architecture(example))
        return
    space = bind(loaded(group.within, example), (1, 8, 8), 10)
    count(baseline(space))
    for name in space.file.points:
        count(point(space, name))
    for seed in range(3):
        count(draw(space, at_random(random.Random(seed)))[1])


def loaded(within: str, example: Any) -> SpaceFile:
    """The smallest space around an example."""
    plain: dict[str, Any] = {"unitsearch": 1, "units": UNITS, "choices": {"k": {"choose": [3, 5]}}}
    if within == "top":
        points = PLAIN if "layers" not in example else {"plain": {"set": {}}}
        plain |= {"layers": LAYERS, "baseline": {"point": "plain"}, "points": points, **example}
        plain["units"] = {**UNITS, **example.get("units", {})}
        if "backbone" in example:
            plain = {key: value for key, value in plain.items() if key not in ("layers", "points")}
            plain.setdefault("baseline", "backbone")
    elif within == "point":
        over = {"backbone": "mlp"} if "backbone" in example else {"layers": LAYERS}
        plain |= {**over, "points": {"it": example}, "baseline": {"point": "it"}}
    elif within == "replacement":
        backbone = {"name": "resnet18", "widths": [4, 8, 8, 8]}
        plain |= {"backbone": backbone, "replace": [example], "baseline": "backbone"}
    else:
        least = [{"kind": "flatten"}, LAYERS[-1]]
        plain |= {"layers": around(within, example), "baseline": {"layers": least}}
    return space_from(read_text(yaml.safe_dump(plain, sort_keys=False)), "example")


def around(within: str, example: Any) -> list[Any]:
    """The layers around an example of a layer, a unit, or the units of a stack."""
    first: Any = {"kind": "conv", "out": 8}
    if within == "unit":
        example = [{"count": 4, **example}]
    if within == "stacked":
        example = [example]
    flat = isinstance(example, list) and example[0].get("of") == "linear"
    if within in ("unit", "stacked", "stack"):
        example = {"kind": "stack", "units": example}
    kind = example.get("kind")
    if kind == "linear" or flat:
        first = {"kind": "linear", "out": "auto"} if flat else None
        return [{"kind": "flatten"}, *([first] if first else []), example, LAYERS[-1]]
    if kind == "stack":
        first = {"kind": "conv", "out": "auto"}
    last = LAYERS[-1:] if kind == "flatten" else LAYERS[-3:]
    return [first, example, *last]


def names_in(data: Any) -> list[str]:
    """Every key in plain data."""
    if isinstance(data, dict):
        return [*data, *(name for value in data.values() for name in names_in(value))]
    return [name for item in data for name in names_in(item)] if isinstance(data, list) else []


def test_a_stated_default_changes_nothing_when_it_is_written() -> None:
    (top,) = (group for group in keys.groups() if group.name == "space")
    least = {"unitsearch": 1, "layers": LAYERS[2:], "baseline": {"layers": LAYERS[2:]}}
    stated = {key.name: key.given_default for key in top.keys if key.default.startswith("`")}
    assert {"data", "input", "limits", "floor", "train", "points"} <= set(stated)
    for name, default in stated.items():
        if name == "replace":
            continue  # belongs to a backbone
        plain, written = (
            space_from(read_text(yaml.safe_dump(data)), "it")
            for data in (least, {**least, name: default})
        )
        assert getattr(plain, name) == getattr(written, name), name


def test_an_option_of_a_backbone_is_described() -> None:
    for name in backbones.BACKBONES:
        assert all(backbones.options(name).values()), backbones.options(name)


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_is_described_and_its_formula_is_the_codes(name: str) -> None:
    metric = METRICS[name]
    assert metric.description
    assert metric.unit
    new = Measured(
        0.91,
        Cost(
            params=1200,
            macs=50_000,
            flops=104_000,
            macs_shared=40_000,
            bits=39_000,
            activation_bytes=500,
        ),
        0.25,
    )
    old = Measured(
        0.95,
        Cost(
            params=9000,
            macs=90_000,
            flops=200_000,
            macs_shared=90_000,
            bits=290_000,
            activation_bytes=900,
        ),
        0.5,
    )
    facts = {letter: get(new) for letter, (_, get) in metrics.LETTERS.items()}
    facts |= {f"{letter}_b": get(old) for letter, (_, get) in metrics.LETTERS.items()}
    computed = eval(metric.definition, {"exp": math.exp}, facts)
    assert computed == pytest.approx(metric.formula(new, old), rel=1e-12)


@pytest.mark.parametrize("name", PANELS)
def test_a_panel_is_described_and_its_example_is_a_board(name: str, tmp_path: Path) -> None:
    path = tmp_path / "board.yaml"
    panel = boards.example(name).removeprefix("```yaml").removesuffix("```")
    path.write_text(f"title: One panel\npanels:\n{panel}")
    (read,) = read_board(path).panels
    assert read.panel == name
    assert set(read.options) - {"wide", "shared"} == set(PANELS[name]) - {"papers"}
    if name in FIGURES:
        about = described(FIGURES[name])
        assert about.text
        assert set(PANELS[name]) <= set(about.named)


def every_setting() -> list[Any]:
    return [
        pytest.param(entry, id=entry.full)
        for some in settings.settings().values()
        for entry in some
    ]


@pytest.mark.parametrize("setting", every_setting())
def test_a_setting_is_described_and_its_example_is_taken(setting: settings.Setting) -> None:
    assert setting.text
    assert setting.type
    overrides = shlex.split(setting.example)
    assert any(
        word.startswith((f"{setting.full}=", f"{setting.full}.", f"{setting.group}="))
        for word in overrides
    )
    compose(overrides)


def every_command() -> list[Any]:
    return [pytest.param(entry, id=entry.name) for entry in commands.commands()]


@pytest.mark.parametrize("entry", every_command())
def test_a_command_has_a_description_arguments_and_an_example(entry: commands.Command) -> None:
    assert entry.paragraphs[0]
    assert entry.examples, "its docstring has an Example:"
    assert all(parameter.text for parameter in entry.parameters), entry.parameters


@pytest.mark.parametrize("entry", every_command())
def test_the_page_of_a_command_has_the_options_of_its_help(
    entry: commands.Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "300")
    shown = CliRunner().invoke(app, [*entry.name.split(), "--help"]).output
    options = {word for word in shown.replace(",", " ").split() if word.startswith("--")}
    stated = {
        word.rstrip(",")
        for parameter in entry.parameters
        for word in parameter.spelled.split()
        if word.startswith("--")
    }
    assert stated == options - {"--help"}


def test_the_exit_codes_are_those_of_the_errors(pages: dict[str, str]) -> None:
    assert {code for code, _, _ in commands.exits()} == {1, 2, 3, 4}
    for code, name, _ in commands.exits():
        (row,) = (line for line in pages["commands/index"].splitlines() if f"`{name}`" in line)
        assert row.startswith(f"| {code} |")


def test_every_key_metric_command_setting_and_name_has_its_place_on_a_page(
    pages: dict[str, str],
) -> None:
    text = "\n".join(pages.values())
    wanted = [f"({key.anchor})=" for group in keys.groups() for key in group.keys]
    wanted += [f"(metric-{name})=" for name in METRICS]
    wanted += [f"({entry.anchor})=" for entry in commands.commands()]
    wanted += [f"({entry.anchor})=" for some in settings.settings().values() for entry in some]
    wanted += [f"(panel-{name})=" for name in PANELS]
    wanted += [f"unitsearch.{name}\n" for name in unitsearch.__all__]
    missing = [anchor for anchor in wanted if text.count(anchor) != 1]
    assert not missing


@pytest.mark.parametrize("path", sorted(TEXTS.glob("*.yaml")), ids=lambda path: path.stem)
def test_no_text_is_cut_short_by_a_comma(path: Path) -> None:
    def look(data: Any) -> None:
        if isinstance(data, dict):
            assert not [key for key in data if str(key).endswith(".")]
            if isinstance(data.get("text"), str):
                assert data["text"].endswith((".", ")"))
        for item in data.values() if isinstance(data, dict) else data:
            if isinstance(item, (dict, list)):
                look(item)

    look(yaml.safe_load(path.read_text("utf-8")))


def test_plain_data_is_shown_as_yaml_reads_it() -> None:
    plain = {"a": [1, 2.5, None], "b": {"c": True, "d": "batch"}}
    assert yaml.safe_load(yaml_line(plain)) == plain
