"""A set is read once per machine: a file in the cache, mapped by all processes that need it."""

from __future__ import annotations

import json
import logging
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.waiting import DEADLINE
from unitsearch.data import DataSpec, data_spec
from unitsearch.data import shared as sharing
from unitsearch.data.sets import DataSet, load
from unitsearch.data.shared import Content, shared

WriteMnist = Callable[..., Path]
Ask = Callable[[list[str]], Future[Content]]
PARTS = ("train", "validation", "test")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UNITSEARCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def no_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[], None]:
    """Put a file in place of the cache's folder, so that not even root can write into it."""

    def refuse() -> None:
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("UNITSEARCH_CACHE", str(tmp_path / "file"))

    return refuse


@pytest.fixture
def little_disk() -> Iterator[None]:
    """Let no file grow beyond some kilobytes: the effect of a full disk on a writing process."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def files() -> list[Path]:
    return sorted(path for path in sharing.folder().glob("*") if path.suffix != ".lock")


def as_data(data: DataSet) -> tuple[Any, ...]:
    """The content of a set, in a form that can be compared."""
    parts = [getattr(data, part) for part in PARTS]
    arrays = [array for part in parts for array in (part.pixels, part.labels)]
    return (
        data.name,
        [(array.shape, array.dtype, array.numpy().tobytes()) for array in arrays],
        (data.classes, data.mean, data.std, data.split_hash),
    )


def mnist(root: Path, **changes: Any) -> DataSpec:
    return data_spec("mnist", root=root, **changes)


@pytest.mark.parametrize("changes", [{}, {"limit": 40, "validation": 0.2}, {"validation": 0}])
def test_a_shared_set_equals_one_that_is_read_alone(
    write_mnist: WriteMnist, no_cache: Callable[[], None], changes: dict[str, Any]
) -> None:
    spec = mnist(write_mnist(), **changes)
    made, mapped = load(spec), load(spec)
    no_cache()
    assert as_data(made) == as_data(mapped) == as_data(load(spec))


def test_a_folder_of_images_is_shared_too(write_images: Callable[..., Path]) -> None:
    spec = data_spec("image_folder", path=write_images(), size=8)
    assert as_data(load(spec)) == as_data(load(spec))
    assert len(files()) == 1


def test_what_one_process_writes_to_its_pixels_no_other_sees(write_mnist: WriteMnist) -> None:
    spec = mnist(write_mnist())
    first, second = load(spec), load(spec)
    before = as_data(second)
    first.train.pixels.zero_()
    assert as_data(second) == before == as_data(load(spec))


def test_a_changed_file_is_noticed_and_the_old_set_goes(write_mnist: WriteMnist) -> None:
    root = write_mnist()
    spec = mnist(root)
    before = as_data(load(spec))
    (old,) = files()
    raw = root / "MNIST" / "raw" / "t10k-images-idx3-ubyte"
    content = bytearray(raw.read_bytes())
    content[-1] ^= 1
    times = raw.stat()
    raw.write_bytes(content)
    os.utime(raw, ns=(times.st_atime_ns, times.st_mtime_ns))  # as a copy that keeps times does
    assert as_data(load(spec)) != before
    (new,) = files()
    assert new != old


def test_another_limit_is_another_set(write_mnist: WriteMnist) -> None:
    root = write_mnist()
    assert len(load(mnist(root)).train) != len(load(mnist(root, limit=30)).train)
    assert len(files()) == 2


def test_augmentation_and_the_way_to_the_folder_do_not_matter(
    write_mnist: WriteMnist, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write_mnist()
    load(mnist(root))
    monkeypatch.chdir(root)
    load(mnist(Path(), augment="crop_flip"))
    assert len(files()) == 1


@pytest.mark.parametrize("damage", ["truncated", "one bit", "empty", "not ours", "no checksum"])
def test_a_damaged_file_is_made_anew(write_mnist: WriteMnist, damage: str) -> None:
    spec = mnist(write_mnist())
    before = as_data(load(spec))
    (path,) = files()
    good = path.read_bytes()
    bad = {
        "truncated": good[:-1],
        "one bit": good[:-1] + bytes([good[-1] ^ 1]),
        "empty": b"",
        "not ours": b"a note that somebody left here",
        "no checksum": good.replace(b'"crc"', b'"src"'),
    }[damage]
    path.write_bytes(bad)
    assert as_data(load(spec)) == before
    assert len(path.read_bytes()) == len(good)
    written = path.stat().st_ino
    assert as_data(load(spec)) == before
    assert path.stat().st_ino == written  # and the new one is found whole


def test_where_nothing_can_be_written_the_set_is_read_and_one_line_says_so(
    write_mnist: WriteMnist, no_cache: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    no_cache()
    with caplog.at_level(logging.WARNING):
        assert len(load(mnist(write_mnist())).test) == 20
    (message,) = caplog.messages
    assert "the data are read into this process alone" in message


def test_a_full_disk_leaves_no_file_and_costs_no_set(
    write_mnist: WriteMnist, little_disk: None, caplog: pytest.LogCaptureFixture
) -> None:
    spec = mnist(write_mnist_within(write_mnist))
    with caplog.at_level(logging.WARNING):
        assert len(load(spec).test) == 20
    assert files() == []
    assert len(caplog.messages) == 1


def write_mnist_within(write: WriteMnist) -> Path:
    """Write the source files before the limit bites: they are larger than it."""
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit[1], limit[1]))
    root = write()
    resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    return root


def content(value: int, count: int = 1000) -> Content:
    return Content({"x": torch.full((count,), value, dtype=torch.uint8)}, {"value": value})


def test_the_least_used_gives_way_where_all_is_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "_UNUSED", 1e12)
    for index, name in enumerate("abc"):
        shared(name, "1", lambda: content(0))
        os.utime(sharing.folder() / f"{name}-1.safetensors", (1e9 + index, 1e9 + index))
    monkeypatch.setattr(sharing, "MAX_BYTES", 3000)  # two of them
    shared("a", "1", lambda: pytest.fail("it was there"))  # which makes b the least used
    shared("d", "1", lambda: content(0))
    assert [path.name[0] for path in files()] == ["a", "d"]
    assert {path.stem for path in sharing.folder().glob("*.lock")} == {"a", "d"}


def test_what_is_larger_than_all_of_the_cache_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "MAX_BYTES", 500)
    assert shared("a", "1", lambda: content(7)).facts == {"value": 7}
    assert files() == []


def test_an_entry_unused_for_a_month_is_removed() -> None:
    shared("a", "1", lambda: content(0))
    os.utime(sharing.folder() / "a-1.safetensors", (1e9, 1e9))
    shared("b", "1", lambda: content(0))
    assert [path.name[0] for path in files()] == ["b"]


def test_what_a_killed_process_left_goes_after_an_hour() -> None:
    shared("a", "1", lambda: content(0))
    left = sharing.folder() / ".abc.safetensors"
    fresh = sharing.folder() / ".def.safetensors"
    left.write_bytes(b"half")
    fresh.write_bytes(b"half")
    os.utime(left, (1e9, 1e9))
    shared("b", "1", lambda: content(0))
    assert (left.exists(), fresh.exists()) == (False, True)


MAKER = """
import json, sys
import torch
from unitsearch.data.shared import Content, shared

