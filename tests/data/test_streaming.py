"""Images that stay in their files: served as if they were in memory, which does not grow."""

from __future__ import annotations

import os
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Generator, nn

from unitsearch.architecture import read_architecture
from unitsearch.data import data_spec
from unitsearch.data.batches import batches
from unitsearch.data.images import AHEAD, Images, StreamedImages
from unitsearch.data.pools import FilePool
from unitsearch.data.sets import SAMPLE, DataSet, load, measured
from unitsearch.data.split import draw
from unitsearch.engine.jobs import PACE, Job
from unitsearch.engine.work import WorkerCache, run_job
from unitsearch.errors import DataError, UsageError
from unitsearch.fields import write_all
from unitsearch.network.build import build, initialise
from unitsearch.training import Recipe
from unitsearch.training.loop import test_accuracy, train

measured_on_test = test_accuracy
del test_accuracy  # pytest would take it for a test
Write = Callable[..., Path]
RECIPE = Recipe(epochs=2, batch=4, optimiser="adamw", rate=0.01)
LAYERS = [
    {"kind": "conv", "out": 4, "kernel": 3, "stride": 2},
    {"kind": "global_pool"},
    {"kind": "flatten"},
    {"kind": "linear", "out": 3},
]
PLAIN = {"unitsearch": 1, "input": [3, 24, 24], "layers": LAYERS}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def data(write_imagenet: Write) -> DataSet:
    spec = data_spec("imagenet", root=write_imagenet(), classes=3, input=[3, 24, 24], validation=5)
    return load(spec)


def seeded(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def network() -> nn.Module:
    plain = build(read_architecture(PLAIN))
    initialise(plain, "default", seeded(1))
    return plain


def weights(trained: nn.Module) -> bytes:
    return b"".join(t.contiguous().numpy().tobytes() for t in trained.state_dict().values())


def in_memory(images: Any) -> Images:
    """Return all of the images at once."""
    [(pixels, labels)] = images.serve([slice(None)])
    return Images(pixels.contiguous(), labels)


def decoders() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("unitsearch-decoder")]


