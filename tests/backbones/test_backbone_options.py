"""Options that ``backbone`` refuses, and its messages."""

from __future__ import annotations

from typing import Any

import pytest

from unitsearch.architecture import key
from unitsearch.backbones import BACKBONES, backbone
from unitsearch.errors import ShapeError, SpecError

CIFAR = (3, 32, 32)


def refused(name: str, *, image: Any = CIFAR, classes: Any = 10, **options: Any) -> str:
    """Return the message of the error."""
    with pytest.raises(SpecError) as caught:
        backbone(name, image, classes, place="space.yaml: backbone", **options)
    return str(caught.value)


def test_the_error_of_a_misspelt_name_suggests_the_nearest() -> None:
    assert refused("resnt18") == (
        "space.yaml: backbone: found 'resnt18', expected a backbone; did you mean 'resnet18'?"
    )


@pytest.mark.parametrize("name", [18, None, ["resnet18"]])
def test_a_name_that_is_no_text_is_refused(name: Any) -> None:
    assert "expected a backbone" in refused(name)


def test_the_error_of_an_unknown_option_lists_the_known_ones() -> None:
    assert refused("vgg16", heads="pool") == (
        "space.yaml: backbone.heads: found 'heads', expected an option of vgg16: "
        "widths, bias, head; did you mean 'head'?"
    )


def test_a_backbone_without_options_says_so() -> None:
    assert refused("efficientnet_b0", stem="cifar").endswith(
        "expected none: efficientnet_b0 has no options"
    )


def test_a_value_that_the_name_decides_is_no_option() -> None:
    assert "expected an option of resnet18: widths, stem" in refused("resnet18", blocks=[1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stem": "cifr"}, "backbone.stem: found 'cifr', expected one of cifar, imagenet; did you"),
        ({"widths": "64"}, "backbone.widths: found '64', expected a list"),
        ({"widths": [8, 8, 0, 8]}, "backbone.widths[2]: found 0, expected a whole number from 1"),
        (
            {"widths": [8]},
            "backbone.widths: found [8], expected one width for each of the 4 stages of",
        ),
    ],
)
def test_the_error_of_a_wrong_value_names_its_place(options: dict[str, Any], message: str) -> None:
    assert message in refused("resnet18", **options)


def test_the_error_of_images_too_small_names_the_layer() -> None:
    with pytest.raises(
        ShapeError, match=r"^backbone\.layers\[11\]\.kernel: found 2, expected at most"
    ):
        backbone("vgg16", (3, 4, 4), 10, place="backbone")


@pytest.mark.parametrize("image", [(3, 32), (3, 0, 32), "cifar"])
def test_an_input_is_channels_height_and_width(image: Any) -> None:
    assert "backbone.input" in refused("resnet18", image=image)


def test_there_is_a_class_at_least() -> None:
    assert "backbone.classes: found 0, expected a whole number" in refused("resnet18", classes=0)


@pytest.mark.parametrize("name", BACKBONES)
def test_the_defaults_are_values_that_the_options_take(name: str) -> None:
    image = (3, 64, 64)
    architecture = backbone(name, image, 10, **BACKBONES[name].defaults)
    assert key(architecture) == key(backbone(name, image, 10))
