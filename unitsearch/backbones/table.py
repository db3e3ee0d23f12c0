"""The backbones by name, and the one function that makes them from options."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from unitsearch.architecture import Architecture
from unitsearch.architecture.bounds import MAX_WIDTH
from unitsearch.architecture.reading import read_input
from unitsearch.backbones import efficientnet, mlp, mobilenetv2, resnet, shufflenetv2, vgg
from unitsearch.errors import SpecError, did_you_mean
from unitsearch.fields import Int, Rule, join
from unitsearch.shapes import output


@dataclass(frozen=True)
class Backbone:
    """A backbone by name.

    Attributes:
        make: ``make(input, classes, **options)`` gives the architecture.
        rules: Every option that ``make`` takes.
        fixed: The options that the name decides; a file may not set them.
        usual: Defaults that differ from the defaults of ``make``.
    """

    make: Callable[..., Architecture]
    rules: Mapping[str, Rule] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    usual: Mapping[str, Any] = field(default_factory=dict)

    @property
    def options(self) -> Mapping[str, Rule]:
        """The options that may be set."""
        return {name: rule for name, rule in self.rules.items() if name not in self.fixed}

    @property
    def defaults(self) -> Mapping[str, Any]:
        """The value of each of ``options`` that is not set."""
        parameters = inspect.signature(self.make).parameters
        own = {name: parameters[name].default for name in self.options}
        return {**own, **self.usual}

    def __call__(self, input: tuple[int, int, int], classes: int, **options: Any) -> Architecture:
        """Return the architecture; ``options`` are taken as they are."""
        return self.make(input, classes, **{**self.usual, **options, **self.fixed})


BACKBONES: Mapping[str, Backbone] = {
    "mlp": Backbone(mlp.mlp, mlp.OPTIONS),
    "vgg": Backbone(vgg.vgg, vgg.OPTIONS),
    "vgg16": Backbone(vgg.vgg, vgg.OPTIONS, fixed={"convs": (3, 3, 3, 3, 3)}),
    "vgg19": Backbone(vgg.vgg, vgg.OPTIONS, fixed={"convs": (3, 3, 4, 4, 4)}),
    "resnet": Backbone(resnet.resnet, resnet.OPTIONS),
    "resnet18": Backbone(
        resnet.resnet, resnet.OPTIONS, fixed={"blocks": (2, 2, 2, 2), "block": "basic"}
    ),
    "resnet34": Backbone(
        resnet.resnet,
        resnet.OPTIONS,
        fixed={"blocks": (3, 4, 6, 3), "block": "basic"},
        usual={"stem": "imagenet"},
    ),
    "resnet50": Backbone(
        resnet.resnet,
        resnet.OPTIONS,
        fixed={"blocks": (3, 4, 6, 3), "block": "bottleneck"},
        usual={"stem": "imagenet"},
    ),
    "mobilenetv2": Backbone(mobilenetv2.mobilenetv2, mobilenetv2.OPTIONS),
    "shufflenetv2": Backbone(shufflenetv2.shufflenetv2, shufflenetv2.OPTIONS),
    "efficientnet_b0": Backbone(efficientnet.efficientnet_b0, efficientnet.OPTIONS),
}


def backbone(
    name: str, input: tuple[int, int, int], classes: int, *, place: str = "", **options: Any
) -> Architecture:
    """Return the architecture of a backbone, every layer with a name.

    Args:
        name: One of ``BACKBONES``.
        input: (channels, height, width) of one image.
        classes: The number of classes.
        place: The place of all this in a file, for the error.
        options: Options of the backbone; each is checked.

    Raises:
        SpecError: If there is no such backbone or option, or an option does not take its value.
        ShapeError: If images of this size are too small for it.
    """
    if name not in tuple(BACKBONES):  # a file may hold a list here, which no mapping can look up
        raise SpecError(
            place=place, found=name, expected="a backbone", fix=did_you_mean(name, BACKBONES)
        )
    chosen = BACKBONES[name]
    rules = chosen.options
    for option in options:
        if option not in rules:
            listed = (
                f"an option of {name}: {', '.join(rules)}"
                if rules
                else f"none: {name} has no options"
            )
            fix = did_you_mean(option, rules, listed=False)
            raise SpecError(place=join(place, option), found=option, expected=listed, fix=fix)
    values = {
        option: rules[option].read(options[option], join(place, option)) for option in options
    }
    image = read_input(input, join(place, "input"))
    classes = Int(1, MAX_WIDTH).read(classes, join(place, "classes"))
    try:
        architecture = chosen(image, classes, **values)
        output(architecture)
    except SpecError as error:
        raise error.within(place) from None
    return architecture