@pytest.mark.parametrize("augmentation", ["none", "crop_flip"])
@pytest.mark.parametrize("size", [1, 4, 13, 50])
def test_batches_from_files_equal_those_from_memory(
    data: DataSet, size: int, augmentation: str
) -> None:
    both = (data.train, in_memory(data.train))
    first, second = (
        list(batches(part, size, seeded(), augmentation=augmentation)) for part in both
    )
    assert len(first) == len(second) == -(-13 // size)
    for (pixels, labels), (expected, expected_labels) in zip(first, second, strict=True):
        assert pixels.dtype == torch.uint8
        assert torch.equal(pixels, expected)
        assert torch.equal(labels, expected_labels)


def test_batches_without_an_order_come_as_the_files_do(data: DataSet) -> None:
    labels = torch.cat([labels for _, labels in batches(data.test, 4)])
    assert labels.tolist() == [0, 2, 1, 1, 0, 2]
    assert len(list(batches(data.test, 4, drop_last=True))) == 1


@pytest.mark.parametrize("augmentation", ["none", "crop_flip"])
def test_training_from_files_gives_the_weights_of_training_from_memory(
    data: DataSet, augmentation: str
) -> None:
    parts = {part: in_memory(getattr(data, part)) for part in ("train", "validation", "test")}
    results = []
    for each in (data, replace(data, **parts)):
        net = network()
        trained = train(net, each, RECIPE, seeded(), augmentation=augmentation)
        tested = measured_on_test(net, each, RECIPE)
        results.append((weights(net), trained.curve, trained.losses, tested))
    assert results[0] == results[1]


@pytest.mark.parametrize("augmentation", ["none", "crop_flip", "resized_crop_flip"])
def test_neither_the_number_of_threads_nor_their_pace_changes_anything(
    data: DataSet, augmentation: str
) -> None:
    def served(threads: int, size: int) -> torch.Tensor:
        images = replace(data.train, decoders=threads)
        return torch.cat([p for p, _ in batches(images, size, seeded(), augmentation=augmentation)])

    expected = served(1, 5)
    for threads in (2, 7):
        assert torch.equal(served(threads, 5), expected)


def test_random_crops_are_drawn_anew_each_epoch_from_the_generator(data: DataSet) -> None:
    def epoch(order: Generator) -> torch.Tensor:
        served = list(batches(data.train, 13, order, augmentation="resized_crop_flip"))
        pixels, labels = served[0]
        return pixels[labels.argsort(stable=True)]

    first, again = seeded(3), seeded(3)
    epochs = [epoch(first), epoch(first)]
    assert torch.equal(epoch(again), epochs[0])
    assert torch.equal(epoch(again), epochs[1])
    assert not torch.equal(*epochs)


def test_random_crops_of_images_in_memory_are_refused(data: DataSet) -> None:
    images = replace(data, train=in_memory(data.train))
    with pytest.raises(UsageError, match="augment: found 'resized_crop_flip'"):
        train(network(), images, RECIPE, seeded(), augmentation="resized_crop_flip")


def test_batches_are_served_on_the_device_of_the_labels(data: DataSet) -> None:
    there = data.train.to("meta")
    assert len(there) == 13
    [(pixels, labels)] = there.serve([slice(None)])
    assert pixels.device == labels.device == torch.device("meta")


def many(tmp_path: Path, photo: Any, count: int, side: int = 32) -> StreamedImages:
    """The name of one file, as often as it is asked for."""
    photo(0, side, side).save(tmp_path / "0.JPEG")
    for i in range(1, count):
        os.link(tmp_path / "0.JPEG", tmp_path / f"{i}.JPEG")
    names = np.array([f"{i}.JPEG".encode() for i in range(count)])
    labels = np.arange(count) % 2
    return StreamedImages(FilePool(tmp_path, names, labels, side), torch.from_numpy(labels))


def test_no_more_than_a_few_batches_are_asked_for_ahead(tmp_path: Path, photo: Any) -> None:
    images, asked = many(tmp_path, photo, 40), []

    def chosen() -> Iterator[slice]:
        for start in range(0, 40, 4):
            asked.append(start)
            yield slice(start, start + 4)

    served = images.serve(chosen())
    assert asked == []
    for used in range(1, 11):
        next(served)
        assert len(asked) == min(used + AHEAD, 10)
    assert next(served, None) is None


def test_memory_does_not_grow_with_the_number_of_images(tmp_path: Path, photo: Any) -> None:
    images, size = many(tmp_path, photo, 400, side=64), 10

    def peak(count: int) -> int:
        part = StreamedImages(images.files.only(np.arange(count)), images.labels[:count], 2)
        tracemalloc.start()
        for _ in batches(part, size, seeded()):
            pass
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    batch = size * 3 * 64 * 64
    assert peak(size) > batch  # and so the pixels are counted
    # one in use, one that the loop still holds, those ahead; and what two decoders hold
    assert peak(400) < (2 + AHEAD + 3) * batch < 400 / size * batch / 5


def test_no_thread_is_left_after_training(data: DataSet) -> None:
    train(network(), data, RECIPE, seeded())
    assert decoders() == []


def test_no_thread_is_left_after_a_loop_that_stops_early(data: DataSet) -> None:
    for _ in batches(data.train, 2, seeded()):
        assert decoders() != []
        break
    assert decoders() == []


def test_no_thread_is_left_after_a_step_that_raises(data: DataSet) -> None:
    class Failing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = network()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(Failing(), data, RECIPE, seeded())
    assert decoders() == []


@pytest.mark.parametrize("keep", [0, 300])
def test_a_broken_image_ends_training_with_one_error_that_names_it(
    data: DataSet, keep: int
) -> None:
    file = data.train.files.folder / os.fsdecode(data.train.files.names[3])
    file.write_bytes(file.read_bytes()[:keep])
    message = f"^{file}: is not an image that can be read .*; mend the file or take it away$"
    with pytest.raises(DataError, match=message):
        train(network(), data, RECIPE, seeded())
    assert decoders() == []


@pytest.mark.parametrize("validation", [0, 5])
def test_a_set_without_validation_images_trains_as_one_in_memory(
    write_imagenet: Write, validation: int
) -> None:
    changes = {"classes": 3, "input": [3, 24, 24], "validation": validation}
    data = load(data_spec("imagenet", root=write_imagenet(), **changes))
    trained = train(network(), data, RECIPE, seeded(), augmentation="resized_crop_flip")
    assert len(data.validation) == validation
    assert all(np.isnan(accuracy) == (validation == 0) for accuracy in trained.curve)


def test_mean_and_std_are_those_of_the_images_trained_on(data: DataSet) -> None:
    assert measured(data.train) == measured(in_memory(data.train))
    assert data.mean == (0.485, 0.456, 0.406)


def test_mean_and_std_are_measured_on_a_sample_of_many(tmp_path: Path, photo: Any) -> None:
    images = many(tmp_path, photo, SAMPLE + 50, side=8)
    alike = measured(in_memory(StreamedImages(images.files.only(np.arange(1)), torch.zeros(1))))
    unseen = draw(images.files.labels, SAMPLE, "mean and std")[1]
    assert len(unseen) == 50
    for number in unseen:
        (tmp_path / f"{number}.JPEG").unlink()
    for value, expected in zip(measured(images), alike, strict=True):
        assert value == pytest.approx(expected)


def test_jobs_of_a_study_train_and_test_from_files(write_tiny_imagenet: Write) -> None:
    changes = {"classes": 3, "input": [3, 24, 24], "validation": 0.25}
    spec = write_all(data_spec("tiny_imagenet", root=write_tiny_imagenet(), **changes))
    common = {"architecture": PLAIN, "seed": 1, "recipe": write_all(RECIPE), "data": spec}
    cache = WorkerCache()
    trained = run_job(Job(0, "train", **common), cache)
    assert (trained.is_complete, trained.images, len(trained.curve)) == (True, 6, 2)
    tested = run_job(Job(0, "test", weights=trained.weights, **common), cache)
    assert (tested.is_complete, tested.images) == (True, 9)
    assert run_job(Job(1, "train", **common), WorkerCache()).digest == trained.digest


def test_the_pace_of_a_network_is_measured_on_the_files_that_are_there(
    write_tiny_imagenet: Write,
) -> None:
    changes = {"classes": 3, "input": [3, 24, 24], "validation": 0.25}
    spec = write_all(data_spec("tiny_imagenet", root=write_tiny_imagenet(), **changes))
    cache = WorkerCache()
    outcome = run_job(Job(0, PACE, PLAIN, 1, write_all(RECIPE), spec), cache)
    assert (outcome.is_complete, outcome.images) == (True, RECIPE.batch)
    assert [type(data.train) for data in cache.sets.values()] == [StreamedImages]


def test_a_job_that_meets_a_broken_image_fails_by_its_data(write_tiny_imagenet: Write) -> None:
    root = write_tiny_imagenet()
    for file in (root / "tiny-imagenet-200" / "train").glob("*/images/*_3.JPEG"):
        file.write_text("broken")
    changes = {"classes": 3, "input": [3, 24, 24]}
    spec = write_all(data_spec("tiny_imagenet", root=root, **changes))
    outcome = run_job(Job(0, "train", PLAIN, 1, write_all(RECIPE), spec), WorkerCache())
    assert (outcome.is_complete, outcome.kind) == (False, "data")
    assert "_3.JPEG: is not an image that can be read" in outcome.reason
