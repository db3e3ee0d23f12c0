"""Wrong requests: one line on stderr, the right exit code, no file left behind."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Call = Callable[..., "subprocess.CompletedProcess[str]"]
HEAD = "unitsearch: 1\ndata: digits\ninput: auto\n"
BASE = "baseline: {layers: [{kind: flatten}, {kind: linear, out: classes}]}\n"
END = "- {kind: flatten}\n- {kind: linear, out: classes}\n"


def space(layers: str, head: str = HEAD, more: str = "") -> bytes:
    return f"{head}layers:\n{layers}{END}{BASE}{more}".encode()


GOOD = "- {kind: conv, out: {choose: [2, 4]}}\n"
# The fault, the space file (None for no file), the overrides, the exit code, a part of the message.
BAD: dict[str, tuple[bytes | None, list[str], int, str]] = {
    "unknown space": (None, ["space=lenet_hybird"], 2, "did you mean 'lenet_hybrid'"),
    "unknown key": (None, ["buget.trials=3"], 2, "did you mean 'budget.trials'"),
    "unknown option": (None, ["sampler=nsga"], 2, "exhaustive, front, nsga2, random, tpe"),
    "wrong type": (None, ["train.epochs=many"], 2, "a whole number"),
    "no objectives": (None, ["objectives=[]"], 2, "found [], expected a list of 1 to 8"),
    "verification of more than all": (None, ["verify=1.5"], 2, "verify"),
    "a bar after the last epoch": (
        None, ["stopping=fixed", "train.epochs=3", "stopping.after=3"], 2, "a bar before the last"
    ),
    "no key": (None, ["budget"], 2, "KEY=VALUE"),
    "a mapping that is none": (None, ["limits=5"], 2, "limits"),
    "a sweep without -m": (None, ["seed=1,2"], 2, "seed"),
    "name that leaves the folder": (None, ["name=a/b"], 2, "folder name"),
    "malformed YAML": (b"unitsearch: 1\nlayers: [{kind: conv\n", [], 3, "space.yaml:"),
    "random bytes": (bytes(range(256)), [], 3, "space.yaml"),
    "an empty file": (b"", [], 3, "space.yaml"),
    "a list": (b"- 1\n- 2\n", [], 3, "space.yaml"),
    "a YAML tag": (
        space(GOOD, more="points: !!python/object/apply:os.system ['touch owned']\n"), [], 3, "tag"
    ),
    "another version": (space(GOOD, HEAD.replace("1", "7", 1)), [], 3, "unitsearch"),
    "an unknown kind": (space("- {kind: convolution, out: 3}\n"), [], 3, "convolution"),
    "an unknown key of a layer": (
        space("- {kind: conv, out: 3, kernal: 3}\n"), [], 3, "did you mean 'kernel'"
    ),
    "a unit without a hidden layer": (
        space("- {kind: conv, out: 4}\n- {kind: stack, units: [{count: 4, nodes: [1]}]}\n"),
        [], 3, "nodes",
    ),
    "channels that do not add up": (
        space("- {kind: conv, out: 5}\n- {kind: stack, units: [{count: 4, nodes: [1, 2, 1]}]}\n"),
        [], 3, "layers[1]",
    ),
    "an image that is pooled away": (
        space("- {kind: pool, op: max, kernel: 16}\n"), [], 3, "layers[0]"
    ),
    "a layer a billion wide": (space("- {kind: conv, out: 1000000000}\n"), [], 3, "layers[0]"),
    "a billion units": (
        space(
            "- {kind: conv, out: auto}\n- {kind: stack, units: "
            "{mix: [{nodes: [1, 2, 1]}, {nodes: [1, 3, 1]}], total: 1000000000}}\n"
        ),
        [], 3, "layers[1]",
    ),
    "no baseline": (space(GOOD).replace(BASE.encode(), b""), [], 3, "baseline"),
    "an alias that grows": (
        b"a: &a [x, x]\nb: &b [*a, *a]\n" + space(GOOD), [], 3, "space.yaml"
    ),
    "limits that nothing keeps": (space(GOOD), ["limits.params=3"], 2, "limit"),
    "an own limit that nothing keeps": (space(GOOD, more="limits: {flops: 1}\n"), [], 2, "limit"),
    "a space that does not fit the data": (None, ["space=mlp", "data=digits"], 2, "1×8×8"),
    "data that are not there": (None, ["space=mlp"], 3, "train-images-idx3-ubyte"),
    "no such folder of images": (None, ["data=image_folder", "data.path=none"], 3, "none"),
    "more validation than images": (None, ["data.limit=100"], 3, "data.validation"),
    "a floor above one": (None, ["floor=1.5"], 2, "floor"),
    "costs alone": (None, ["objectives=[flops]"], 2, "accuracy"),
    "no such storage": (None, ["storage=mongodb://x"], 3, "storage"),
}  # fmt: skip


def assert_one_line(done: subprocess.CompletedProcess[str], code: int, message: str) -> None:
    assert done.returncode == code, done.stderr + done.stdout
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("unitsearch: ")
    assert done.stderr.count("\n") == 1, done.stderr
    assert len(done.stderr) < 1000, done.stderr
    assert message in done.stderr


@pytest.mark.parametrize("fault", BAD)
def test_a_wrong_request_gives_one_line_and_leaves_no_study(
    fault: str, unitsearch: Call, tmp_path: Path
) -> None:
    content, overrides, code, message = BAD[fault]
    words = list(overrides)
    if content is not None:
        (tmp_path / "space.yaml").write_bytes(content)
        words.append("space=space.yaml")
    assert_one_line(unitsearch("run", *words), code, message)
    studies = tmp_path / "studies"
    assert not studies.exists() or not list(studies.iterdir())
    assert not (tmp_path / "owned").exists()


def test_a_file_in_place_of_the_folder_studies_is_refused_and_kept(
    unitsearch: Call, tmp_path: Path
) -> None:
    (tmp_path / "studies").write_text("mine")
    assert_one_line(unitsearch("run", "budget.trials=1"), 3, "studies")
    assert_one_line(unitsearch("run", "budget.trials=1", "name=x"), 3, "studies")
    assert (tmp_path / "studies").read_text() == "mine"


def test_a_name_that_is_taken_is_refused_and_its_folder_is_kept(
    unitsearch: Call, tmp_path: Path
) -> None:
    taken = tmp_path / "studies" / "mine"
    taken.mkdir(parents=True)
    (taken / "notes.txt").write_text("notes")
    assert_one_line(unitsearch("run", "name=mine"), 3, "mine")
    assert [path.name for path in taken.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(
    "words",
    [["resume"], ["status"], ["trials"], ["best"], ["report"], ["plot", "pareto", "-o", "x.html"],
     ["export", "--front"]],
    ids=lambda words: words[0],
)  # fmt: skip
@pytest.mark.parametrize("study", ["nothing", "folder", "file", "damaged", "wrong"])
def test_a_command_on_something_else_than_a_study_exits_with_3(
    words: list[str], study: str, tmp_path: Path, unitsearch: Call
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("x")
    for name, text in (("damaged", "{{{"), ("wrong", "name: 3\nconfig: 4\nspace: 5\ndata: 6\n")):
        (tmp_path / "studies" / name).mkdir(parents=True)
        (tmp_path / "studies" / name / "study.yaml").write_text(text)
    done = unitsearch(words[0], study, *words[1:])
    assert_one_line(done, 3, "")
    assert not (tmp_path / "x.html").exists()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--nonsense"], 2),
        (["nonsense"], 2),
        (["run", "--nonsense"], 2),
        (["run", "--cfg", "all"], 2),
        (["trials", "x", "-f", "xml"], 2),
        (["cost", "no-such-file.yaml"], 2),
        (["cost", "lenet_hybrid:no_such_point"], 2),
        (["train", "no-such-file.yaml"], 2),
        (["train", "lenet_hybrid:hybrid", "space=mlp"], 2),
        (["train", "mlp:n4", "data=digits"], 2),
        (["space", "show", "no_such_space"], 2),
        (["space", "count", "lenet_hybrid", "seed=3"], 2),
        (["space", "sample", "lenet_hybrid", "-n", "0"], 2),
        (["export", "x"], 3),
        (["export", "x", "--front", "--trial", "1"], 2),
        (["export", "x", "--pick", "knee", "--trial", "1"], 2),
        (["export", "x", "--pick", "best"], 2),
        (["export", "x", "--pick", "accuracy>=98"], 2),
        (["export", "x", "--format", "onx"], 2),
        (["export", "x", "--format", "safetensors", "--no-weights"], 2),
        (["export", "mlp:n4", "--pick", "knee"], 3),
        (["export", "mlp:no_such_point", "--no-weights"], 2),
        (["export", "mlp:n4"], 3),
        (["report"], 3),
        (["plot", "x", "nonsense", "-o", "x.html"], 2),
    ],
    ids=str,
)
def test_other_commands_refuse_wrong_arguments(
    words: list[str], code: int, unitsearch: Call
) -> None:
    done = unitsearch(*words)
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert done.stderr.strip()
    assert "Traceback" not in done.stderr


def test_a_misspelt_point_is_reported_before_missing_data(unitsearch: Call) -> None:
    assert_one_line(unitsearch("train", "resnet18_cifar:n6x"), 2, "n6x")
    assert_one_line(unitsearch("train", "resnet18"), 2, "no architecture at 'resnet18'")
