"""Drawings of architectures: complete, legible and self-contained SVG."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from xml.etree import ElementTree

import pytest

from tests.records import BASELINE, EVERYTHING, architecture, lenet
from unitsearch import resources
from unitsearch.api import load_architecture
from unitsearch.architecture import Architecture
from unitsearch.architecture.description import describe
from unitsearch.views import drawing, kind_colours
from unitsearch.views.drawing import drawing_file
from unitsearch.views.drawing.glyphs import text_width

SVG = Callable[[str], Architecture]
EVERY_SPACE = sorted(path.stem for path in resources.folder("search_spaces").glob("*.yaml"))
HYBRIDS = (
    "lenet_hybrid:hybrid", "lenet_table1:Hybrid2", "toy_hybrid:No.1", "mlp:n4_deep",
    "slbf_cifar:k8_s4", "resnet18_cifar:n6", "resnet34_imagenet:n8_r", "resnet50_imagenet:n4_r",
    "vgg16_cifar:n4", "vgg19_tiny:n6_r", "mobilenetv2_cifar:r",
)  # fmt: skip
every_picture = pytest.mark.parametrize(
    "named", [*(f"{space}:baseline" for space in EVERY_SPACE), *HYBRIDS]
)


@dataclass(frozen=True)
class Area:
    """The area of a text in the drawing's own units."""

    content: str
    left: float
    top: float
    right: float
    low: float

    def overlaps(self, other: Area) -> bool:
        beside = self.right <= other.left or other.right <= self.left
        return not beside and self.top < other.low and other.top < self.low


def texts(element: ElementTree.Element, x: float = 0, y: float = 0) -> Iterator[Area]:
    """Yield all texts of an SVG with their approximate areas."""
    if moved := re.match(r"translate\((\S+) (\S+)\)", element.get("transform", "")):
        x, y = x + float(moved[1]), y + float(moved[2])
    for child in element:
        if child.tag.endswith("text"):
            content, size = child.text or "", float(child.attrib["font-size"])
            width = 0.93 * text_width(content, size)
            left = x + float(child.attrib["x"])
            left -= {"start": 0.0, "middle": width / 2}[child.attrib["text-anchor"]]
            base = y + float(child.attrib["y"])
            yield Area(content, left, base - 0.72 * size, left + width, base + 0.05 * size)
        else:
            yield from texts(child, x, y)


def size(svg: str) -> tuple[float, float]:
    _, _, width, height = map(float, ElementTree.fromstring(svg).attrib["viewBox"].split())
    return width, height


@every_picture
def test_no_text_lies_on_another_or_beyond_the_edge(named: str) -> None:
    svg = drawing_file(load_architecture(named), named)
    width, height = size(svg)
    areas = list(texts(ElementTree.fromstring(svg)))
    assert [(a.content, b.content) for a, b in combinations(areas, 2) if a.overlaps(b)] == []
    assert [t for t in areas if t.left < 0 or t.right > width or t.top < 0 or t.low > height] == []


@every_picture
def test_no_drawing_is_a_thin_strip(named: str) -> None:
    width, height = size(drawing(load_architecture(named)))
    assert height < 1.4 * width
    assert width < 1800


@every_picture
def test_every_kind_of_unit_is_named_in_its_colour(named: str) -> None:
    network = load_architecture(named)
    svg = drawing_file(network, named)
    contents = {area.content for area in texts(ElementTree.fromstring(svg))}
    assert set(kind_colours([network])) <= contents
    assert all(colour in svg for colour in kind_colours([network]).values())


def test_a_file_has_a_name_a_description_and_paper_for_light_and_dark() -> None:
    root = ElementTree.fromstring(drawing_file(lenet(({"1-2-1": 5}, {"1-4-1": 3})), "<my> net"))
    parts = {child.tag.rpartition("}")[2]: child.text or "" for child in root}
    assert parts["title"] == "<my> net"
    assert parts["desc"].endswith("Units of its stacked layers, in order: 5 × 1-2-1 | 3 × 1-4-1.")
    assert "prefers-color-scheme:dark" in parts["style"]
    assert "rect" in parts


def test_a_file_without_paper_is_drawn_for_light_paper() -> None:
    svg = drawing_file(lenet(({"1-2-1": 5}, {"1-4-1": 3})), "net", paper=False)
    assert 'class="paper"' not in svg
    assert 'color="#1c2430"' in svg


def test_equal_blocks_are_drawn_once_with_their_number() -> None:
    svg = drawing(load_architecture("resnet50_imagenet:n4_r"))
    for label in ("layer1.1–2", "layer2.1–3", "layer3.1–5", "layer4.1–2"):
        assert f">{label}<" in svg
    assert [svg.count(f">{n} ×<") for n in (2, 3, 5)] == [2, 1, 1]


def test_blocks_that_differ_in_one_unit_are_drawn_apart(network: SVG) -> None:
    def block(hidden: int) -> str:
        units = f"[{{count: 4, nodes: [2, {hidden}, 2]}}]"
        body = f"[{{kind: stack, units: {units}}}, {{kind: conv, out: 8}}]"
        return f"- {{kind: residual, body: {body}}}"

    layers = "\n".join(block(hidden) for hidden in (4, 4, 3, 4, 4))
    svg = drawing(network(f"unitsearch: 1\ninput: [8, 8, 8]\nlayers:\n{layers}"))
    assert svg.count(">2-4-2<") == 2
    assert svg.count(">2-3-2<") == 1


