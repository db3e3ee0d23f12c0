"""Sites: the named places of a backbone, and the patterns that choose among them."""

from __future__ import annotations

import pytest

from tests.space.files import written
from tests.space.over_backbone import BACKBONE, FILL, IMAGE, base, only, refused
from unitsearch.errors import SpecError


def test_a_layer_inside_another_is_called_by_both_names() -> None:
    assert {"stem", "stage.0", "stage.0.conv1", "stage.0.down", "stage.1.conv2"} <= set(
        base().sites
    )


def test_adjacent_layers_whose_names_begin_alike_are_a_site() -> None:
    sites = base().sites
    assert [layer.name for layer in sites["tail"].layers] == ["tail.a", "tail.b"]
    assert [layer.name for layer in sites["stage"].layers] == ["stage.0", "stage.1"]


def test_a_body_is_a_site() -> None:
    assert [layer.name for layer in base().sites["stage.0.body"].layers] == ["conv1", "conv2"]


def test_a_star_stands_for_one_part_of_a_name() -> None:
    sites = base().matching(["stage.*"], "")
    assert [site.name for site in sites] == ["stage.0", "stage.1"]


def test_a_site_knows_its_shapes_and_stride() -> None:
    site = base().sites["stage.0.body"]
    assert (site.x, site.y, site.stride) == ((8, 8, 8), (16, 4, 4), 2)


def test_the_nearest_site_is_suggested() -> None:
    message = refused("replace: [{sites: [stage.1.conv3], with: keep}]\n")
    assert "replace[0].sites[0]: found 'stage.1.conv3', expected a site (stage" in message
    assert "did you mean 'stage.1.conv2'?" in message


def test_sites_that_share_a_layer_are_refused() -> None:
    message = refused("replace: [{sites: [stage.0, stage.0.conv1], with: keep}]\n")
    assert "expected sites that have no layer in common" in message


def test_two_layers_of_one_full_name_are_refused() -> None:
    text = BACKBONE.replace("name: tail.b", "name: tail.a")
    with pytest.raises(SpecError, match="a name that no other layer has"):
        only(written(text, IMAGE))


def test_a_site_replaced_by_two_items_is_refused() -> None:
    item = f"{{sites: [stage.1.conv1], with: {FILL}}}"
    again = item.replace("{sites", "{name: again, sites", 1)
    assert "expected every layer replaced once" in refused(f"replace: [{item}, {again}]\n")


def test_two_items_of_one_name_are_refused() -> None:
    item = f"{{sites: [stage.1.conv1], with: {FILL}}}"
    message = refused(f"replace: [{item}, {item}]\n")
    assert "replace[1].name: found '', expected a name that no other replacement has" in message
