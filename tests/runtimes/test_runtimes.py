"""Each runtime takes networks of every kind, answers as they do, and is measured beside a twin."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.exports.export_networks import CONV, IN_A_ROW, SMALL, architecture, source_network
from tests.waiting import DEADLINE
from unitsearch.architecture import Architecture
from unitsearch.errors import CheckError, PackageError, SpecError, UsageError
from unitsearch.exports.card_facts import CardFacts
from unitsearch.exports.export import export
from unitsearch.exports.runtime_facts import duration
from unitsearch.exports.source_network import SourceNetwork
from unitsearch.runtimes import RUNTIMES, runtimes_from
from unitsearch.runtimes.exporting import Target
from unitsearch.runtimes.runtime import Runtime
from unitsearch.runtimes.targets.onnxruntime import OnnxRuntime

INSTALLED = [
    pytest.param(
        runtime,
        id=name,
        marks=pytest.mark.skipif(
            bool(runtime.missing), reason=f"not installed: {', '.join(runtime.missing)}"
        ),
    )
    for name, runtime in RUNTIMES.items()
]
ONE = RUNTIMES["torch"]  # the one that writes fastest


@pytest.fixture(scope="module")
def whole() -> SourceNetwork:
    return source_network(IN_A_ROW, "whole")


@pytest.fixture(scope="module")
def hybrid() -> SourceNetwork:
    units = [{"count": 2, "nodes": [1, 2, 1]}, {"nodes": [2, 3, 2]}]
    layers = [CONV, {"kind": "stack", "units": units}, CONV]
    return source_network(architecture(layers), "hybrid")


@pytest.mark.slow
@pytest.mark.parametrize("runtime", INSTALLED)
def test_a_runtime_answers_as_a_network_of_every_kind_of_layer(
    runtime: Runtime, whole: SourceNetwork, tmp_path: Path
) -> None:
    facts = Target(runtime, "runs").write(whole, tmp_path)
    assert facts.difference <= runtime.tolerance
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(facts.files)
    assert [times.batch for times in facts.times] == [1, 16]


@pytest.mark.slow
@pytest.mark.parametrize("runtime", INSTALLED)
def test_the_code_on_the_card_runs_the_file_without_unitsearch(
    runtime: Runtime, hybrid: SourceNetwork, tmp_path: Path
) -> None:
    facts = Target(runtime, "runs").write(hybrid, tmp_path)
    program = "import sys; sys.modules['unitsearch'] = None\n" + facts.usage
    done = subprocess.run(
        [sys.executable, "-c", f"{program}print(tuple(logits.shape)[-1])"],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == "3"


def test_the_packages_of_every_runtime_are_an_extra() -> None:
    import tomllib

    text = (Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8")
    extras = tomllib.loads(text)["project"]["optional-dependencies"]
    for name, runtime in RUNTIMES.items():
        wanted = {package.lower() for package in runtime.packages} - {"torch"}
        named = {line.split(">=")[0].lower() for line in extras.get(name, [])}
        assert named >= wanted, name  # litert has those that quantise and check as well


def test_an_export_says_time_twin_and_promise(hybrid: SourceNetwork, tmp_path: Path) -> None:
    facts = CardFacts("Made by a test.")
    done = export(hybrid, facts, ("yaml",), tmp_path, latency=False, targets=[Target(ONE)])
    (in_torch,) = done.runtimes
    one = in_torch.times[0]
    assert one.twin is not None
    assert in_torch.said() == (
        f"in torch {duration(one.network.median)}, its dense twin {duration(one.twin.median)} "
        f"({one.speedup:.2f}x), MACs promised {in_torch.macs_ratio:.1f}x"
    )
    card = done.card.read_text("utf-8")
    assert f"I{in_torch.said()[1:]}" in card
    assert "`hybrid.torch.pt2`" in card
    assert in_torch.usage in card
    assert (tmp_path / "hybrid.torch.pt2").is_file()


def test_a_network_without_stacks_has_no_dense_twin(tmp_path: Path) -> None:
    facts = Target(ONE, "runs").write(source_network(SMALL["gates"]), tmp_path)
    assert facts.said().endswith("it has no dense twin")


class Refusing(OnnxRuntime):
    """A runtime that takes no network."""

    def refusal(self, architecture: Architecture) -> str:
        return "it takes none"


class Wrong(OnnxRuntime):
    """A runtime that no network satisfies."""

    tolerance = -1.0


class Absent(OnnxRuntime):
    """A runtime whose package is not installed."""

    packages = ("no-such-package-of-unitsearch",)


class Unable(OnnxRuntime):
    """A runtime whose converter fails."""

    def write(self, *arguments: object) -> tuple[str, ...]:
        raise ValueError("no Conv\nin this version")


@pytest.mark.parametrize(
    ("runtime", "error", "message"),
    [
        (Refusing(), SpecError, "onnxruntime does not take hybrid: it takes none"),
        (Wrong(), CheckError, "logits in onnxruntime that differ by"),
        (Unable(), SpecError, "does not take hybrid: ValueError: no Conv"),
    ],
)
def test_no_file_is_left_of_a_network_that_a_runtime_does_not_take(
    runtime: Runtime, error: type[Exception], message: str, hybrid: SourceNetwork, tmp_path: Path
) -> None:
    facts, targets = CardFacts("Made by a test."), [Target(runtime, "runs")]
    with pytest.raises(error, match=message):
        export(hybrid, facts, ("yaml",), tmp_path / "out", latency=False, targets=targets)
    assert not (tmp_path / "out").exists()


def test_a_missing_package_is_named_with_its_extra() -> None:
    with pytest.raises(PackageError) as raised:
        Absent().require_packages()
    assert str(raised.value) == (
        "onnxruntime needs no-such-package-of-unitsearch; pip install 'unitsearch[onnxruntime]'"
    )


def test_runtimes_are_named_once_and_misspelt_ones_are_refused() -> None:
    assert runtimes_from("tract, torch,tract") == ["tract", "torch"]
    with pytest.raises(UsageError, match="did you mean 'openvino'"):
        runtimes_from("openvno")


def test_a_network_whose_units_have_nothing_in_common_has_no_twin(tmp_path: Path) -> None:
    odd = SMALL["units alike but for one number"]
    assert Target(ONE, "runs").write(source_network(odd), tmp_path).macs_ratio is None


def test_durations_are_readable() -> None:
    assert [duration(s) for s in (7.83e-5, 1.624e-3, 0.01244)] == ["78.3 µs", "1,624 µs", "12.4 ms"]
