"""optuna-dashboard opens the same store; it is no dependency, and its test needs it installed."""

from __future__ import annotations

import io
import json
import warnings
from pathlib import Path
from typing import Any

import pytest

from tests.records import make_record
from tests.views.view_studies import files, write_study
from unitsearch.study.store import JOURNAL

RECORD = make_record(13, "shared")


def ask(application: Any, path: str) -> Any:
    """Return the answer of a WSGI application to a GET."""
    answer: dict[str, Any] = {}

    def begin(status: str, _headers: object, *_: object) -> None:
        answer["status"] = status

    asked = {
        "REQUEST_METHOD": "GET", "PATH_INFO": path, "SCRIPT_NAME": "", "QUERY_STRING": "",
        "SERVER_NAME": "localhost", "SERVER_PORT": "8080", "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(), "wsgi.errors": io.StringIO(),
    }  # fmt: skip
    body = b"".join(application(asked, begin))
    assert answer["status"].startswith("200"), body
    return json.loads(body)


@pytest.fixture(params=["journal", "sqlite"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Any]:
    """A study, and optuna-dashboard opened on it as its command opens it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = pytest.importorskip("optuna_dashboard")
        if request.param == "journal":
            folder = write_study(tmp_path, RECORD)
            return folder, module.wsgi(str(folder / JOURNAL))
        url = f"sqlite:///{tmp_path / 'trials.db'}"
        return write_study(tmp_path / "studies", RECORD, url), module.wsgi(url)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # those of its own
def test_optuna_dashboard_shows_the_trials_of_a_study(opened: tuple[Path, Any]) -> None:
    folder, application = opened
    before = files(folder)
    (study,) = ask(application, "/api/studies")["study_summaries"]
    assert study["study_name"] == "shared"
    study_page = ask(application, f"/api/studies/{study['study_id']}")
    assert study_page["objective_names"] == ["accuracy", "flops", "params"]
    complete = {t["number"]: t["values"] for t in study_page["trials"] if t["state"] == "Complete"}
    assert complete == {
        t.number: [t.accuracy, t.cost.flops, t.cost.params] for t in RECORD.complete
    }
    assert files(folder) == before
