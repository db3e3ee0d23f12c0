"""The dashboard in a real browser."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from tests.records import make_record, manifest
from tests.views.browser import Browser, Page, brush, dimmed, point
from tests.views.view_studies import add_trials, write_study
from unitsearch.architecture import key, read_architecture, read_file
from unitsearch.study.lock import driving
from unitsearch.study.record import Record
from unitsearch.study.tables import front_trials
from unitsearch.views.live import Server, open_server

pytestmark = pytest.mark.slow

FIRST = make_record(30, "first")
SECOND = make_record(14, "second", seed=3)
GROWS = make_record(14, "grows")
EVIL = "<img src=x onerror=alert(1)><script>alert(2)<\\script>"
DRAWN = "!!plotState.traces(document.querySelector('[data-part=\"1\"] .plot'))"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("live")
    for record in (FIRST, SECOND):
        write_study(root / "studies", record)
    for name, record, trials in (("grows", GROWS, 10), ("stays", GROWS, 10), ("runs", FIRST, 16)):
        young = replace(record, name=name, folder=Path(name), trials=record.trials[:trials])
        write_study(root / "studies", young)
    failed = replace(SECOND.trials[11], reason=EVIL)
    recipe = replace(SECOND.manifest.config.train, name=EVIL[:100])
    content = manifest(space=EVIL, train=recipe)
    trials = (*SECOND.trials[:11], failed, *SECOND.trials[12:])
    write_study(root / "studies", Record("evil", Path(f"evil {EVIL}"), content, trials))
    return root


@pytest.fixture(scope="module")
def server(root: Path) -> Iterator[Server]:
    before = Path.cwd()
    os.chdir(root)
    server = open_server()
    serving = threading.Thread(target=server.serve)
    serving.start()
    yield server
    server.close()
    serving.join()
    os.chdir(before)


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    """A page on the study ``first``; a test must cause no error and no request elsewhere."""
    with browser.page() as page:
        page.go(f"{server.url}?study=first")
        page.wait(DRAWN)
        yield page
        assert page.errors == []
        assert {url.split("/")[2] for url in page.requests} == {server.url.split("/")[2]}


def follow(page: Page, text: str) -> None:
    """Click the link of the list that contains ``text``."""
    link = f"[...document.querySelectorAll('#head a')].find(a => a.innerText.includes('{text}'))"
    page.wait(f"Boolean({link})")
    with page.loading():
        page.run(f"{link}.click()")


def test_a_study_is_found_in_the_list_and_opened(page: Page, server: Server) -> None:
    page.go(server.url)
    page.wait("document.querySelectorAll('#head tbody tr').length === 6")
    page.wait("!document.querySelector('#head .soft')")  # all are read
    follow(page, "second")
    page.wait(DRAWN)
    assert page.run("document.querySelector('.study').innerText").startswith("second")


def test_a_click_on_a_point_shows_that_trials_drawing_and_yaml(page: Page) -> None:
    number = next(t.number for t in front_trials(FIRST) if not t.is_baseline)
    page.click(*point(page, "figure-0", number))
    page.wait("!!document.querySelector('#drawer svg.drawing')")
    assert f"key: {FIRST.trials[number].key}" in page.run(
        "document.getElementById('drawer-body').innerText"
    )


def test_brushing_a_figure_dims_the_others(page: Page) -> None:
    out = brush(page, "figure-0")
    assert 0 < len(out) < len(FIRST.complete)
    page.wait("document.querySelector('[data-figure=figure-1]').classList.contains('dimmed')")
    assert dimmed(page, "figure-1") == out


def test_figures_whose_trials_come_late_can_be_brushed_all_the_same(
    page: Page, server: Server
) -> None:
    page.call(
        "Page.addScriptToEvaluateOnNewDocument",
        source="""const ask = window.fetch;
        const released = new Promise(done => { window.release = done; });
        window.fetch = (url, ...more) => String(url).startsWith("/api/trials")
            ? released.then(() => ask(url, ...more)) : ask(url, ...more);""",
    )
    page.go(f"{server.url}?study=first")
    page.wait("Boolean(window.Plotly)")
    page.run("release(), 0")
    page.wait(DRAWN)
    assert 0 < len(brush(page, "figure-0")) < len(FIRST.complete)


def test_the_downloaded_file_rebuilds_to_the_trials_key(page: Page) -> None:
    page.run("document.querySelector('.card:nth-child(2) button.open').click()")
    page.wait("!!document.querySelector('#drawer-body button')")
    path = page.downloaded(
        lambda: page.run(
            "[...document.querySelectorAll('#drawer button')]"
            ".find(b => b.textContent === 'Download').click()"
        )
    )
    number = int(path.stem.rpartition("-")[2])
    assert key(read_architecture(read_file(path).data)) == FIRST.trials[number].key


def test_what_is_further_down_is_drawn_when_it_is_scrolled_to(page: Page) -> None:
    last = "[...document.querySelectorAll('.plot')].pop()"
    assert not page.run(f"Boolean(plotState.traces({last}))")
    page.run(f"{last}.scrollIntoView({{behavior: 'instant'}})")
    page.wait(f"Boolean(plotState.traces({last}))")


def test_new_trials_appear_while_it_is_looked_at_and_what_was_chosen_stays(
    root: Path, page: Page, server: Server
) -> None:
    page.go(f"{server.url}?study=grows")
    page.wait(DRAWN)
    out = brush(page, "figure-0")
    shown = (
        "plotState.traces(document.querySelector('[data-figure=figure-0]'))"
        ".flatMap(t => t.mode === 'markers' && t.customdata ? [...t.customdata] : [])"
    )
    assert 13 not in page.run(shown)
    add_trials(root / "studies" / "grows", GROWS.trials[10:])
    page.wait(f"{shown}.includes(13)")
    assert set(out) < set(dimmed(page, "figure-0"))


def test_a_new_trial_of_a_running_study_is_a_point_before_its_figure_is_drawn_again(
    root: Path, page: Page, server: Server
) -> None:
    folder = root / "studies" / "runs"
    driver = ExitStack()
    driver.enter_context(driving(folder))
    page.go(f"{server.url}?study=runs")
    page.wait(DRAWN)
    plot = "unitsearch.plots.of(document.querySelector('[data-figure=figure-0]'))"
    page.run(f"{plot}.due = 1e9, {plot}.first = plotState.traces({plot}.div), 0")
    add_trials(folder, FIRST.trials[16:])
    page.wait(f"{plot}.clouds.some(cloud => cloud.ids.includes('runs:27'))")
    assert page.run(f"plotState.traces({plot}.div) === {plot}.first")  # plotly drew nothing
    page.click(*point(page, "figure-0", 27))
    page.wait("document.getElementById('drawer-title').textContent.includes('27')")
    page.key("Escape")
    brush(page, "figure-0", 0.5, 1.0)
    inside, outside = page.run(f"""(({{clouds, div}}) => {{
        const parts = [[], []];
        for (const cloud of clouds) cloud.ids.forEach((id, i) => {{
            const x = plotState.share(div, "x", cloud.x[i]);
            const y = plotState.share(div, "y", cloud.y[i]);
            parts[x > 0.5 && x < 1 && y > 0 && y < 1 ? 0 : 1].push(id);
        }});
        return parts;
    }})({plot})""")
    chosen = page.run("[...unitsearch.choice.shown()]")
    assert "runs:27" in inside
    assert set(inside) <= set(chosen)
    assert not set(outside) & set(chosen)

    driver.close()  # the study no longer runs: plotly draws all trials itself
    page.wait(f"plotState.traces({plot}.div) !== {plot}.first && !{plot}.clouds.length")
    assert page.run("document.querySelectorAll('[data-figure=figure-0] canvas').length") == 0


def test_what_a_look_does_not_change_stays_as_it_is(root: Path, page: Page, server: Server) -> None:
    page.go(f"{server.url}?study=stays")
    page.wait(DRAWN)
    page.run("window.button = document.querySelector('#head .card button'), button.focus()")
    before = page.run("document.querySelector('#head .facts').innerText")
    add_trials(root / "studies" / "stays", GROWS.trials[10:])
    page.wait(f"document.querySelector('#head .facts').innerText !== {json.dumps(before)}")
    assert page.run("window.button.isConnected && document.activeElement === window.button")


def test_studies_are_compared_side_by_side(page: Page, server: Server) -> None:
    page.go(f"{server.url}?study=first&study=second")
    page.wait(DRAWN)
    shown_studies = (
        "[...document.querySelectorAll('.panel[data-study]')].slice(0, 2)"
        ".map(panel => panel.dataset.study)"
    )
    assert page.run(shown_studies) == ["first", "second"]
    page.click(*point(page, "figure-1", 0))
    page.wait("document.getElementById('drawer-title').textContent.endsWith(' · second')")


def test_nothing_that_a_study_contains_is_run(page: Page, server: Server) -> None:
    page.go(server.url)
    follow(page, "evil")
    page.wait(DRAWN)
    page.run("window.scrollTo({top: 1e6, behavior: 'instant'})")
    page.wait("document.body.innerText.includes('onerror=alert(1)')")
    assert not page.run("Boolean(document.querySelector('main img'))")
