"""The commands draw and inspect: their files, their output and their errors."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch
from safetensors.torch import load_file, save_file

from unitsearch.api import load_architecture, train_one
from unitsearch.architecture import write_architecture, yaml_text
from unitsearch.costs import count

Call = Callable[..., "subprocess.CompletedProcess[str]"]
# The settings that shorten the commands of the documentation.
QUICK = {"train": ("train.epochs=1", "plan=grouped")}
FEW = ("-f", "json", "--sample", "60")
WORDS = [
    "data=digits", "train=fast", "train.epochs=1", "plan=grouped", "engine.device=cpu",
]  # fmt: skip


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of sixteen units, trained a little."""
    folder = tmp_path_factory.mktemp("trained")
    train_one("lenet_hybrid:hybrid", WORDS, folder, lambda epoch, accuracy: None)
    return folder


@pytest.fixture
def trained(digits: Path, tmp_path: Path) -> Path:
    """The file of that network, in a copy of its own; its weights lie beside it."""
    folder = tmp_path / "trained"
    shutil.copytree(digits, folder)
    return folder / "hybrid.yaml"


def without_provenance(path: Path) -> None:
    plain = write_architecture(load_architecture(path))
    path.write_text(yaml_text({k: v for k, v in plain.items() if k != "provenance"}))


def test_draw_writes_an_svg_and_prints_its_path(unitsearch: Call, tmp_path: Path) -> None:
    done = unitsearch("draw", "toy_hybrid:No.1")
    assert (done.returncode, done.stdout, done.stderr) == (0, "toy_hybrid-No.1.svg\n", "")
    root = ElementTree.parse(tmp_path / "toy_hybrid-No.1.svg").getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"


def test_draw_can_write_to_stdout_and_be_given_a_width(unitsearch: Call, tmp_path: Path) -> None:
    wide, narrow = (
        ElementTree.fromstring(
            unitsearch("draw", "vgg16_cifar:n4", "-o", "-", "--width", width).stdout
        )
        for width in ("1500", "300")
    )
    assert float(wide.attrib["width"]) > 1.5 * float(narrow.attrib["width"])
    assert not list(tmp_path.iterdir())


def test_draw_takes_a_file(unitsearch: Call, trained: Path, tmp_path: Path) -> None:
    done = unitsearch("draw", str(trained), "-o", "pictures/one.svg", "--no-background")
    assert done.returncode == 0
    svg = (tmp_path / "pictures" / "one.svg").read_text()
    assert ">hybrid</text>" in svg
    assert 'class="paper"' not in svg


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["draw", "nowhere.yaml"], 2, "no architecture at 'nowhere.yaml'"),
        (["draw", "toy_hybrid:No.11"], 2, "No.11"),
        (["draw", "toy_hybrid:No.1", "--width", "-3"], 2, "pixels above 0"),
        (["inspect", "toy_hybrid:No.1"], 2, "train it: unitsearch train toy_hybrid:No.1"),
        (["inspect", "nowhere.yaml"], 2, "no architecture at 'nowhere.yaml'"),
    ],
)
def test_a_network_that_cannot_be_drawn_or_inspected_is_refused(
    words: list[str], code: int, message: str, unitsearch: Call
) -> None:
    done = unitsearch(*words)
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_inspect_prints_a_row_for_each_unit_and_writes_one_page(
    unitsearch: Call, trained: Path, tmp_path: Path
) -> None:
    done = unitsearch("inspect", str(trained), "-f", "json", "--image", "0", "--image", "5")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert [row["unit"] for row in rows] == [*range(1, 9), *range(1, 9)]
    assert {row["stack"] for row in rows} == {"s1", "s2"}
    assert {row["images"] for row in rows} == {450}  # all validation images of digits
    page = (tmp_path / "hybrid.html").read_text()
    assert done.stderr.endswith("hybrid.html\n")
    assert "default-src 'none'" in page
    assert "http" not in page.replace("http-equiv", "")
    assert len(re.findall(r'<figure class="unit[^>]*title', page)) == 16


HIDDEN = {"1-2-1": 2, "1-3-1": 3, "1-4-1": 4}


def part(counts: dict[str, int]) -> str:
    """A convolution, its stack and the pooling of the trained network, as in a file."""
    units = ", ".join(
        f"{{count: {count}, nodes: [1, {HIDDEN[kind]}, 1]}}" for kind, count in counts.items()
    )
    return (
        f"- {{kind: conv, out: {sum(counts.values())}}}\n"
        f"- {{kind: stack, units: [{units}]}}\n- {{kind: pool}}\n"
    )


def test_inspect_shows_the_costs_that_removing_a_unit_saves(
    unitsearch: Call, trained: Path
) -> None:
    rows = json.loads(unitsearch("inspect", str(trained), *FEW).stdout)
    whole = count(load_architecture(trained))
    for row in rows:
        remaining = {name: {"1-2-1": 2, "1-3-1": 3, "1-4-1": 3} for name in ("s1", "s2")}
        remaining[row["stack"]][row["kind"]] -= 1
        smaller = trained.with_name("smaller.yaml")
        smaller.write_text(
            "unitsearch: 1\ninput: [1, 8, 8]\nlayers:\n"
            f"{part(remaining['s1'])}{part(remaining['s2'])}"
            "- {kind: flatten}\n- {kind: linear, out: 10}\n"
        )
        reduced = count(load_architecture(smaller))
        assert row["saves_params"] == whole.params - reduced.params
        assert row["saves_macs"] == whole.macs - reduced.macs
        assert row["saves_flops"] == whole.flops - reduced.flops


