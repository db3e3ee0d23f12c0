from __future__ import annotations

import json
import math
import os
import re
import zlib
from base64 import b64decode
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.records import ODD, binary_record, make_record, manifest
from unitsearch.architecture import key, read_architecture, read_text
from unitsearch.metrics import METRICS
from unitsearch.study.recommended import displayed
from unitsearch.study.record import Record, Repeat
from unitsearch.study.tables import front_trials
from unitsearch.views import index_html, report_html, write_report
from unitsearch.views.pages import details
from unitsearch.views.pages.findings import finding
from unitsearch.wording import efficiency, fewer, versus

VOID = {"meta", "br", "input", "link", "img", "hr"}
EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


class Page(HTMLParser):
    """Checks that elements close in order, and keeps attributes and script data."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.data: dict[str, str] = {}
        self.name: str | None = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
            self.name = dict(attrs).get("id") if tag == "script" else None

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.name and self.open and self.open[-1] == "script":
            self.data[self.name] = self.data.get(self.name, "") + data


@pytest.fixture(scope="module")
def html(record: Record) -> str:
    return report_html(record)


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_every_element_is_closed_in_order(page: Page) -> None:
    assert page.open == []


def test_nothing_is_loaded_from_elsewhere(page: Page) -> None:
    for _tag, attributes in page.tags:
        for name in ("src", "href", "action", "data", "srcset", "poster"):
            assert "//" not in (attributes.get(name) or "")
        assert "url(" not in (attributes.get("style") or "")
    assert not any(tag in ("link", "iframe", "object", "embed", "base") for tag, _ in page.tags)


def test_the_page_forbids_itself_all_requests(page: Page) -> None:
    policy = next(a["content"] for _, a in page.tags if "http-equiv" in a)
    assert "default-src 'none'" in str(policy)
    assert "connect-src" not in str(policy)


def unpacked(text: str) -> str:
    return zlib.decompress(b64decode(text)).decode()


def entries(page: Page) -> dict[str, Any]:
    """The details that open at a click, by trial number; all of one study."""
    unpacked_entries: dict[str, Any] = {}
    for chunk in json.loads(page.data["details"])["chunks"]:
        unpacked_entries |= json.loads(unpacked(chunk))
    return {id_.rpartition(":")[2]: entry for id_, entry in unpacked_entries.items()}


def test_plotly_is_inside_once(page: Page) -> None:
    assert len(re.findall(r"\* plotly\.js v", unpacked(page.data["plotly"]))) == 1


def test_the_same_record_gives_the_same_bytes(html: str) -> None:
    assert report_html(make_record()) == html


def test_the_shown_architectures_are_those_of_the_trials(page: Page, record: Record) -> None:
    shown = entries(page)
    assert len(shown) == len(record.trials)
    for trial in record.trials:
        read = read_architecture(read_text(shown[str(trial.number)]["yaml"]).data)
        assert key(read) == trial.key


def test_every_chunk_of_details_is_found_by_its_trials(page: Page) -> None:
    held = json.loads(page.data["details"])
    for one, place in held["where"].items():
        assert one in json.loads(unpacked(held["chunks"][place]))


def test_a_file_says_where_it_is_from_and_how_to_train_it(page: Page, record: Record) -> None:
    shown = entries(page)["7"]
    provenance = read_text(shown["yaml"]).data["provenance"]
    assert (provenance["study"], provenance["trial"], provenance["key"]) == (
        record.name,
        7,
        record.trials[7].key,
    )
    assert shown["file"] == "digits-lenet-00007.yaml"
    assert shown["retrain"] == ("unitsearch train digits-lenet-00007.yaml data=digits train=paper")


def test_filters_know_every_trial(page: Page, record: Record) -> None:
    (held,) = json.loads(page.data["columns"])
    assert held["number"] == [trial.number for trial in record.trials]
    assert held["front"] == [trial.number for trial in front_trials(record)]
    flops = [trial.cost.flops for trial in record.trials]
    assert held["metrics"]["flops"] == flops
    assert held["metrics"]["accuracy"][11] is None  # it failed


def test_a_small_front_has_a_row_with_its_file_for_every_member() -> None:
    record = make_record(12)
    html = report_html(record)
    for trial in front_trials(record):
        assert f"front/{trial.number:05d}.yaml" in html
    assert "members shown" not in html


def test_a_large_front_is_thinned_and_the_page_says_so(html: str, record: Record) -> None:
    members, shown = front_trials(record), displayed(record)
    assert len(members) > len(shown) == 12
    assert f"12 of {len(members)} members shown: the most accurate and those that add most" in html
    rows = set(re.findall(r"<code>front/(\d+)\.yaml", html))
    assert rows == {f"{trial.number:05d}" for trial in shown}


def test_a_row_can_be_opened_by_the_keyboard(page: Page, record: Record) -> None:
    buttons = {a.get("data-trial") for tag, a in page.tags if tag == "button"}
    assert {str(trial.number) for trial in displayed(record)} <= buttons


def test_the_finding_says_split_seeds_images_error_and_whose_flops_fell(record: Record) -> None:
    first = finding(record)[0]
    assert re.search(r"± .* % by model \(validation, 1 seed, 450 images\)", first)
    assert re.search(r"× fewer FLOPs than the baseline \(CE ", first)


def test_a_report_says_which_differences_are_not_resolved(html: str) -> None:
    assert "smaller than about two standard errors are not resolved" in html


@pytest.mark.parametrize(
    ("new", "base", "words"),
    [(10, 61, "6.1× fewer"), (30, 20, "1.5× more"), (7, 7, "as many"), (1, 1500, "1,500× fewer")],
)
def test_ratios_are_written_in_words(new: int, base: int, words: str) -> None:
    assert fewer(new, base) == words


@pytest.mark.parametrize(
    ("new", "words"),
    [
        (100, "as many FLOPs as"),
        (101, "as many FLOPs as"),  # 1.0 times
        (50, "2.0× fewer FLOPs than"),
        (300, "3.0× more FLOPs than"),
        (0, "0 FLOPs against 100 of"),
    ],
)
def test_a_cost_is_compared_in_words_that_go_on(new: int, words: str) -> None:
    assert versus(new, 100, "FLOPs") == words


def test_an_efficiency_without_a_value_is_left_out() -> None:
    assert efficiency("CE", 1.234) == " (CE 1.23)"
    assert efficiency("CE", math.nan) == ""
    assert "nan" not in " ".join(finding(ODD["zero accuracy"]))


def test_a_report_on_shared_filters_says_bits_and_never_parameters() -> None:
    record = binary_record()
    text = report_html(record)
    page = Page(text)
    body = text[text.index("<header>") : text.index('<script type="application/json"')]
    assert "<dt>stored bits</dt>" in body
    assert ">SE in bits</button>" in body
    assert "Accuracy against stored bits" in body
    for text_of_parameters in (
        "<dt>parameters</dt>",
        ">params</button>",
        ">SE</button>",
        "against parameters",
    ):
        assert text_of_parameters not in body
    for number, shown in entries(page).items():
        numbers = dict(shown["numbers"])
        assert numbers["stored bits"] == f"{record.trials[int(number)].cost.bits:,}"
        assert METRICS["se_bits"].label in numbers
        assert not {METRICS[name].label for name in ("params", "macs", "se")} & set(numbers)
    assert not {"params", "se"} & set(json.loads(page.data["columns"])[0]["metrics"])
    figures = [json.loads(text) for name, text in page.data.items() if name.startswith("figure")]
    hovered = json.dumps(figures, ensure_ascii=False)
    assert "stored bits · " in hovered
    assert "parameters · " not in hovered


def test_the_finding_of_shared_filters_is_in_bits() -> None:
    assert re.search(
        r"× fewer stored bits than the baseline \(SE in bits ", finding(binary_record())[0]
    )


def test_a_report_on_normal_layers_says_parameters(html: str) -> None:
    assert "<dt>parameters</dt>" in html
    assert "Accuracy against stored bits" not in html


def test_the_head_says_how_many_trainings_with_fresh_seeds_there_are(record: Record) -> None:
    assert "<dt>verification</dt>" not in report_html(make_record(5))
    member = next(t for t in record.front if not t.is_baseline)
    again = replace(member, repeats=(Repeat(7, 0.951, 450), Repeat(8, 0.962, 450)))
    trials = tuple(again if t == member else t for t in record.trials)
    verified = replace(record, trials=trials)
    page = Page(text := report_html(verified))
    assert "<dt>verification</dt><dd>2 trainings with fresh seeds</dd>" in text
    assert "Reported accuracy less that of fresh seeds" in text
    numbers = dict(entries(page)[str(member.number)]["numbers"])
    assert numbers["seeds"] == "3 (fresh: 95.1 %, 96.2 %)"
    assert numbers["own training"] == f"{100 * (member.accuracy or 0):.1f} %"
    assert numbers["on the front with"].endswith("%")


def test_a_file_holds_the_accuracy_by_model_beside_that_of_its_own_training(
    page: Page, record: Record
) -> None:
    provenance = read_text(entries(page)["7"]["yaml"]).data["provenance"]
    assert provenance["accuracy"] == round(record.trials[7].accuracy or 0, 6)
    assert provenance["accuracy_model"] == round(record.beliefs[7].accuracy, 6)
    assert provenance["seeds"] == 1


def test_what_comes_from_files_is_escaped(record: Record) -> None:
    failed = replace(record.trials[11], reason=EVIL)
    trials = (*record.trials[:11], failed, *record.trials[12:])
    recipe = replace(record.manifest.config.train, name=EVIL[:100])
    evil = replace(record, name=EVIL, trials=trials, manifest=manifest(space=EVIL, train=recipe))
    text = report_html(evil)
    assert "<script>alert" not in text
    assert "<img" not in text
    assert Page(text).open == []
    assert ["reason", EVIL] in entries(Page(text))["11"]["numbers"]


@pytest.mark.parametrize("odd", ODD)
def test_odd_studies_have_a_report(odd: str) -> None:
    assert Page(report_html(ODD[odd])).open == []


def test_a_failed_baseline_is_reported_with_its_reason() -> None:
    assert "it is failed (out of memory)" in finding(ODD["baseline failed"])[0]


def test_a_report_needs_little_of_the_configuration() -> None:
    few = manifest(objectives=("accuracy",))
    assert "No trials yet." in report_html(Record("new", Path("studies/new"), few, ()))


def test_writing_replaces_the_old_report_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")
    write_report(ODD["one trial"], path)
    assert path.read_text().startswith("<!doctype html>")
    assert os.listdir(tmp_path) == ["report.html"]  # noqa: PTH208


def test_test_accuracies_are_shown_once_known(record: Record) -> None:
    assert "test</button>" not in report_html(record)
    tested = tuple(replace(t, test_accuracy=0.95, test_images=347) for t in record.trials)
    assert "test</button>" in report_html(replace(record, trials=tested))


def test_a_page_with_few_characters_keeps_the_files_of_the_front(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(details, "MOST_CHARACTERS", 0)
    where = details.details([record], {})["where"]
    assert {f"{record.name}:{trial.number}" for trial in front_trials(record)} <= set(where)
    assert len(where) < len(record.trials)


def test_several_studies_share_a_page_that_leads_to_their_reports(
    record: Record, tmp_path: Path
) -> None:
    records = [
        replace(record, name=name, folder=tmp_path / name) for name in ("first", "second & third")
    ]
    (tmp_path / "second & third").mkdir()
    (tmp_path / "second & third" / "report.html").touch()
    write_report(records, tmp_path / "pages" / "both.html")
    page = Page((tmp_path / "pages" / "both.html").read_text())
    assert page.open == []
    assert [one["study"] for one in json.loads(page.data["columns"])] == ["first", "second & third"]
    assert {"first:0", "second & third:0"} <= set(json.loads(page.data["details"])["where"])
    links = [attributes["href"] for tag, attributes in page.tags if tag == "a"]
    assert links == ["#top", "../second%20%26%20third/report.html"]


def test_the_index_links_to_every_report_and_escapes_names(record: Record) -> None:
    text = index_html([record, replace(record, name=EVIL), ODD["no trials"]])
    assert 'href="digits-lenet/report.html"' in text
    assert "<script>alert" not in text
    assert Page(text).open == []


def test_an_index_of_nothing_says_so() -> None:
    assert "No studies yet." in index_html([])


@pytest.mark.slow
def test_a_report_of_two_hundred_trials_is_under_six_megabytes() -> None:
    assert len(report_html(make_record(200)).encode()) < 6_000_000


@pytest.mark.slow
def test_thousands_of_trials_stay_a_page_that_can_be_opened() -> None:
    assert len(report_html(make_record(3_000)).encode()) < 15_000_000
