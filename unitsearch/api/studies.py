"""Running studies, reading them, drawing them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unitsearch.api.words import word
from unitsearch.errors import StudyError, UsageError

if TYPE_CHECKING:
    import pandas as pd

    from unitsearch.study.creation import HeldStudy
    from unitsearch.study.progress import End, Progress
    from unitsearch.study.record import Record, Trial

Watch = Callable[["Progress"], None]


@dataclass(frozen=True)
class Study:
    """A study's results, as tables.

    Attributes:
        record: The study as it stands.
        end: The reason why the run that made it ended: budget, minutes, exhausted, interrupted or
            verified.
    """

    record: Record
    end: str = ""

    @property
    def name(self) -> str:
        """Its name."""
        return self.record.name

    @property
    def folder(self) -> Path:
        """The folder of its files."""
        return self.record.folder

    @property
    def trials(self) -> pd.DataFrame:
        """All trials, one row each; accuracies are fractions, flops are the papers'.

        ``accuracy`` is of a trial's one training, ``accuracy_model`` what the model believes.
        """
        import pandas as pd

        from unitsearch.study.tables import columns, rows

        return pd.DataFrame(rows(self.record), columns=list(columns(self.record)))

    @property
    def front(self) -> pd.DataFrame:
        """The rows of the recommended trials, the best by the model first."""
        table = self.trials
        return table[table["front"]].sort_values("accuracy_model", ascending=False)

    @property
    def best(self) -> Trial | None:
        """The front's most accurate member by the model, the baseline only if it is alone there."""
        return best_trial(self.record)


def run(
    space: str | Path = "lenet_hybrid", *, watch: Watch | None = None, **settings: Any
) -> Study:
    """Run a new study to its end and return it.

    Args:
        space: A shipped space or a file.
        watch: Called with the progress, several times a second.
        **settings: The settings of the command line: ``data="mnist"``, ``seed=1``,
            ``name="first"``; a key with a dot there is a mapping here, ``budget={"trials": 20}``.

    Raises:
        UsageError: If a setting is unknown or has a wrong value.
        StudyError: If the study cannot be created, or its baseline fails.
    """
    from unitsearch.study.config import GROUPS

    overrides = [f"space={word(space)}"]
    groups = []
    for key, value in settings.items():
        if isinstance(value, Mapping):
            rest = dict(value)
            if key in GROUPS and "name" in rest:
                groups.append(f"{key}={word(rest.pop('name'))}")
            overrides += [f"{key}.{inner}={word(item)}" for inner, item in rest.items()]
        else:
            overrides.append(f"{key}={word(value)}")
    end = run_study([*groups, *overrides], watch or _silent)
    return Study(end.record, end.why)


def run_study(overrides: Sequence[str], watch: Watch, command: str = "") -> End:
    """Create the study that ``overrides`` ask for and run it to its end."""
    from unitsearch.study.creation import new_study

    with new_study(overrides, command) as study:
        return _run(study, watch)


def resume_study(study: str, overrides: Sequence[str], watch: Watch) -> End:
    """Continue a study until its budget, which ``overrides`` may raise, is spent."""
    from unitsearch.study.creation import reopened_study

    with reopened_study(study, overrides) as reopened:
        return _run(reopened, watch)


def _run(study: HeldStudy, watch: Watch) -> End:
    from unitsearch.api.outputs import write_outputs
    from unitsearch.study.search_run import run_search

    end = run_search(study.folder, watch, study.storage)
    write_outputs(end.record)
    return end


def version() -> str:
    """Return the installed version of unitsearch."""
    return metadata.version("unitsearch")


def load_study(study: str | Path) -> Study:
    """Return a study as it stands, by name or folder.

    Raises:
        StudyError: If it is no study.
    """
    from unitsearch.study.folder import read_study

    return Study(read_study(study))


def best_trial(record: Record) -> Trial | None:
    """Return the front's most accurate member by the model, the baseline only if it is alone there.

    Of equal ones the one with fewer FLOPs.
    """
    from unitsearch.study import recommended

    return recommended.best_trial(record)


