"""Journal, SQLite and PostgreSQL hold the same trials; a password is in no file."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import optuna
import pytest

from tests.study.real_studies import QUICK, TRIALS, call, listed
from tests.study.trial_facts import as_searched, facts_of_trials
from tests.waiting import DEADLINE
from unitsearch.study.store import JOURNAL, without_password

FEW = 5
PASSWORD = "s3cr3t/pw:9"


def binaries() -> Path | None:
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return folders[-1].parent if folders else None


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """The address HOST:PORT of a PostgreSQL server with a user `searcher` and its password."""
    where = binaries()
    if where is None:
        pytest.skip("no PostgreSQL binaries")
    if os.geteuid() == 0:
        names = {entry.pw_name for entry in pwd.getpwall()}
        user = next((name for name in ("postgres", "nobody") if name in names), None)
        if user is None or shutil.which("runuser") is None:
            pytest.skip("PostgreSQL refuses root, and there is no other user to run it")
        prefix = ["runuser", "-u", user, "--"]
    else:
        user, prefix = None, []
    home = Path(tempfile.mkdtemp(prefix="unitsearch-postgres-"))
    home.chmod(0o755)
    (home / "password").write_text(PASSWORD)
    if user is not None:
        entry = pwd.getpwnam(user)
        for path in (home, home / "password"):
            os.chown(path, entry.pw_uid, entry.pw_gid)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def run(*words: str) -> None:
        done = subprocess.run(
            [*prefix, *words], cwd=home, capture_output=True, text=True, timeout=DEADLINE
        )
        assert done.returncode == 0, done.stderr + done.stdout

    data = str(home / "data")
    control = str(where / "pg_ctl")
    log = str(home / "log")
    try:
        run(
            str(where / "initdb"), "-D", data, "-U", "searcher", "--auth=scram-sha-256",
            f"--pwfile={home / 'password'}", "--no-sync", "--encoding=UTF8", "--locale=C",
        )  # fmt: skip
        options = f"-p {port} -c listen_addresses=127.0.0.1 -k {home} -c fsync=off"
        subprocess.run(
            [*prefix, control, "-D", data, "-w", "-l", log, "-o", options, "start"],
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=DEADLINE,
            check=True,
        )
        yield f"127.0.0.1:{port}"
    finally:
        if Path(data).is_dir():
            subprocess.run(
                [*prefix, control, "-D", data, "-m", "immediate", "-w", "stop"],
                cwd=home,
                capture_output=True,
                timeout=DEADLINE,
            )
        shutil.rmtree(home, ignore_errors=True)


def words(url: str, name: str, trials: int = FEW) -> list[str]:
    return ["run", *QUICK, f"budget.trials={trials}", f"name={name}", f'storage="{url}"']


def assert_nowhere(secret: str, folder: Path) -> None:
    holding = [p for p in folder.rglob("*") if p.is_file() and secret.encode() in p.read_bytes()]
    assert not holding


@pytest.mark.slow
def test_sqlite_holds_what_the_journal_holds(straight: Path, tmp_path: Path) -> None:
    done = call(tmp_path, *words(f"sqlite:///{tmp_path}/all.db", "lite"))
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "studies" / "lite"
    assert not (folder / JOURNAL).exists()
    assert as_searched(facts_of_trials(folder)) == as_searched(facts_of_trials(straight)[:FEW])
    again = call(tmp_path, "resume", "lite", "budget.trials=6")
    assert again.returncode == 0, again.stderr
    assert as_searched(facts_of_trials(folder)) == as_searched(facts_of_trials(straight)[:6])


@pytest.mark.slow
@pytest.mark.postgres
def test_postgres_holds_what_the_journal_holds_and_its_password_is_in_no_file(
    postgres: str, straight: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = quote(PASSWORD, safe="")
    url = f"postgresql://searcher:{secret}@{postgres}/postgres"
    done = call(tmp_path, *words(url, "pg"))
    assert done.returncode == 0, done.stderr
    refused = call(tmp_path, "resume", "pg", PGPASSWORD="")
    assert refused.returncode == 3
    assert refused.stderr.startswith("unitsearch: ")
    assert refused.stderr.count("\n") == 1
    wrong = call(tmp_path, "resume", "pg", UNITSEARCH_STORAGE_PASSWORD="wr0ngw0rd")
    assert wrong.returncode == 3
    resumed = call(
        tmp_path, "resume", "pg", "budget.trials=6", UNITSEARCH_STORAGE_PASSWORD=PASSWORD
    )
    assert resumed.returncode == 0, resumed.stderr
    monkeypatch.setenv("UNITSEARCH_STORAGE_PASSWORD", PASSWORD)
    assert as_searched(facts_of_trials(tmp_path / "studies" / "pg")) == as_searched(
        facts_of_trials(straight)[:6]
    )
    output = "".join(p.stdout + p.stderr for p in (done, refused, wrong, resumed))
    for hidden in (secret, PASSWORD, "wr0ngw0rd"):
        assert hidden not in output
        assert_nowhere(hidden, tmp_path / "studies")


@pytest.mark.slow
@pytest.mark.postgres
def test_a_password_in_the_query_of_a_url_is_in_no_file_either(
    postgres: str, tmp_path: Path
) -> None:
    secret = quote(PASSWORD, safe="")
    url = f"postgresql://{postgres}/postgres?user=searcher&password={secret}"
    done = call(tmp_path, *words(url, "query", 1))
    assert done.returncode == 0, done.stderr
    assert secret not in done.stdout + done.stderr
    assert_nowhere(secret, tmp_path / "studies")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:p@h/d", "postgresql://u@h/d"),
        ("postgresql+psycopg://u:p%40q/r:s@h:5432/d", "postgresql+psycopg://u@h:5432/d"),
        ("postgresql://u@h/d", "postgresql://u@h/d"),
        ("sqlite:////tmp/a@b:c.db", "sqlite:////tmp/a@b:c.db"),
        ("postgresql://:p@h/d", "postgresql://@h/d"),
    ],
)
def test_only_the_password_is_left_out_of_a_url(url: str, shown: str) -> None:
    assert without_password(url) == shown


@pytest.mark.parametrize(
    "url",
    ["postgresql://h/d?user=u&password=hunter2", "postgresql://h/d?password=hunter2&user=u",
     "postgresql://u:hunter2@h/d?sslmode=disable"],
)  # fmt: skip
def test_a_password_is_left_out_wherever_the_url_has_it(url: str) -> None:
    shown = without_password(url)
    assert "hunter2" not in shown
    assert shown.startswith("postgresql://")
    assert "h/d" in shown


@pytest.mark.parametrize(
    "url",
    ["mysql://u:hunter2@h/d", "nonsense", "postgresql://u:hunter2@127.0.0.1:1/d",
     "sqlite:////no/such/folder/a.db", "redis://h"],
)  # fmt: skip
def test_a_storage_that_cannot_be_used_exits_with_3_and_leaves_nothing(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import unitsearch
    from unitsearch.errors import StudyError

    monkeypatch.chdir(tmp_path)
    with pytest.raises(StudyError) as error:
        unitsearch.run(name="x", storage=url)
    assert error.value.exit_code == 3
    assert "hunter2" not in str(error.value)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "studies" / "x").exists()


def test_print_of_the_configuration_holds_no_password(tmp_path: Path) -> None:
    url = 'storage="postgresql://u:hunter2@h/d"'
    done = call(tmp_path, "run", "--cfg", "job", url)
    assert done.returncode == 0, done.stderr
    assert "hunter2" not in done.stdout + done.stderr
    assert "postgresql://u@h/d" in done.stdout


@pytest.mark.slow
def test_optuna_opens_the_journal_and_sees_the_complete_trials(straight: Path) -> None:
    from optuna.storages.journal import JournalFileBackend

    storage = optuna.storages.JournalStorage(JournalFileBackend(str(straight / JOURNAL)))
    study = optuna.load_study(study_name="straight", storage=storage)
    complete = study.get_trials(states=[optuna.trial.TrialState.COMPLETE])
    rows = [row for row in listed(straight.parents[1], "straight") if row["state"] == "complete"]
    assert len(complete) == TRIALS
    for trial, row in zip(complete, rows, strict=True):
        assert trial.number == row["number"]
        assert trial.values == [row["accuracy"], row["flops"], row["params"]]
    assert study.metric_names == ["accuracy", "flops", "params"]
    assert [d.name for d in study.directions] == ["MAXIMIZE", "MINIMIZE", "MINIMIZE"]
    assert {t.number for t in study.best_trials} <= set(range(TRIALS))
    assert all(t.params for t in complete[1:])


@pytest.mark.slow
def test_a_damaged_journal_is_reported_in_a_line_with_exit_3(copy: Path) -> None:
    journal = copy / JOURNAL
    lines = journal.read_bytes().splitlines(keepends=True)
    for content in (b"", b"".join([*lines[:4], b"garbage\n", *lines[4:]]), bytes(range(256)) * 9):
        journal.write_bytes(content)
        done = call(copy.parents[1], "status", "straight")
        assert (done.returncode, done.stdout) == (3, ""), done.stderr
        assert done.stderr.startswith("unitsearch: ")
        assert done.stderr.count("\n") == 1
