"""The report in a real browser, opened from disk."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.records import ODD, make_record
from tests.views.browser import ALL_DRAWN, Browser, Page, brush, dimmed, point
from unitsearch.architecture import key, read_architecture, read_file
from unitsearch.study.recommended import displayed
from unitsearch.study.record import Record
from unitsearch.study.tables import front_trials
from unitsearch.views import write_report

pytestmark = pytest.mark.slow

NOTHING_CHOSEN = "document.getElementById('chip').hidden"


@pytest.fixture(scope="module")
def file(record: Record, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_report(record, path)
    return path


@pytest.fixture(scope="module")
def opened(browser: Browser, file: Path) -> Iterator[Page]:
    with browser.page() as page:
        page.go(file.as_uri())
        page.wait(ALL_DRAWN)
        yield page


@pytest.fixture
def page(opened: Page, file: Path) -> Iterator[Page]:
    """The report with nothing open or chosen; a test must cause no error and no request."""
    yield opened
    assert opened.errors == []
    assert set(opened.requests) == {file.as_uri()}
    opened.run("document.getElementById('drawer-close').click(), unitsearch.clearChoice(), 0")
    opened.wait("!document.querySelector('.dimmed')")


def member(record: Record) -> int:
    """The member of the front, not the baseline, that lies farthest from other points."""
    places = {
        t.number: (math.log(t.cost.flops), 100 * record.beliefs[t.number].accuracy)
        for t in record.complete
    }
    return max(
        (t.number for t in front_trials(record) if not t.is_baseline),
        key=lambda n: min(math.dist(places[n], places[m]) for m in places if m != n),
    )


@pytest.mark.parametrize(
    "study", ["usual", "no trials", "one trial", "baseline failed", "shared filters"]
)
def test_every_figure_is_drawn_without_an_error_or_a_request(
    browser: Browser, tmp_path: Path, study: str
) -> None:
    path = tmp_path / "report.html"
    write_report(make_record(30) if study == "usual" else ODD[study], path)
    with browser.page() as page:
        page.go(f"{path.as_uri()}#trial-0")
        page.wait(f"document.querySelectorAll('.plot').length && {ALL_DRAWN}")
        assert page.errors == []
        assert set(page.requests) == {f"{path.as_uri()}"}
        is_open = page.run("!document.getElementById('drawer').hidden")
        assert is_open == (study != "no trials")


def test_a_click_in_a_page_of_several_studies_shows_that_studys_trial(
    browser: Browser, tmp_path: Path, record: Record
) -> None:
    path = tmp_path / "both.html"
    write_report([replace(record, name=name) for name in ("first", "second")], path)
    with browser.page() as page:
        page.go(path.as_uri())
        page.wait(f"document.querySelectorAll('.plot').length && {ALL_DRAWN}")
        page.click(*point(page, "figure-2", 0))
        page.wait("!!document.querySelector('#drawer svg.drawing')")
        title = "document.getElementById('drawer-title').textContent"
        assert page.run(title).endswith("· second")  # drawn last, and so on top
        page.run("unitsearch.drawer.open('first:0'), 0")
        page.wait(f"{title}.endsWith('· first')")
        assert "study: first" in page.run("document.getElementById('drawer-body').innerText")
        assert page.errors == []
        assert set(page.requests) == {path.as_uri()}


def test_a_click_on_a_point_shows_that_trials_drawing_and_yaml(page: Page, record: Record) -> None:
    number = member(record)
    page.click(*point(page, "figure-1", number))
    page.wait("document.querySelector('#drawer svg.drawing')")
    assert page.run("document.getElementById('drawer-title').textContent").startswith(
        f"Trial {number} "
    )
    assert f"key: {record.trials[number].key}" in page.run(
        "document.getElementById('drawer-body').innerText"
    )
    assert page.run("document.querySelectorAll('.ring:not([hidden])').length") >= 1


def test_brushing_a_figure_dims_the_others_and_the_table(page: Page, record: Record) -> None:
    out = brush(page, "figure-1")
    assert 0 < len(out) < len(record.complete)
    page.wait(f"!({NOTHING_CHOSEN})")
    left = len(record.trials) - len(out)
    page.wait("document.querySelector('[data-figure=figure-3]').classList.contains('dimmed')")
    assert dimmed(page, "figure-3") == out
    rows = page.run("[...document.querySelectorAll('.front tr.dim')].map(r => +r.dataset.trial)")
    assert sorted(rows) == sorted({t.number for t in displayed(record)} & set(out))
    chip = page.run("document.getElementById('chip').innerText")
    assert chip.split()[0] == str(left - len(record.trials) + len(record.complete))


def test_a_point_inside_a_brush_opens_at_a_click(page: Page, record: Record) -> None:
    out = brush(page, "figure-1")
    number = next(t.number for t in record.complete if t.number not in out)
    page.click(*point(page, "figure-1", number))
    page.wait("!!document.querySelector('#drawer svg.drawing')")
    assert not page.run(NOTHING_CHOSEN)


def test_a_double_click_shows_everything_and_again_what_was_shown_at_first(page: Page) -> None:
    axis = "plotState.axis(document.querySelector('[data-figure=figure-1]'), 'y').range"
    first = page.run(axis)
    box = page.run("""(async () => {
        const div = document.querySelector("[data-figure=figure-1]"), area = plotState.area(div);
        div.scrollIntoView({block: "center", behavior: "instant"});
        for (const _ of "12") await new Promise(requestAnimationFrame);
        const box = div.getBoundingClientRect();
        return [box.left + area.l + area.w - 12, box.top + area.t + 12];
    })()""")
    page.click(*box)
    assert page.run(axis) == first  # one click does nothing
    page.run("new Promise(done => setTimeout(done, 600))")
    page.double_click(*box)
    page.wait(f"{axis}[0] < {first[0]}")
    page.run("new Promise(done => setTimeout(done, 600))")
    page.double_click(*box)
    page.wait(f"{axis}[0] === {first[0]}")


def test_escape_closes_the_details_first_and_then_clears_the_choice(page: Page) -> None:
    brush(page, "figure-1")
    page.run("document.querySelector('.front button.open').click()")
    page.key("Escape")
    assert page.run("document.getElementById('drawer').hidden")
    assert not page.run(NOTHING_CHOSEN)
    page.key("Escape")
    page.wait(NOTHING_CHOSEN)
    page.wait("!document.querySelector('.dimmed')")
    assert dimmed(page, "figure-1") == dimmed(page, "figure-3") == []


def test_the_downloaded_file_rebuilds_to_the_trials_key(page: Page, record: Record) -> None:
    number = member(record)
    page.run(f"document.querySelector('button.open[data-trial=\"{number}\"]').click()")
    page.wait("document.querySelector('#drawer-body button')")
    path = page.downloaded(
        lambda: page.run(
            "[...document.querySelectorAll('#drawer button')]"
            ".find(b => b.textContent === 'Download').click()"
        )
    )
    assert path.name == f"digits-lenet-{number:05d}.yaml"
    assert key(read_architecture(read_file(path).data)) == record.trials[number].key


def test_a_row_is_opened_and_left_by_the_keyboard(page: Page, record: Record) -> None:
    page.run("document.querySelector('.front thead button').focus()")
    for _ in range(40):
        page.key("Tab")
        if page.run("document.activeElement.matches('tbody button.open')"):
            break
    number = page.run("document.activeElement.dataset.trial")
    page.key("Enter")
    page.wait("document.activeElement.id === 'drawer-title'")
    page.key("Escape")
    assert page.run("document.activeElement.dataset.trial") == number


def test_filters_dim_what_they_leave_out(page: Page, record: Record) -> None:
    page.run("""(() => {
        const field = document.getElementById("filters").elements.accuracy;
        field.value = "97.5";
        field.dispatchEvent(new Event("input", {bubbles: true}));
    })()""")
    passing = [t.number for t in record.complete if record.beliefs[t.number].accuracy >= 0.975]
    page.wait("document.querySelector('[data-figure=figure-1]').classList.contains('dimmed')")
    assert dimmed(page, "figure-1") == [
        t.number for t in record.complete if t.number not in passing
    ]
    chip = page.run("document.getElementById('chip').innerText")
    assert chip.startswith(f"{len(passing)} of 60")


def test_axes_of_parallel_coordinates_brush_too(page: Page, record: Record) -> None:
    numbers = [t.number for t in record.complete]
    page.run(f"""(async () => {{
        const div = document.createElement("div");
        document.querySelector(".panels section[data-study]").appendChild(div);
        await unitsearch.plots.draw(div, {{layout: {{}}, data: [{{
            type: "parcoords", customdata: {numbers},
            dimensions: ["one", "other"].map(label => ({{label, values: {numbers}}})),
        }}]}});
        await Plotly.restyle(div, {{"dimensions[0].constraintrange": [[0, 10]]}}, [0]);
    }})()""")
    page.wait(f"!({NOTHING_CHOSEN})")
    assert dimmed(page, "figure-1") == [number for number in numbers if number > 10]


def test_curves_and_three_axes_follow_the_choice(page: Page, record: Record) -> None:
    chosen, other = record.complete[3].number, record.complete[4].number
    page.run(f"""(async () => {{
        const place = document.querySelector(".panels section[data-study]");
        const drawn = async (name, data) => {{
            const div = document.createElement("div");
            div.id = name;
            place.prepend(div);
            await unitsearch.plots.draw(div, {{layout: {{}}, data: [data]}});
        }};
        const numbers = [{chosen}, {chosen}, {chosen}, {other}, {other}, {other}];
        await drawn("curves", {{type: "scatter", mode: "lines", customdata: numbers,
            x: [1, 2, null, 1, 2, null], y: [3, 4, null, 5, 6, null]}});
        await drawn("space", {{type: "scatter3d", mode: "markers", customdata: [{chosen}, {other}],
            x: [1, 2], y: [1, 2], z: [1, 2], marker: {{color: "#123456"}}}});
        document.getElementById("curves").scrollIntoView({{behavior: "instant"}});
        unitsearch.choice.brush(null, new Set(["digits-lenet:{chosen}"]));
    }})()""")
    drawn = "document.getElementById('{}').data"
    ghost = f"{drawn.format('curves')}[1].visible"
    page.wait(f"{ghost} === true")
    assert page.run(f"{drawn.format('curves')}.map(t => [...t.y])") == [
        [3, 4, None, None, None, None], [3, 4, None, 5, 6, None],
    ]  # fmt: skip
    page.wait(f"Array.isArray({drawn.format('space')}[0].marker.color)")
    colours = page.run(f"[...{drawn.format('space')}[0].marker.color]")
    assert colours[0] == "#123456" != colours[1]
    page.key("Escape")
    page.wait(f"{ghost} === false")
    assert page.run(f"{drawn.format('curves')}[0].y") == [3, 4, None, 5, 6, None]


CLOUD = """(async () => {
    const place = document.querySelector(".panels section[data-study]");
    const div = document.createElement("div");
    div.dataset.figure = "cloud";
    div.id = "cloud";
    div.style.height = "450px";
    place.prepend(div);
    const numbers = [...Array(50).keys()];
    await DRAW;
})()"""
DRAW = """unitsearch.plots.draw(div, {layout: {xaxis: {type: "log"}}, data: [{
        type: "scattergl", mode: "markers", customdata: numbers, name: "many",
        x: numbers.map(n => 10 ** (n / 10)), y: numbers.map(n => n * 7 % 50),
        marker: {color: "#ff0000", size: 8},
    }]})"""


@pytest.fixture
def cloud(page: Page) -> Iterator[Page]:
    """A figure in a trace of type scattergl: trials 0 to 49, from left to right."""
    page.run(CLOUD.replace("DRAW", DRAW))
    yield page
    page.run("document.getElementById('cloud').remove()")


def test_many_points_are_drawn_where_their_axes_say(cloud: Page) -> None:
    left, top = point(cloud, "cloud", 20)
    assert cloud.run(f"""(() => {{
        const canvas = document.querySelector("#cloud canvas.cloud");
        const box = canvas.getBoundingClientRect(), place = [{left} - box.left, {top} - box.top];
        const colour = [...canvas.getContext("2d").getImageData(...place, 1, 1).data];
        const pixel = plotState.pixel(document.getElementById("cloud"), "x", 100);
        return [colour, Math.round(pixel - place[0])];
    }})()""") == [[255, 0, 0, 255], 0]


@pytest.mark.parametrize(("number", "is_kept"), [(12, True), (60, False)])
def test_more_points_within_the_axes_leave_the_figure_that_plotly_drew(
    cloud: Page, number: int, is_kept: bool
) -> None:
    state = cloud.run(f"""(async () => {{
        const div = document.getElementById("cloud"), before = plotState.layout(div);
        const numbers = [...Array(50).keys(), {number}];
        await {DRAW};
        return [plotState.layout(div) === before, +div.querySelector("canvas").dataset.chosen];
    }})()""")
    assert state == [is_kept, 51]


def test_one_of_many_points_opens_at_a_click(cloud: Page, record: Record) -> None:
    cloud.click(*point(cloud, "cloud", 20))
    cloud.wait("document.getElementById('drawer-title').textContent.startsWith('Trial 20')")


@pytest.mark.parametrize("number", [20, 3])
def test_of_points_side_by_side_the_one_under_the_pointer_opens(cloud: Page, number: int) -> None:
    lone = """{type: "scatter", mode: "markers", customdata: [3], name: "lone", x: [10 ** 2.2],
        y: [40], marker: {color: "#0000ff", size: 8}}"""
    both = DRAW.replace("data: [", f"data: [{lone}, ")
    cloud.run(f"""(() => {{
        const div = document.getElementById("cloud"), numbers = [...Array(50).keys()];
        return {both};
    }})().then(() => 0)""")
    places = [point(cloud, "cloud", trial) for trial in (20, 3)]
    assert 8 < places[1][0] - places[0][0] < 20  # plotly finds a point at such a distance
    cloud.click(*point(cloud, "cloud", number))
    cloud.wait(f"document.getElementById('drawer-title').textContent.startsWith('Trial {number}')")


def test_many_points_are_brushed_and_dimmed(cloud: Page) -> None:
    brush(cloud, "cloud")
    chosen = cloud.run("unitsearch.choice.shown().size")
    assert 20 <= chosen <= 30  # the left half
    assert cloud.run("+document.querySelector('#cloud canvas').dataset.chosen") == chosen
    cloud.run("unitsearch.choice.brush(null, new Set(['digits-lenet:7'])), 0")
    assert cloud.run("+document.querySelector('#cloud canvas').dataset.chosen") == 1