def make():
    print("making", flush=True)
    sys.stdin.readline()
    return Content({"x": torch.arange(1000)}, {"by": sys.argv[1]})

entry = shared("a", "1", make)
print(json.dumps([entry.facts, int(entry.tensors["x"].sum())]), flush=True)
"""


def maker(name: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", MAKER, name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def said_by(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.fixture
def beside() -> Iterator[Ask]:
    """Load the set in this process, while the test continues."""

    def here(made: list[str]) -> Content:
        made.append("here")
        return Content({"x": torch.zeros(3)}, {"by": "here"})

    with ThreadPoolExecutor(1) as pool:
        yield lambda made: pool.submit(shared, "a", "1", lambda: here(made))


@pytest.mark.slow
def test_of_two_processes_at_once_one_makes_it_and_both_have_it(beside: Ask) -> None:
    first, made = maker("first"), []
    assert said_by(first) == "making"
    second = beside(made)  # whether it comes before or after the file is there
    out, _ = first.communicate("go on\n", timeout=DEADLINE)
    data = second.result(DEADLINE)
    assert (
        [data.facts, int(data.tensors["x"].sum())] == json.loads(out) == [{"by": "first"}, 499500]
    )
    assert (made, first.returncode) == ([], 0)


@pytest.mark.slow
def test_a_process_that_is_killed_while_it_makes_the_set_leaves_it_to_the_next(beside: Ask) -> None:
    first, made = maker("first"), []
    assert said_by(first) == "making"
    second = beside(made)
    os.kill(first.pid, signal.SIGKILL)
    first.communicate(timeout=DEADLINE)
    assert second.result(DEADLINE).facts == {"by": "here"}
    assert made == ["here"]


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="Linux tells of mappings")
def test_a_set_is_mapped_and_not_copied(write_mnist: WriteMnist) -> None:
    data = load(mnist(write_mnist()))
    address = data.train.pixels.data_ptr()
    for line in Path("/proc/self/maps").read_text().splitlines():
        start, _, end = line.split()[0].partition("-")
        if int(start, 16) <= address < int(end, 16):
            assert line.endswith(files()[0].name)
            return
    pytest.fail("the pixels are nowhere")
