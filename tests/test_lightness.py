"""The import of unitsearch and small commands load no heavy module."""

from __future__ import annotations

import subprocess
import sys

import pytest

import unitsearch
from tests.waiting import DEADLINE

HEAVY = (
    "torch",
    "torchvision",
    "pandas",
    "ray",
    "optuna",
    "plotly",
    "sklearn",
    "scipy",
    "thop",
    "hydra",
    "moocore",
)
LOADED = f"import sys\nprint('heavy:', *[name for name in {HEAVY} if name in sys.modules])"


def loaded_by(code: str) -> list[str]:
    """Return the heavy modules that are loaded in a fresh interpreter after ``code``."""
    process = subprocess.run(
        [sys.executable, "-c", f"{code}\n{LOADED}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=DEADLINE,
    )
    return process.stdout.rpartition("heavy:")[2].split()


def command(*words: str) -> str:
    """Return code that runs a command of ours in this process and continues after it."""
    return (
        f"import sys\nsys.argv = {['unitsearch', *words]!r}\n"
        "from unitsearch.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit as ended:\n    assert not ended.code, ended.code"
    )


def test_importing_unitsearch_loads_nothing_heavy() -> None:
    assert loaded_by("import unitsearch") == []


@pytest.mark.parametrize(
    "words",
    [("--help",), ("--version",), ("space", "list"), ("run", "--help"), ("reproduce", "costs")],
)
def test_a_small_command_loads_nothing_heavy(words: tuple[str, ...]) -> None:
    assert loaded_by(command(*words)) == []


def test_working_with_specs_loads_nothing_heavy() -> None:
    code = (
        "from unitsearch.space import bind, load_space, survey\n"
        "survey(bind(load_space('lenet_hybrid'), (1, 8, 8), 10), {}, 5)"
    )
    assert loaded_by(code) == []


def test_grouping_architectures_for_packs_loads_nothing_heavy() -> None:
    assert loaded_by("from unitsearch.packs import groups\ngroups([])") == []


def test_making_a_backbone_loads_nothing_heavy() -> None:
    code = "from unitsearch.backbones import backbone\nbackbone('resnet18', (3, 32, 32), 10)"
    assert loaded_by(code) == []


def test_this_check_can_fail() -> None:
    assert "torch" in loaded_by("import unitsearch\nfrom unitsearch.network.build import build")
    assert "pandas" in loaded_by("import pandas")


def test_the_public_names_are_sorted_and_exist() -> None:
    assert list(unitsearch.__all__) == sorted(unitsearch.__all__)
    assert [name for name in unitsearch.__all__ if not hasattr(unitsearch, name)] == []
    assert len(set(unitsearch.__all__)) == len(unitsearch.__all__)
