"""The manifest of a study: typed, written whole, read back equal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from unitsearch.api import bound_space
from unitsearch.architecture import read_file, yaml_text
from unitsearch.errors import StudyError
from unitsearch.study.config import compose
from unitsearch.study.creation import new_manifest
from unitsearch.study.manifest import (
    MANIFEST,
    Manifest,
    read_manifest,
    space_of,
    storage_url,
    write_manifest,
)

LEARNT = {
    "split": "fe66fad6c62240ce",
    "classes": ("0", "on", "null"),
    "mean": (0.305,),
    "std": (0.375,),
    "reference": (1.0, 6.75, 5.125),
}


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    config, _ = compose(["space=lenet_hybrid", "sampler=tpe", "stopping=fixed", "seed=7"])
    space = bound_space("lenet_hybrid")
    return new_manifest(replace(config, name="first"), space, "unitsearch run seed=7")


@pytest.mark.parametrize("learnt", [{}, LEARNT], ids=["new", "trained"])
def test_a_manifest_is_read_as_it_was_written(
    manifest: Manifest, tmp_path: Path, learnt: dict[str, object]
) -> None:
    written = replace(manifest, **learnt)  # type: ignore[arg-type]
    write_manifest(tmp_path, written)
    assert read_manifest(tmp_path, strict=True) == written


def test_what_no_training_has_told_is_left_out_of_the_file(
    manifest: Manifest, tmp_path: Path
) -> None:
    write_manifest(tmp_path, manifest)
    keys = list(read_file(tmp_path / MANIFEST).data)
    assert keys == ["name", "command", "config", "data", "versions", "seed", "space"]


def test_the_space_is_the_one_that_the_file_holds_word_for_word(manifest: Manifest) -> None:
    space = space_of(manifest)
    assert space.file.text == bound_space("lenet_hybrid").file.text
    assert (space.input, space.classes) == ((1, 8, 8), 10)


def test_a_top_level_key_of_a_later_release_is_kept(manifest: Manifest, tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text(yaml_text({**manifest.plain(), "weather": "fine"}))
    write_manifest(tmp_path, read_manifest(tmp_path))
    assert read_file(tmp_path / MANIFEST).data["weather"] == "fine"


def test_a_setting_of_a_later_release_keeps_drivers_out_and_readers_not(
    manifest: Manifest, tmp_path: Path
) -> None:
    plain = manifest.plain()
    plain["config"]["train"]["dropout"] = 0.5
    (tmp_path / MANIFEST).write_text(yaml_text(plain))
    assert read_manifest(tmp_path) == manifest
    with pytest.raises(StudyError, match=r"study\.yaml: config\.train\.dropout: found 'dropout'"):
        read_manifest(tmp_path, strict=True)


@pytest.mark.parametrize("key", ["name", "config", "space", "data"])
def test_a_file_without_a_needed_key_is_no_manifest(
    manifest: Manifest, tmp_path: Path, key: str
) -> None:
    plain = manifest.plain()
    del plain[key]
    (tmp_path / MANIFEST).write_text(yaml_text(plain))
    with pytest.raises(StudyError, match="not the facts of a study"):
        read_manifest(tmp_path)


def test_a_wrong_value_is_named_with_its_place(manifest: Manifest, tmp_path: Path) -> None:
    plain = manifest.plain()
    plain["config"]["floor"] = "high"
    (tmp_path / MANIFEST).write_text(yaml_text(plain))
    with pytest.raises(StudyError, match=r"study\.yaml: config\.floor: found 'high'"):
        read_manifest(tmp_path)


def test_the_password_of_a_storage_comes_from_the_environment(
    manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNITSEARCH_STORAGE_PASSWORD", "p/w")
    config = replace(manifest.config, storage="postgresql://user@host/db")
    assert storage_url(replace(manifest, config=config)) == "postgresql://user:p%2Fw@host/db"
    assert storage_url(manifest) is None