def report(
    study: str | Sequence[str] | None,
    output_file: Path | None = None,
    board_name: str | None = None,
) -> Path:
    """Write a study's report and tables anew, and return the report's path.

    Args:
        study: A study's name or folder, or a folder of ``reproduce training``; several of these for
            one page that shows them side by side; none for an index of ./studies.
        output_file: The page to write. Beside the study, as ``<board>.html``, unless given; of
            several studies in ./studies.
        board_name: Another board than ``report`` (than ``compare`` of several): a shipped one, or a
            file.

    Raises:
        StudyError: If a study is none, or cannot be read.
        UsageError: If there is no such board, or two studies are called the same.
        SpecError: If the board's file is not a valid board.
    """
    wanted = [study] if isinstance(study, str) else list(study or ())
    if not wanted:
        return _index(output_file)
    if len(wanted) > 1:
        return _report_of_several(wanted, output_file, board_name or "compare")
    from unitsearch.api.outputs import write_outputs
    from unitsearch.api.trainings import read_record
    from unitsearch.study.manifest import MANIFEST
    from unitsearch.views import board, write_report

    shown = board(board_name or "report")
    record = read_record(wanted[0])
    if output_file is None and board_name is None and (record.folder / MANIFEST).is_file():
        write_outputs(record)
        return record.folder / "report.html"
    path = output_file or record.folder / f"{Path(board_name or 'report').stem}.html"
    write_report(record, path, shown)
    return path


def _index(output_file: Path | None) -> Path:
    """Write the index of ./studies, and return its path."""
    from unitsearch.study.folder import STUDIES, names, read_study
    from unitsearch.views import index_html
    from unitsearch.views.pages import write_text

    records = []
    for name in names():
        try:
            records.append(read_study(name))
        except StudyError:
            continue  # a damaged study must not hide the others
    if not records:
        raise StudyError("there are no studies in ./studies", fix="unitsearch run makes one")
    path = output_file or Path(STUDIES) / "index.html"
    write_text(path, index_html(records))
    return path


def _report_of_several(studies: Sequence[str], output_file: Path | None, board_name: str) -> Path:
    """Write one page of several studies, and return its path."""
    from unitsearch.api.trainings import read_record
    from unitsearch.study.folder import STUDIES
    from unitsearch.views import board, write_report

    shown = board(board_name)
    records = [read_record(name) for name in studies]
    if len({record.name for record in records}) < len(records):
        # a copy of a study keeps its name: go by the folders
        records = [replace(record, name=record.folder.resolve().name) for record in records]
    known = [record.name for record in records]
    repeated = next((name for name in known if known.count(name) > 1), None)
    if repeated is not None:
        raise UsageError(found=repeated, expected="studies of different names on one page")
    path = output_file or Path(STUDIES) / f"{Path(board_name).stem}.html"
    write_report(records, path, shown)
    return path


def plot(study: str | Sequence[str], name: str, output_file: Path, **options: Any) -> Path:
    """Draw one figure of a study into an HTML file, and return its path.

    Args:
        study: A study's name or folder, a folder of ``reproduce training``, or several of these for
            the figures that compare.
        name: One of ``unitsearch.views.FIGURES``.
        output_file: The file to write.
        **options: The figure's options, as on a board: ``x="ce"``, ``papers=True``. None is as if
            it were not given.

    Raises:
        UsageError: If there is no such figure, or it does not take an option or its value.
        StudyError: If a study is none, or cannot be read.
    """
    from unitsearch.api.trainings import read_record
    from unitsearch.views.figures import COMPARISONS, FIGURES
    from unitsearch.views.figures.options import checked
    from unitsearch.views.pages import write_figure

    given = {key: value for key, value in options.items() if value is not None}
    read = checked(name, given)
    studies = [study] if isinstance(study, str) else list(study)
    if len(studies) > 1 and name not in COMPARISONS:
        raise UsageError(
            f"{name} shows one study", fix=f"several are shown by {', '.join(COMPARISONS)}"
        )
    records = [read_record(name) for name in studies]
    write_figure(FIGURES[name](records if len(records) > 1 else records[0], **read), output_file)
    return output_file


def _silent(progress: Progress) -> None:
    """Report nothing."""
