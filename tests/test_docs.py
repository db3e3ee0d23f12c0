"""The pages of docs/: a reader who follows one gets the output that it shows."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from reference_pages import commands
from tests.doc_blocks import DOCS, Block, Followed, blocks, command, differences, follow

ALONE = (
    "own_unit.md",
    "own_backbone.md",
    "own_sampler.md",
    "large_spaces.md",
    "microcontrollers.md",
)
AFTER_THE_TUTORIAL = (
    "studies.md",
    "fronts.md",
    "python.md",
    "reproducing.md",
    "own_board.md",
    "exports.md",
    "runtimes.md",
    "inspect.md",
)
# Examples that take too long for a test, each with the command that is run in its place.
SHORTER = {
    "unitsearch run": "unitsearch run --dry-run",
    "unitsearch run space=resnet18_cifar --dry-run": "unitsearch run --dry-run engine.workers=1",
    "unitsearch run space=toy_hybrid data=cifar10 budget.trials=100": "… --cfg job",
    "unitsearch run space=my_space.yaml train.epochs=3 limits.params=5000": "… --cfg job",
    "unitsearch run -m seed=1,2,3 sampler=nsga2,random": "… --cfg job",
    "unitsearch resume lenet_hybrid-1 budget.trials=100": (
        "unitsearch resume lenet_hybrid-1 budget.trials=12"
    ),
    "unitsearch train exported/00003.yaml data=mnist train=paper": (
        "unitsearch train exported/00003.yaml data=digits train=fast train.epochs=1"
    ),
    "unitsearch export lenet_hybrid-1 --pick knee --format yaml,safetensors,pt2,onnx,python": (
        "unitsearch export lenet_hybrid-1 --pick knee --format yaml,safetensors,python"
    ),
    "unitsearch export lenet_hybrid-1 --pick knee --runtime onnxruntime": (
        "unitsearch export lenet_hybrid-1 --pick knee --format yaml --runtime torch"
    ),
    "unitsearch latency resnet18_cifar:n6 --batch 1,32 --threads 2": (
        "unitsearch latency lenet_hybrid:hybrid --batch 1,32 --threads 2 --rounds 3"
    ),
    "unitsearch reproduce training lenet_table1:U1 --seeds 5": "",
    "unitsearch dashboard": "",
    "unitsearch dashboard first second --port 8060 --no-open": "",
    "unitsearch inspect trained/Hybrid2.yaml --image 3 --image 8 --part test": (
        "unitsearch inspect trained/00003.yaml --image 3 --image 8 --part test --sample 50"
    ),
    "unitsearch inspect studies/lenet_hybrid-1/front/00003.yaml": "… --sample 50",
}


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Followed]:
    """A folder in which the tutorial was followed, and the output of its commands."""
    folder = tmp_path_factory.mktemp("tutorial")
    return folder, follow("tutorial.md", folder)


@pytest.fixture
def searched(tutorial: tuple[Path, Followed], tmp_path: Path) -> Path:
    """A copy of that folder."""
    return Path(shutil.copytree(tutorial[0], tmp_path / "searched"))


@pytest.mark.slow
def test_the_tutorial_leads_to_an_exported_network_as_it_stands(
    tutorial: tuple[Path, Followed],
) -> None:
    folder, followed = tutorial
    assert not list(differences(followed))
    assert (folder / "studies" / "lenet_hybrid-1" / "report.html").is_file()
    assert (folder / "exported" / "00003.yaml").is_file()
    assert (folder / "trained" / "00003.safetensors").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("page", ALONE)
def test_a_page_can_be_followed_in_an_empty_folder(page: str, tmp_path: Path) -> None:
    assert not list(differences(follow(page, tmp_path)))


@pytest.mark.slow
def test_a_space_of_ones_own_ends_in_a_report_and_in_exports(tmp_path: Path) -> None:
    assert not list(differences(follow("own_space.md", tmp_path)))
    assert list((tmp_path / "exported").glob("*.safetensors"))
    assert (tmp_path / "studies" / "three" / "report.html").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("page", AFTER_THE_TUTORIAL)
def test_a_page_can_be_followed_after_the_tutorial(page: str, searched: Path) -> None:
    assert not list(differences(follow(page, searched)))


@pytest.mark.slow
@pytest.mark.parametrize(
    "example",
    [example for command_entry in commands.commands() for example in command_entry.examples],
)
def test_an_example_in_the_help_of_a_command_works(example: str, searched: Path) -> None:
    shipped = DOCS.parent / "search_spaces" / "lenet_hybrid.yaml"
    shutil.copy(shipped, searched / "my_space.yaml")
    for name in ("first", "second"):
        shutil.copytree(searched / "studies" / "lenet_hybrid-1", searched / "studies" / name)
    line = SHORTER.get(example, example).replace("…", example)
    with contextlib.chdir(searched):
        command(line)


def test_every_shorter_command_belongs_to_an_example() -> None:
    assert set(SHORTER) <= {
        example for command_entry in commands.commands() for example in command_entry.examples
    }


def every_block() -> Iterator[tuple[str, Block]]:
    for page in DOCS.glob("*.md"):
        for block in blocks(page.read_text("utf-8")):
            yield page.name, block


def test_every_page_with_commands_is_followed_or_has_tests_of_its_own() -> None:
    elsewhere = {"dashboards.md", "comparing_samplers.md"}  # a browser, and hours of trainings
    pages = {page for page, block in every_block() if block.language in ("sh", "python")}
    assert pages - elsewhere == {"tutorial.md", "own_space.md", *ALONE, *AFTER_THE_TUTORIAL}


def test_every_yaml_on_a_page_is_yaml() -> None:
    for page, block in every_block():
        if block.language == "yaml":
            assert yaml.safe_load(block.text), f"{page}:{block.line}"


def test_the_installation_is_the_one_that_ci_runs() -> None:
    (wanted,) = (
        block for block in blocks((DOCS / "tutorial.md").read_text("utf-8")) if "pip" in block.text
    )
    readme = (DOCS.parent / "README.md").read_text("utf-8")
    lines = wanted.text.splitlines()
    assert all(line.removeprefix(". .venv/bin/activate") in readme for line in lines)


def test_every_public_name_is_used_on_the_page_from_python() -> None:
    import unitsearch

    text = (DOCS / "python.md").read_text("utf-8")
    code = "".join(block.text for block in blocks(text) if block.language == "python")
    at_work = {name for name in unitsearch.__all__ if f"unitsearch.{name}" in code}
    assert at_work == set(unitsearch.__all__) - {"Study"}  # run and load_study return one