def test_parts_say_the_resolution_of_their_maps() -> None:
    svg = drawing(load_architecture("resnet18_cifar:n6"))
    for side in (32, 16, 8, 4):
        assert f">{side}×{side}<" in svg


def test_a_layer_inside_a_part_says_its_size_where_it_is_another() -> None:
    layers = "[{kind: conv, out: 8}, {kind: conv, out: 8, stride: 2}]"
    block = f"{{kind: residual, body: {layers}, shortcut: [{{kind: pool, kernel: 2}}]}}"
    svg = drawing(architecture(f"unitsearch: 1\ninput: [8, 8, 8]\nlayers: [{block}]"))
    assert svg.count(">8×8<") == 1  # the first convolution's maps
    assert svg.count(">4×4<") == 1  # the part's


def test_a_width_is_where_rows_end() -> None:
    network = load_architecture("vgg16_cifar:baseline")
    assert size(drawing(network, width=300))[0] < 320
    assert size(drawing(network, width=2000))[1] < 150


@pytest.mark.parametrize("text", [BASELINE, EVERYTHING])
def test_every_kind_of_layer_is_drawn_as_well_formed_svg(network: SVG, text: str) -> None:
    assert ElementTree.fromstring(drawing(network(text))).tag == "svg"


def test_a_drawing_needs_nothing_from_elsewhere(network: SVG) -> None:
    svg = drawing(network(EVERYTHING))
    assert "http" not in svg
    assert "href" not in svg
    assert " id=" not in svg  # so that a page may hold it twice


def test_a_small_network_fits_a_small_place() -> None:
    width, height = size(drawing(lenet(({"1-2-1": 5}, {"1-4-1": 3}))))
    assert width <= 480
    assert height < 240


def test_a_deep_network_goes_on_in_further_rows(network: SVG) -> None:
    layers = "\n".join(f"- {{kind: conv, out: {8 + i}}}" for i in range(40))
    width, height = size(drawing(network(f"unitsearch: 1\ninput: [3, 8, 8]\nlayers:\n{layers}")))
    assert width <= 600
    assert height > 150


def test_a_very_deep_network_says_how_much_is_left_out(network: SVG) -> None:
    layers = "\n".join(f"- {{kind: conv, out: {1 + i}}}" for i in range(100))
    svg = drawing(network(f"unitsearch: 1\ninput: [3, 8, 8]\nlayers:\n{layers}"))
    assert "40 layers more" in svg


def test_binary_filters_say_their_bank_and_their_splits(network: SVG) -> None:
    svg = drawing(network(EVERYTHING))
    assert "slbf 3×3" in svg
    assert "k 16 · s 2" in svg


def test_units_with_binary_filters_are_a_kind_of_their_own(network: SVG) -> None:
    layers = "[{kind: slbf, out: 4, bank: 2}, {kind: conv, out: 2}]"
    units = f"[{{in: 2, layers: {layers}}}, {{nodes: [2, 4, 2]}}]"
    described = network(
        f"unitsearch: 1\ninput: [4, 8, 8]\nlayers: [{{kind: stack, units: {units}}}]"
    )
    assert describe(described) == "1 × 2-4-2 slbf + 1 × 2-4-2"


def test_counts_stand_beside_the_units() -> None:
    assert ">×5<" in drawing(lenet(({"1-2-1": 5}, {"1-4-1": 3})))


def test_a_kind_of_unit_has_one_colour_in_all_drawings() -> None:
    one, other = lenet(({"1-2-1": 5}, {"1-4-1": 3})), lenet(({"1-4-1": 2}, {"1-3-1": 3}))
    colours = kind_colours([one, other])
    assert colours["1-4-1"] in drawing(one, colours)
    assert colours["1-4-1"] in drawing(other, colours)
    assert len(set(colours.values())) == 3


def test_units_are_said_in_words() -> None:
    assert describe(lenet(({"1-2-1": 5, "1-4-1": 2}, {"1-3-1": 3}))) == (
        "5 × 1-2-1 + 2 × 1-4-1 | 3 × 1-3-1"
    )


def test_equal_layers_are_drawn_once_where_the_first_changes_the_shape(network: SVG) -> None:
    layers = ", ".join(["{kind: conv, out: 64}"] * 5)
    svg = drawing(network(f"unitsearch: 1\ninput: [3, 8, 8]\nlayers: [{layers}]"))
    assert ">4 ×<" in svg
    assert svg.count(">64<") == 2  # the first, and the frame of the other four


def test_a_frame_that_would_save_no_room_is_not_drawn(network: SVG) -> None:
    layers = "[{kind: conv, out: 64}, {kind: conv, out: 64}, {kind: conv, out: 64}]"
    svg = drawing(network(f"unitsearch: 1\ninput: [3, 8, 8]\nlayers: {layers}"))
    assert " ×<" not in svg
    assert svg.count(">64<") == 3
