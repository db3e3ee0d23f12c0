"""The promises of the Ray engine beyond those of every engine."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import DEADLINE, wait_until
from unitsearch.engine import Job, Outcome, open_engine
from unitsearch.engine.ray import RayEngine
from unitsearch.errors import StudyError, UsageError

# A driver: trains one network, begins a second, prints [0], then ends well or has an endless job.
# The second is submitted after the first has ended, and its state is kept after each epoch: the
# file shows that it has begun, however busy the machine is. A shell that runs the tests in the
# background has its processes ignore SIGINT, so the driver asks for Python's own handler.
_DRIVER = """
import signal, sys
from pathlib import Path
from unitsearch.data import data_spec
from unitsearch.engine import Job, open_engine
from unitsearch.fields import write_all
from unitsearch.training import Recipe

def job(number, epochs):
    layers = [{"kind": "flatten"}, {"kind": "linear", "out": 10}]
    architecture = {"unitsearch": 1, "input": [1, 8, 8], "layers": layers}
    recipe = write_all(Recipe(epochs=epochs, batch=64))
    data = write_all(data_spec("digits"))
    # in lanes a thousand epochs would be over before anybody could interrupt them
    kept = {"checkpoint": str(state), "minutes": 0}
    return Job(number, "train", architecture, number, recipe, data, plan="grouped", **kept)

def collect():
    while not (outcomes := engine.collect(1)):
        pass
    return [outcome.number for outcome in outcomes]

signal.signal(signal.SIGINT, signal.default_int_handler)
folder, address, epochs = Path(sys.argv[1]), sys.argv[2] or None, int(sys.argv[3])
state = folder / "state"
engine = open_engine("ray", 1, address, folder)
engine.submit([job(0, 1)])
first = collect()
state.unlink(missing_ok=True)
engine.submit([job(1, epochs)])
while not state.exists():
    assert engine.collect(0.01) == []
try:
    print(first, flush=True)
    print(collect(), flush=True)
except KeyboardInterrupt:
    print("interrupted", flush=True)
    print(collect(), flush=True)
engine.close()
"""


def _start(folder: Path, address: str, epochs: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _DRIVER, str(folder), address, str(epochs)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Start a driver that has trained its first network and is in the middle of its second."""
    started = []

    def start(address: str = "", epochs: int = 100_000) -> subprocess.Popen[str]:
        process = _start(tmp_path, address, epochs)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "[0]\n", process.communicate(timeout=DEADLINE)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=DEADLINE)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A cluster that another program would have started."""
    import ray

    context: Any = ray.init(
        address="local", num_cpus=2, include_dashboard=False, log_to_driver=False
    )
    yield context
    ray.shutdown()


def test_importing_it_imports_neither_ray_nor_torch() -> None:
    code = "import sys, unitsearch.engine.ray; print({'ray', 'torch'} & set(sys.modules))"
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert process.stdout == "set()\n"


@pytest.mark.parametrize("address", ["ray://head:10001", "head", ":6379", "head:port"])
def test_only_a_host_and_port_is_an_address(tmp_path: Path, address: str) -> None:
    with pytest.raises(UsageError, match=r"engine\.address: .* expected auto or HOST:PORT"):
        RayEngine(1, address, tmp_path)


@pytest.mark.ray
@pytest.mark.slow
def test_neither_ctrl_c_nor_a_dying_worker_prints_anything_or_loses_a_job(
    driver: Callable[..., Any], workers_of: Callable[..., set[int]], tmp_path: Path
) -> None:
    process = driver()  # its second job is endless: it is under way at every moment
    workers = workers_of(process.pid)
    os.killpg(process.pid, signal.SIGINT)
    assert process.stdout.readline() == "interrupted\n"
    assert workers_of(among=workers) == workers
    state = tmp_path / "state"

    def kill_what_has_begun() -> bool:  # the job begins again after one death, and not after two
        if state.exists():
            for pid in workers_of(process.pid):
                os.kill(pid, signal.SIGKILL)
            state.unlink()
        return process.poll() is not None

    wait_until(kill_what_has_begun, "the end of a driver whose workers die")
    out, err = process.communicate(timeout=DEADLINE)
    assert (out, err, process.returncode) == ("[1]\n", "", 0)


@pytest.mark.ray
@pytest.mark.slow
def test_workers_of_a_local_cluster_end_with_their_driver(
    driver: Callable[..., Any], workers_of: Callable[..., set[int]]
) -> None:
    process = driver()
    workers = workers_of(process.pid)
    assert workers
    process.kill()
    wait_until(lambda: not workers_of(among=workers), "the end of the workers")


@pytest.mark.ray
@pytest.mark.slow
def test_workers_on_a_given_cluster_end_with_their_driver(
    cluster: Any, driver: Callable[..., Any], workers_of: Callable[..., set[int]]
) -> None:
    process = driver(cluster.address_info["address"])
    workers = workers_of()  # children of the cluster's own processes, so of this one
    assert workers
    process.kill()
    wait_until(lambda: not workers_of(among=workers), "the end of the workers")


@pytest.mark.ray
def test_a_process_that_is_connected_to_ray_stays_connected(
    cluster: Any,
    tmp_path: Path,
    make_job: Callable[..., Job],
    collect: Callable[..., list[Outcome]],
    workers_of: Callable[..., set[int]],
) -> None:
    import ray

    engine = open_engine("ray", None, None, tmp_path)
    assert engine.workers == 2
    engine.submit([make_job(0)])
    assert collect(engine, 1)[0].is_complete
    engine.close()
    assert ray.is_initialized()
    wait_until(lambda: not workers_of(), "the end of the workers")


@pytest.mark.ray
@pytest.mark.slow
def test_workers_that_cannot_import_torch_are_a_study_error(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError('no torch here')")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    process = subprocess.run(
        [sys.executable, "-c", _DRIVER, str(tmp_path / "study"), "", "1"],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert process.stdout == ""
    # Ray's own threads may log a line while they end, in brackets
    last = [line for line in process.stderr.splitlines() if not line.startswith("[")][-1]
    assert last.startswith(f"{StudyError.__module__}.StudyError: no Ray worker can be started")
    assert last.endswith("(ImportError: no torch here)")


def test_a_cluster_that_does_not_answer_is_a_study_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:  # a port at which no program listens
        port = server.getsockname()[1]
    with pytest.raises(StudyError, match=f"no Ray cluster answers at '127.0.0.1:{port}'"):
        RayEngine(1, f"127.0.0.1:{port}", tmp_path)
