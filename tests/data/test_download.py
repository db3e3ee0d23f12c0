from __future__ import annotations

import gzip
import hashlib
import tarfile
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from unitsearch.data import data_spec
from unitsearch.data.download import make_available
from unitsearch.data.sets import load
from unitsearch.data.vision import torchvision
from unitsearch.errors import DataError


def md5(file: Path) -> str:
    return hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()


@pytest.fixture
def mirror(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Path, str]]:
    """A folder, and the address at which this machine serves it."""
    folder = tmp_path_factory.mktemp("mirror")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    handler = partial(SimpleHTTPRequestHandler, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10", "cifar100"])
def test_without_a_network_the_cause_and_the_files_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for scheme in ("http", "https"):
        monkeypatch.setenv(f"{scheme}_proxy", "http://127.0.0.1:9")  # nothing listens there
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(DataError, match=r"data\.download: .* could not be downloaded") as caught:
        load(data_spec(name, root=tmp_path, download=True))
    assert "refused" in str(caught.value)
    assert f" into {tmp_path}" in str(caught.value)
    assert "data=digits" in str(caught.value)


def test_missing_idx_files_are_fetched_from_the_first_mirror_that_has_them(
    write_mnist: Callable[..., Path], mirror: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write_mnist()
    before = load(data_spec("mnist", root=root))
    folder, address = mirror
    file = root / "MNIST" / "raw" / "t10k-labels-idx1-ubyte"
    packed = folder / f"{file.name}.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    file.unlink()
    published = torchvision().datasets.MNIST
    sums = [(name, md5(packed) if name == packed.name else "") for name, _ in published.resources]
    monkeypatch.setattr(published, "resources", sums)
    monkeypatch.setattr(published, "mirrors", [f"{address}none/", address])
    assert load(data_spec("mnist", root=root, download=True)).split_hash == before.split_hash


@pytest.fixture
def served_cifar(
    write_cifar: Callable[..., Path],
    mirror: tuple[Path, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """CIFAR-100's archive on this machine, where torchvision is made to look for it."""
    folder, address = mirror
    published = torchvision().datasets.CIFAR100
    archive = folder / published.filename
    with tarfile.open(archive, "w:gz") as packed:
        packed.add(write_cifar(100) / "cifar-100-python", "cifar-100-python")
    monkeypatch.setattr(published, "url", f"{address}{archive.name}")
    monkeypatch.setattr(published, "tgz_md5", md5(archive))


@pytest.mark.usefixtures("served_cifar")
def test_a_missing_archive_is_fetched_and_unpacked(tmp_path: Path) -> None:
    data = load(data_spec("cifar100", root=tmp_path / "root", download=True))
    assert len(data.classes) == 100


def test_a_download_with_another_checksum_is_refused_before_it_is_unpacked(
    tmp_path: Path, mirror: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, address = mirror
    published = torchvision().datasets.CIFAR10
    with tarfile.open(folder / published.filename, "w:gz"):
        pass
    monkeypatch.setattr(published, "url", f"{address}{published.filename}")
    with pytest.raises(DataError, match="could not be downloaded"):
        load(data_spec("cifar10", root=tmp_path, download=True))
    assert [path.name for path in tmp_path.iterdir()] == [published.filename]


@pytest.mark.usefixtures("served_cifar")
def test_the_driver_fetches_a_set_before_workers_look_for_it(tmp_path: Path) -> None:
    root = tmp_path / "root"
    make_available(data_spec("cifar100", root=root, download=True))
    assert (root / "cifar-100-python" / "meta").is_file()
    make_available(data_spec("cifar100", root=root))