def test_a_unit_whose_weights_are_zero_is_reported_as_dead(
    unitsearch: Call, trained: Path, tmp_path: Path
) -> None:
    path = trained.with_suffix(".safetensors")
    tensors = load_file(path)
    # layers.1 is the first stack, its second run of units 1-3-1; all numbers of the run's second
    for name, tensor in tensors.items():
        if name.startswith("layers.1.units.1.") and tensor.dtype == torch.float32:
            rows = len(tensor) // 3
            tensor[rows : 2 * rows] = 1 if name.endswith("running_var") else 0
    save_file(tensors, path)
    rows = json.loads(unitsearch("inspect", str(trained), *FEW).stdout)
    dead = [(row["stack"], row["unit"]) for row in rows if row["finding"] == "dead"]
    assert ("s1", 4) in dead
    (row,) = (row for row in rows if (row["stack"], row["unit"]) == ("s1", 4))
    assert (row["still_maps"], row["zero_maps"], row["share"]) == (1, 1, 0)
    assert (row["lost"], row["gained"], row["loss_change"]) == (0, 0, 0)
    assert "dead: the same for every image" in (tmp_path / "hybrid.html").read_text()


def test_an_unresolved_effect_is_shown_with_its_images_and_its_error(
    unitsearch: Call, trained: Path, tmp_path: Path
) -> None:
    done = unitsearch("inspect", str(trained), "--sample", "20", "-f", "json")
    rows = json.loads(done.stdout)
    unresolved = [row for row in rows if row["finding"] == "no effect resolved"]
    assert unresolved  # twenty images resolve little
    message = f"no effect resolved on 20 images (±{200 * unresolved[0]['accuracy_change_se']:.2f}"
    assert message in (tmp_path / "hybrid.html").read_text()


def test_only_as_many_effects_are_measured_as_asked_for(unitsearch: Call, trained: Path) -> None:
    rows = json.loads(unitsearch("inspect", str(trained), "--effects", "3", *FEW).stdout)
    measured = [row for row in rows if row["images"] is not None]
    assert len(measured) == 3
    others = [row["share"] for row in rows if row["images"] is None]
    assert max(row["share"] for row in measured) <= min(others)


def test_a_table_for_people_ends_with_the_page(unitsearch: Call, trained: Path) -> None:
    done = unitsearch(
        "inspect", str(trained), "-o", "look.html", "--sample", "60", "--part", "test"
    )
    assert done.returncode == 0
    assert done.stdout.endswith("look.html\n")
    assert "still maps" in done.stdout
    assert "± two standard errors" in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--image", "450"], 2, "0 to 449: digits has 450 validation images"),
        (["--image", "-1"], 2, "0 to 449"),
        (["data=mnist"], 3, "mnist is not in"),
        (["train=fast"], 2, "data=NAME"),
        (["--part", "train"], 2, "validation or test"),
        (["--sample", "0"], 2, "above 0"),
    ],
)
def test_images_and_settings_that_do_not_suit_the_network_are_refused(
    words: list[str], code: int, message: str, unitsearch: Call, trained: Path, tmp_path: Path
) -> None:
    done = unitsearch("inspect", str(trained), *words)
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr
    assert not (tmp_path / "hybrid.html").exists()


def test_missing_weights_are_an_error_with_the_way_to_get_them(
    unitsearch: Call, trained: Path
) -> None:
    trained.with_suffix(".safetensors").unlink()
    done = unitsearch("inspect", str(trained))
    assert (done.returncode, done.stdout) == (3, "")
    assert "there are no weights beside hybrid.yaml" in done.stderr
    assert "unitsearch export STUDY --trial N" in done.stderr
    assert f"unitsearch train {trained}" in done.stderr


def test_weights_of_another_network_are_refused(unitsearch: Call, trained: Path) -> None:
    save_file({"a": torch.zeros(1)}, trained.with_suffix(".safetensors"))
    done = unitsearch("inspect", str(trained))
    assert done.returncode == 3
    assert "not the weights of this architecture" in done.stderr


def test_a_file_that_does_not_say_its_data_asks_for_them(unitsearch: Call, trained: Path) -> None:
    without_provenance(trained)
    done = unitsearch("inspect", str(trained))
    assert (done.returncode, done.stdout) == (2, "")
    assert "add data=NAME" in done.stderr
    assert unitsearch("inspect", str(trained), "data=digits", *FEW).returncode == 0


def test_a_network_without_units_is_refused(unitsearch: Call, tmp_path: Path) -> None:
    plain = tmp_path / "plain.yaml"
    plain.write_text(
        "unitsearch: 1\ninput: [1, 8, 8]\nlayers: [{kind: flatten}, {kind: linear, out: 10}]\n"
    )
    done = unitsearch("inspect", str(plain))
    assert (done.returncode, done.stdout) == (2, "")
    assert "holds no units" in done.stderr


def test_images_of_another_split_than_its_own_bring_a_warning(
    unitsearch: Call, trained: Path
) -> None:
    own = unitsearch("inspect", str(trained), "--sample", "60")
    assert "may have been trained on these images" not in own.stderr
    other = unitsearch("inspect", str(trained), "--sample", "60", "data.validation=200")
    assert "may have been trained on these images; --part test holds no such" in other.stderr


@pytest.mark.slow
def test_the_commands_and_the_code_of_the_documentation_run(
    tmp_path: Path, unitsearch: Call
) -> None:
    text = (Path(__file__).parents[2] / "docs" / "inspect.md").read_text()
    for line in "".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL)).splitlines():
        done = unitsearch(*shlex.split(line)[1:], *QUICK.get(line.split()[1], ()))
        assert done.returncode == 0, done.stderr
    for name in ("toy_hybrid-No.1.svg", "resnet.svg", "hybrid.html", "look.html"):
        assert (tmp_path / name).is_file()
    for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(compile(code, "docs/inspect.md", "exec"), {})
    assert (tmp_path / "network.svg").is_file()
