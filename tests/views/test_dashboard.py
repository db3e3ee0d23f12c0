"""The dashboard's answers, the requests that it refuses, and the data that it protects."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.records import make_record, manifest
from tests.views.view_studies import add_trials, files, write_study
from tests.waiting import DEADLINE
from unitsearch.architecture import key, read_architecture, read_text
from unitsearch.errors import PackageError, SpecError, StudyError, UsageError
from unitsearch.study.record import Record
from unitsearch.views.figures import pareto
from unitsearch.views.live import open_server
from unitsearch.views.live.answers import Answers
from unitsearch.views.live.app import dash_app
from unitsearch.views.live.board_files import own_boards, shipped_boards
from unitsearch.views.live.catalogue import Catalogue
from unitsearch.views.pages.document import figure_json

PORT = 8050
AT = f"http://127.0.0.1:{PORT}"
EVIL = "<img src=x onerror=alert(1)>"
ROUTES = (
    "/", "/shipped/page.js", "/api/page?study=first", "/api/part/0?study=first",
    "/api/trials?study=first", "/api/trial?study=first&number=0",
    "/api/weights?study=first&number=0", "/_dash-layout", "/api/part/0?study=nobody",
    "/shipped/nothing",
)  # fmt: skip


@dataclass
class Dashboard:
    """The dashboard of a folder with the studies ``first`` and ``second``, and a client of it."""

    root: Path
    answers: Answers
    client: Any

    def get(self, path: str, **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        # buffered: the response is read to its end and closed
        return self.client.get(path, base_url=AT, headers=named, buffered=True)

    def json(self, path: str) -> Any:
        response = self.get(path)
        assert response.status_code == 200, response.text
        return json.loads(response.text)


FIRST = make_record(14, "first")
SECOND = make_record(9, "second", seed=3)


def open_dashboard(root: Path) -> Dashboard:
    """Return a dashboard whose clock stands still: reading takes no time, so no view is kept."""
    answers = Answers(Catalogue(), shipped_boards(), clock=lambda: 0.0)
    return Dashboard(root, answers, dash_app(answers, lambda: PORT).server.test_client())


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dashboard")
    for record in (FIRST, SECOND):
        write_study(folder / "studies", record)
    weights = folder / "studies" / "first" / "trials"
    weights.mkdir()
    (weights / "00000.safetensors").write_bytes(b"weights")
    (folder / "secret").write_text("secret")
    (weights / "00001.safetensors").symlink_to(folder / "secret")
    return folder


@pytest.fixture
def dashboard(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Dashboard]:
    monkeypatch.chdir(root)
    opened = open_dashboard(root)
    yield opened
    opened.answers.catalogue.close()


# Its answers.


def test_the_list_has_every_study_and_says_which_are_not_read_yet(dashboard: Dashboard) -> None:
    dashboard.answers.page(["first"], "report")
    head = dashboard.answers.page([], "report")["head"]
    assert 'href="/?study=first">first</a>' in head
    assert 'href="/?study=second">second</a></th><td class="soft">not read yet' in head
    dashboard.answers.catalogue.read_all()
    assert "not read yet" not in dashboard.answers.page([], "report")["head"]


def test_the_first_parts_of_a_single_study_are_drawn_ahead(
    root: Path,
) -> None:
    alone = Answers(Catalogue([root / "studies" / "first"]), shipped_boards())
    alone.prepare()
    assert {0, 1} <= alone.view(["first"], "report").drawn.sections.keys()
    alone.catalogue.close()


def test_a_part_is_the_figure_of_the_report(dashboard: Dashboard) -> None:
    figure = dashboard.json("/api/part/0?study=first")["figure"]
    record = dashboard.answers.catalogue.look("first")
    assert figure == json.loads(figure_json(pareto.plain(record, "ce", "accuracy")))


def test_every_part_of_a_board_is_answered(dashboard: Dashboard) -> None:
    view = dashboard.answers.view(["first"], "report")
    for number in range(len(view.sections)):
        assert set(dashboard.json(f"/api/part/{number}?study=first")) <= {"figure", "html"}
    assert dashboard.get(f"/api/part/{len(view.sections)}?study=first").status_code == 404


def test_a_trial_opens_with_a_file_that_rebuilds_to_its_key(dashboard: Dashboard) -> None:
    details = dashboard.json("/api/trial?study=first&number=7")
    assert key(read_architecture(read_text(details["yaml"]).data)) == FIRST.trials[7].key
    assert details["drawing"].startswith("<svg")
    assert details["retrain"].startswith("unitsearch train first-00007.yaml ")


def test_kept_weights_can_be_downloaded(dashboard: Dashboard) -> None:
    link = dashboard.json("/api/trial?study=first&number=0")["weights"]
    response = dashboard.get(link)
    assert response.data == b"weights"
    assert "first-00000.safetensors" in response.headers["Content-Disposition"]
    assert "weights" not in dashboard.json("/api/trial?study=first&number=3")


def test_studies_stand_side_by_side(dashboard: Dashboard) -> None:
    page = dashboard.answers.page(["first", "second"], "report")
    assert "2 studies side by side" in page["head"]
    panels = dashboard.answers.page(["first"], "report")["panels"]
    assert page["panels"].count('data-study="second"') == panels.count('data-study="first"')
    both = dashboard.json("/api/trials?study=first&study=second")
    assert [part["study"] for part in both] == ["first", "second"]


def test_new_trials_are_a_new_version(root: Path, dashboard: Dashboard) -> None:
    grows = make_record(6, "grows")
    folder = write_study(root / "studies", replace(grows, trials=grows.trials[:4]))
    try:
        before = dashboard.answers.page(["grows"], "report")
        assert dashboard.answers.page(["grows"], "report")["version"] == before["version"]
        add_trials(folder, grows.trials[4:])
        after = dashboard.answers.page(["grows"], "report")
        assert after["version"] != before["version"]
        assert after["layout"] == before["layout"]
        shown = dashboard.json("/api/part/0?study=grows")["figure"]["data"]
        assert 5 in [number for trace in shown for number in trace.get("customdata", [])]
    finally:
        folder.rename(root / "grown")


def test_a_page_that_has_changed_comes_with_the_parts_in_view(dashboard: Dashboard) -> None:
    page = dashboard.json("/api/page?study=first&known=999999&part=0&part=7&part=500")
    assert page["trials"] == dashboard.json("/api/trials?study=first")
    assert page["parts"] == {n: dashboard.json(f"/api/part/{n}?study=first") for n in "07"}


@pytest.mark.parametrize("query", ["study=first", "study=nobody&known=1", "known=1"])
def test_a_page_that_was_not_known_comes_alone(dashboard: Dashboard, query: str) -> None:
    assert not {"trials", "parts"} & set(dashboard.json(f"/api/page?{query}"))


def test_a_page_that_has_not_changed_comes_alone(dashboard: Dashboard) -> None:
    known = dashboard.json("/api/page?study=first")["version"]
    assert "parts" not in dashboard.json(f"/api/page?study=first&known={known}&part=0")


def test_a_page_that_outlives_its_server_is_not_taken_for_known(dashboard: Dashboard) -> None:
    known = dashboard.json("/api/page?study=first")["version"]
    again = open_dashboard(dashboard.root)
    assert "parts" in again.json(f"/api/page?study=first&known={known}&part=0")
    again.answers.catalogue.close()


def test_a_view_that_took_long_to_read_is_kept_for_a_while(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    seconds = iter([0.0, 1.0, 1.9, 2.1, 3.0])  # reading takes a second; the longest pause is two
    answers = Answers(Catalogue(), shipped_boards(), clock=lambda: next(seconds))
    view = answers.view(["first"], "report")
    (root / "studies" / "first" / "study.yaml").touch()
    assert answers.view(["first"], "report") is view
    assert answers.view(["first"], "report") is not view
    answers.catalogue.close()


def test_a_page_of_an_unknown_study_says_so(dashboard: Dashboard) -> None:
    page = dashboard.answers.page(["nobody"], "report")
    assert "no study named &#x27;nobody&#x27;" in page["head"]
    assert dashboard.get("/api/trials?study=nobody").status_code == 404


def test_a_damaged_study_does_not_hide_the_others(root: Path, dashboard: Dashboard) -> None:
    broken = root / "studies" / "broken"
    broken.mkdir()
    (broken / "study.yaml").write_text("nonsense: 1")
    try:
        dashboard.answers.catalogue.read_all()
        assert ">first</a>" in dashboard.answers.page([], "report")["head"]
        assert "not the facts of a study" in dashboard.answers.page(["broken"], "report")["head"]
    finally:
        broken.rename(root / "broken")


def test_a_board_of_ones_own_is_offered_and_read_anew_when_it_changes(
    root: Path, dashboard: Dashboard
) -> None:
    path = root / "mine.yaml"
    path.write_text("title: Mine\npanels:\n- {panel: front}\n")
    dashboard.answers.boards.paths |= own_boards([path])
    assert "Mine" in dashboard.answers.page(["first"], "mine")["head"]
    path.write_text("title: Ours\npanels:\n- {panel: fronts}\n")
    os.utime(path, ns=(1, 1))
    assert "did you mean &#x27;front&#x27;" in dashboard.answers.page(["first"], "mine")["head"]


def test_two_studies_of_one_name_get_different_names(root: Path, tmp_path: Path) -> None:
    other = write_study(tmp_path, SECOND).rename(tmp_path / "first")
    catalogue = Catalogue([root / "studies" / "first", other])
    assert list(catalogue.folders()) == ["first", "first (2)"]
    assert catalogue.look("first (2)").name == "first (2)"
    catalogue.close()


# The requests that it refuses.


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("host", ["evil.example", "evil.example:8050", "127.0.0.1:9", ""])
def test_a_name_that_is_not_this_machines_is_refused(
    dashboard: Dashboard, path: str, host: str
) -> None:
    assert dashboard.get(path, Host=host).status_code == 403


@pytest.mark.parametrize("host", [f"127.0.0.1:{PORT}", f"localhost:{PORT}"])
def test_this_machines_names_are_answered(dashboard: Dashboard, host: str) -> None:
    assert dashboard.get("/", Host=host).status_code == 200


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("by", ["cross-site", "same-site"])
def test_requests_of_another_sites_page_are_refused(
    dashboard: Dashboard, path: str, by: str
) -> None:
    assert dashboard.get(path, Sec_Fetch_Site=by, Sec_Fetch_Mode="no-cors").status_code == 403


@pytest.mark.parametrize("path", ROUTES)
def test_every_answer_forbids_its_page_all_but_this_server(dashboard: Dashboard, path: str) -> None:
    headers = dashboard.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy.split("script-src")[1].split(";")[0]
    assert "http" not in policy


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_nothing_can_be_written(dashboard: Dashboard, method: str) -> None:
    response = dashboard.client.open("/api/trials?study=first", base_url=AT, method=method)
    assert response.status_code == 405


# The data that it protects.


@pytest.mark.parametrize(
    "path",
    ["/shipped/../../../secret", "/shipped/..%2f..%2fsecret", "/shipped/%2fetc%2fpasswd",
     "/api/weights?study=..&number=0", "/api/weights?study=first%2f..&number=0",
     "/api/weights?study=first&number=../../secret", "/api/weights?study=first&number=1",
     "/api/weights?study=first&number=-1", "/api/trial?study=%2e%2e&number=0",
     "/_dash-component-suites/dash/../../../../etc/passwd"],
)  # fmt: skip
def test_no_file_outside_the_studies_is_served(dashboard: Dashboard, path: str) -> None:
    response = dashboard.get(path)
    assert response.status_code in (400, 404, 500) or "react-entry-point" in response.text
    assert "secret" not in response.text.replace("/secret", "")
    assert "root:" not in response.text


def test_a_dashboard_changes_no_file_of_a_study(root: Path, dashboard: Dashboard) -> None:
    folder = root / "studies" / "second"
    before = files(folder)
    for number in range(len(dashboard.answers.view(["second"], "report").sections)):
        dashboard.get(f"/api/part/{number}?study=second")
    for path in ("trials?", "trial?number=3&", "weights?number=3&"):
        dashboard.get(f"/api/{path}study=second")
    dashboard.answers.page(["second"], "report")
    assert files(folder) == before


def test_what_comes_from_a_study_is_escaped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = f"evil {EVIL}".replace("/", "")
    usual = make_record(13, name)
    failed = replace(usual.trials[11], reason=EVIL)
    recipe = replace(usual.manifest.config.train, name=EVIL[:100])
    content = manifest(space=EVIL, train=recipe)
    trials = (*usual.trials[:11], failed, usual.trials[12])
    write_study(tmp_path / "studies", Record(name, usual.folder, content, trials))
    dashboard = open_dashboard(tmp_path)
    for names, board in (([], "report"), ([name], "report"), ([EVIL], "report"), ([name], EVIL)):
        page = dashboard.answers.page(names, board)
        for html in ("bar", "head", "panels"):
            assert "<img" not in page[html]
    view = dashboard.answers.view([name], "report")
    for number in range(len(view.sections)):
        text = json.loads(dashboard.answers.part([name], "report", number))
        assert "<img" not in text.get("html", "")
    dashboard.answers.catalogue.close()


# Its start.


def test_without_dash_the_error_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, root: Path
) -> None:
    monkeypatch.chdir(root)
    monkeypatch.setitem(sys.modules, "dash", None)
    with pytest.raises(PackageError, match=r"pip install 'unitsearch\[dashboard\]'"):
        open_server()


def test_a_port_in_use_is_an_error(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        with pytest.raises(UsageError, match="--port 0 takes one"):
            open_server(port=held.getsockname()[1])


def test_an_unknown_study_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="no study named"):
        open_server(["nobody"])


def test_an_invalid_board_is_an_error_at_once(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("panels: 3")
    with pytest.raises(SpecError, match=r"mine\.yaml"):
        open_server(boards=[path])


@pytest.mark.slow
def test_the_command_says_where_it_listens_and_ends_by_an_interrupt(root: Path) -> None:
    words = [sys.executable, "-m", "unitsearch.cli.main", "dashboard", "first"]
    with subprocess.Popen(
        [*words, "--port", "0", "--no-open"],
        cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # a shell that runs the tests in the background ignores interrupts, and so would the command
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    ) as process:  # fmt: skip
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        process.send_signal(signal.SIGINT)
        try:
            _, errors = process.communicate(timeout=DEADLINE)
        finally:
            process.kill()
    assert url.startswith("http://127.0.0.1:")
    assert url.endswith("/?study=first")
    assert process.returncode == 130, errors
