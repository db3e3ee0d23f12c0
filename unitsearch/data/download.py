"""The download of a published set into its root, by torchvision's addresses and checksums."""

from __future__ import annotations

import tarfile
import zlib
from http.client import HTTPException
from typing import Any

from unitsearch.data.spec import (
    DataSpec,
    available,
    files_of,
    is_downloadable,
    require,
    root_of,
)
from unitsearch.data.vision import torchvision
from unitsearch.errors import DataError

# The errors of a connection that fails, and of an archive that is damaged.
_FAILURES = (OSError, EOFError, RuntimeError, HTTPException, tarfile.TarError, zlib.error)


def make_available(spec: DataSpec) -> None:
    """Ensure that the files of a set are there; fetch them if that is allowed and needed.

    The driver of a study does this once, before any worker loads them.

    Raises:
        DataError: If they are not there and may not, or cannot, be fetched.
    """
    if spec.download and is_downloadable(spec) and available(spec):
        download(spec)
    require(spec)


def download(spec: DataSpec) -> None:
    """Fetch the files of a published set, in torchvision's layout; progress goes to stderr.

    Only torchvision's download functions are used, which check MD5 sums before they unpack: its
    data-set classes would also unpickle the files.

    Raises:
        DataError: If they cannot be fetched; it gives the reason, the files and their folder.
    """
    datasets = torchvision().datasets
    try:
        match spec.name:
            case "mnist":
                _fetch_idx(spec, datasets.MNIST)
            case "fashion_mnist":
                _fetch_idx(spec, datasets.FashionMNIST)
            case "cifar10":
                _fetch_archive(spec, datasets.CIFAR10)
            case "cifar100":
                _fetch_archive(spec, datasets.CIFAR100)
            case _:
                raise AssertionError(f"{spec.name} is not downloaded")
    except _FAILURES as error:
        files = files_of(spec)
        folder = next(iter(files.values())).parent
        raise DataError(
            f"{spec.name} could not be downloaded ({error})",
            place="data.download",
            fix=f"put the files {', '.join(files)} into {folder}, or take data=digits, "
            "which needs no files",
        ) from error


def _fetch_archive(spec: DataSpec, published: Any) -> None:
    torchvision().datasets.utils.download_and_extract_archive(
        published.url, str(root_of(spec)), filename=published.filename, md5=published.tgz_md5
    )


def _fetch_idx(spec: DataSpec, published: Any) -> None:
    fetch = torchvision().datasets.utils.download_url
    files = files_of(spec)
    for packed, md5 in published.resources:
        file = files[packed.removesuffix(".gz")]
        if file.is_file():
            continue
        for mirror in published.mirrors:
            try:
                fetch(f"{mirror}{packed}", str(file.parent), filename=packed, md5=md5)
            except _FAILURES:
                if mirror == published.mirrors[-1]:
                    raise
            else:
                break
