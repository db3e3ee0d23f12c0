"""The papers' printed networks beside a study's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.records import manifest
from tests.views.figure_records import case, table1
from unitsearch.data import data_spec
from unitsearch.metrics import METRICS
from unitsearch.views.figures import pareto, printed
from unitsearch.views.figures.printed_accuracies import mean_accuracy
from unitsearch.views.figures.published import compared_networks, fitting_rows, published
from unitsearch.views.pages.printed_table import printed_table


def row(source: str, backbone: str, name: str):  # type: ignore[no-untyped-def]
    return next(
        r for r in published() if (r.source, r.backbone, r.name) == (source, backbone, name)
    )


def test_a_printed_accuracy_has_its_printed_spread() -> None:
    known = row("BUnit-Net Table I", "LeNet-like", "U1")
    assert (known.accuracy, known.spread) == (
        pytest.approx(0.9853),
        pytest.approx(0.0005),
    )
    assert (known.params, known.flops) == (1410, 720_000)


def test_a_printed_drop_is_taken_from_the_table_s_baseline() -> None:
    known = row("BUnit-Net Table IV", "VGG-16", "VP")
    assert known.params == pytest.approx(14.91e6 * (1 - 0.7334))


def test_a_known_misprint_of_flops_is_put_right() -> None:
    assert row("BUnit-Net Table II", "toy", "No.2").flops == 9_960_000


@pytest.mark.parametrize(
    ("name", "expected"), [("ce", 4.945), ("se", 3.674), ("flops_drop", 79.87)]
)
def test_metrics_of_a_known_come_from_the_print(name: str, expected: float) -> None:
    source = "BUnit-Net Table IV" if name == "flops_drop" else "TissueNet Table 3"
    title = "Ours" if name == "flops_drop" else "TissueNet(n=4)"
    value = row(source, "VGG-16", title).value(METRICS[name])
    assert value == pytest.approx(expected, rel=1e-3)


def test_what_is_not_printed_has_no_place() -> None:
    known = row("BUnit-Net Table I", "LeNet-like", "U1")
    assert [known.value(METRICS[name]) for name in ("ce", "macs", "bits", "tsa")] == [None] * 4


def test_a_table_fits_a_study_of_its_space_and_data() -> None:
    sources = {r.source for r in fitting_rows(table1())}
    assert sources == {"BUnit-Net Table I", "TissueNet Table 5"}


def test_no_table_fits_other_data_or_another_space() -> None:
    assert fitting_rows(case("30 trials")) == []
    assert fitting_rows(replace(table1(), manifest=manifest())) == []
    assert fitting_rows(table1("lenet_hybrid")) == []


def test_a_table_fits_a_study_of_ones_own_space_whose_baseline_costs_the_same() -> None:
    from tests.records import trial
    from unitsearch.api import point_architecture

    base = trial(0, point_architecture("vgg16_cifar:baseline"), 0.93)
    content = manifest(data=data_spec("cifar10"), space="mine")
    record = replace(table1(), trials=(base,), manifest=content, name="mine")
    assert {r.backbone for r in fitting_rows(record)} == {"VGG-16"}


def test_printed_networks_are_hollow_and_said_to_be_no_contest() -> None:
    figure = pareto(table1(), "params", papers=True)
    drawn = next(t for t in figure.data if t.name == "printed, papers' own")
    assert drawn.marker.symbol == "square-open"
    assert drawn.customdata is None
    assert len(drawn.x) == 12
    assert max(drawn.error_y.array) == pytest.approx(0.10)
    assert any("not comparable" in note.text for note in figure.layout.annotations)


def test_without_printed_networks_the_figure_says_so() -> None:
    notes = [n.text for n in pareto(case("30 trials"), papers=True).layout.annotations]
    assert "the papers print nothing for these data and axes" in notes


def test_a_printed_network_is_known_by_its_key() -> None:
    networks = {
        b.printed.name: b for b in compared_networks([table1()]) if "Table I" in b.printed.source
    }
    assert [training.number for training in networks["U1"].trainings] == [1]
    assert networks["Hybrid1"].trainings == ()
    assert networks["Hybrid2"].is_hybrid
    assert not networks["U2"].is_hybrid


def test_trainings_of_several_studies_count_together() -> None:
    other = tuple(replace(t, accuracy=(t.accuracy or 0) + 0.002) for t in table1().trials)
    rows = compared_networks([table1(), replace(table1(), name="again", trials=other)])
    u1 = next(b for b in rows if b.printed.name == "U1")
    both = mean_accuracy(u1.on("validation"))
    assert both.count == 2
    assert both.accuracy == pytest.approx(0.982)
    assert both.spread == pytest.approx(0.002 / 2**0.5)


def test_one_training_has_its_binomial_error() -> None:
    u1 = next(b for b in compared_networks([table1()]) if b.printed.name == "U1")
    assert mean_accuracy(u1.on("validation")).spread == pytest.approx(
        (0.981 * 0.019 / 6000) ** 0.5, 0.01
    )


def test_test_accuracies_stand_apart_from_validation_accuracies() -> None:
    trials = tuple(replace(t, test_accuracy=0.97, test_images=10_000) for t in table1().trials)
    names = [t.name for t in printed(replace(table1(), trials=trials)).data]
    assert names == ["printed (test)", "here (test)", "here (validation)"]


def test_the_table_states_n_and_both_accuracies() -> None:
    text = printed_table([table1(), table1()])
    assert "98.53 ± 0.05" in text
    assert "1,410" in text
    assert '<td class="number">2</td>' in text
    assert "6 of 12 networks" not in text
    assert "4 of 12 networks are not trained here" in text


def test_a_table_of_another_study_says_what_the_papers_print() -> None:
    assert "lenet_table1" in printed_table(case("30 trials"))
