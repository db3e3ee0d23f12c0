"""The Ray engine: one long-lived Tune trial per worker, fed with lists of jobs through a mailbox.

Tune places the workers by the resources that they need, replaces a worker that dies and reports its
death; plain actors would need that supervision written here. A Tune trial per network would cost
seconds each, so a trial is a worker, and most of the settings below switch off what Tune does for
trials of other kinds. Jobs and outcomes go through one small actor, the mailbox, which dies with
the driver; every worker watches it and ends when it is gone. Tune's checkpoints and restore are not
used: the study's store already holds every outcome. Ray is imported only when an engine is opened.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shutil
import signal
import socket
import threading
import uuid
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from unitsearch.engine.devices import cores
from unitsearch.engine.jobs import Job, Outcome
from unitsearch.engine.mailbox import Mailbox
from unitsearch.engine.ray_worker import MailboxWorker
from unitsearch.errors import StudyError, UsageError

# Ray's memory for objects on a local cluster: ours are weights of single networks.
_STORE_BYTES = 256 * 2**20
# Ray reads these in the driver's process, the third and fourth when it is imported.
_SETTINGS = {
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # Ray's future default; without it Ray warns
    "RAY_AIR_NEW_OUTPUT": "0",  # the new output prints tables on stdout even with verbose=0
    "RAY_DEDUP_LOGS": "1",  # Ray reads the next variable only if this is on
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".*",  # else Ray prints each death of a worker on stdout
    "RAY_USAGE_STATS_ENABLED": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_FORCE_TRIAL_CLEANUP_S": "5",
}


class RayEngine:
    """Workers on a Ray cluster; see the protocol ``Engine``.

    Args:
        workers: The number of workers; one per CPU of the cluster unless given.
        address: ``auto`` or HOST:PORT of a running cluster; a local one is started unless given.
            Where this process is connected to Ray already, that cluster is used and left running.
        folder: The folder of ``workers.log`` and, while the engine is open, of Tune's own files.
        device: The device that workers train on. On ``cuda`` each has a GPU of the cluster, which
            has as many workers as GPUs unless fewer are asked for.

    Raises:
        UsageError: If ``address`` has another form.
        StudyError: If there is no cluster at ``address``, none can be started, or it has no GPU.
    """

    def __init__(
        self, workers: int | None, address: str | None, folder: Path, device: str = "cpu"
    ) -> None:
        _check(address)
        folder = folder.absolute()
        folder.mkdir(parents=True, exist_ok=True)
        self._tune_folder = folder / "ray"
        shutil.rmtree(self._tune_folder, ignore_errors=True)  # of a driver that was killed
        self._log = folder / "workers.log"
        self._mailbox: Any = None
        self._news: Any = None  # the open call of the mailbox's ``collect``
        self._failure = ""
        self._closed = False
        self._open = contextlib.ExitStack()
        try:
            self._start(workers, address, device)
        except BaseException:
            self.close()
            raise

    def submit(self, jobs: Sequence[Job]) -> None:
        """Queue a list of jobs for one worker; those that may train as packs do."""
        self._mailbox.submit.remote(list(jobs))

    def collect(self, timeout: float) -> list[Outcome]:
        """Return the outcomes that have come, waiting up to ``timeout`` seconds for the first.

        Raises:
            StudyError: If no worker can be had or the cluster is gone.
        """
        import ray

        if self._closed:
            return []
        if self._failure:
            raise StudyError(self._failure)
        if self._news is None:
            self._news = self._mailbox.collect.remote()
        # An interrupt may come here: the call stays open, so that its outcomes are not lost.
        ready, _ = ray.wait([self._news], timeout=max(timeout, 0.001))
        if not ready:
            return []
        try:
            news: tuple[list[Outcome], str, str] = ray.get(self._news)
        except ray.exceptions.RayError as error:
            raise StudyError(f"the Ray cluster is gone ({_first_line(error)})") from None
        self._news = None
        outcomes, printed, self._failure = news
        if printed:
            with self._log.open("a") as log:
                log.write(printed)
        return outcomes

    def close(self) -> None:
        """End all workers; unfinished jobs are given up."""
        if not self._closed:
            self._closed = True
            self._open.close()

    def _start(self, workers: int | None, address: str | None, device: str) -> None:
        os.environ.update(_SETTINGS)
        with _ignored_warnings():
            import ray
            from ray import tune

        self._open.callback(shutil.rmtree, self._tune_folder, ignore_errors=True)
        joined = ray.is_initialized()
        # A caller that had called ray.init keeps its Ray log; Tune's messages go to ours.
        self._open.enter_context(_logged("ray.tune" if joined else "ray", self._log))
        if not joined:
            self._connect(workers, address)
        resources = ray.cluster_resources()  # type: ignore[no-untyped-call]  # as Ray has it
        self.workers = workers or max(int(resources.get("CPU", 1)), 1)
        trainable = _trainable()
        if device == "cuda":
            gpus = int(resources.get("GPU", 0))
            if not gpus:
                raise StudyError("the Ray cluster has no GPU", fix="try engine.device=cpu")
            self.workers = min(workers or gpus, gpus)
            trainable = tune.with_resources(trainable, {"cpu": 1, "gpu": 1})

        name = f"unitsearch-{uuid.uuid4().hex}"
        here = ray.get_runtime_context().get_node_id()
        strategy = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(here, soft=False)
        options = {"name": name, "num_cpus": 0, "scheduling_strategy": strategy}
        self._mailbox = ray.remote(Mailbox).options(**options).remote()
        self._open.callback(ray.kill, self._mailbox)

        ending = threading.Event()
        slots = [
            {"slot": slot, "mailbox": name, "folder": str(Path.cwd())}
            for slot in range(self.workers)
        ]
        tuner = tune.Tuner(
            trainable,
            param_space={"worker": tune.grid_search(slots)},
            tune_config=tune.TuneConfig(
                reuse_actors=True,
                trial_name_creator=_trial_name,
                trial_dirname_creator=_trial_name,
            ),
            run_config=tune.RunConfig(
                name="tune",
                storage_path=str(self._tune_folder),
                stop=_stopper(ending),
                callbacks=[_death_callback(self._mailbox)],
                failure_config=tune.FailureConfig(max_failures=-1),
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                verbose=0,
            ),
        )
        supervisor = threading.Thread(target=self._supervise, args=(tuner,), daemon=True)
        supervisor.start()
        # Called in reverse order: Tune stops, workers are asked to end, and Tune gets time.
        self._open.callback(supervisor.join, 15)
        self._open.callback(self._close_mailbox)
        self._open.callback(ending.set)

    def _connect(self, workers: int | None, address: str | None) -> None:
        import ray

        local: dict[str, Any] = {}
        if address is None:
            local = {
                "num_cpus": workers or len(cores()),
                "include_dashboard": False,
                "object_store_memory": _STORE_BYTES,
            }
        try:
            with _ignored_warnings(), _own_sigterm():
                context: Any = ray.init(
                    address=address or "local",
                    log_to_driver=False,
                    logging_level=logging.WARNING,
                    **local,
                )
        except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
            where = "no local Ray cluster can be started"
            if address is not None:
                where = f"no Ray cluster answers at {address!r}"
            raise StudyError(f"{where} ({_first_line(error)})") from error
        if address is None:  # its logs are worth keeping only if something went wrong
            self._open.callback(self._remove_logs, Path(context.address_info["session_dir"]))
        self._open.callback(ray.shutdown)

    def _close_mailbox(self) -> None:
        import ray

        with contextlib.suppress(ray.exceptions.RayError):
            ray.get(self._mailbox.close.remote(), timeout=5)

    def _remove_logs(self, session: Path) -> None:
        if not self._failure:
            shutil.rmtree(session, ignore_errors=True)

    def _supervise(self, tuner: Any) -> None:
        """Let Tune start and replace workers; runs in a thread of its own until ``close``."""
        reason = "Tune ended"
        try:
            tuner.fit()
        except Exception as error:  # noqa: BLE001  # ``collect`` raises it
            reason = _first_line(error)
        if not self._closed:
            self._mailbox.fail.remote(f"Ray Tune lost its workers ({reason}); see {self._log}")


def _trainable() -> Any:
    from ray import tune

    class Worker(tune.Trainable):  # type: ignore[misc,unused-ignore]  # Ray has no types for it
        """A worker as Tune sees it: a trial whose every step is one list of jobs."""

        def setup(self, config: dict[str, Any]) -> None:
            self._worker = MailboxWorker(**config["worker"])

        def step(self) -> dict[str, Any]:
            return {"done": not self._worker.work()}

        def reset_config(self, new_config: dict[str, Any]) -> bool:
            self._worker.slot = new_config["worker"]["slot"]
            return True

    return Worker


def _death_callback(mailbox: Any) -> Any:
    from ray import tune

    class DeathCallback(tune.Callback):  # type: ignore[misc,unused-ignore]  # Ray has no types for it
        """The report of a dead worker to the mailbox; Tune calls it before it starts another."""

        def on_trial_recover(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
            reason = _last_error(trial.get_error() or "")
            mailbox.worker_died.remote(trial.config["worker"]["slot"], reason)

        on_trial_error = on_trial_recover

    return DeathCallback()


def _stopper(ending: threading.Event) -> Any:
    from ray import tune

    class Closing(tune.Stopper):  # type: ignore[misc,unused-ignore]  # Ray has no types for it
        """The end of the run when the engine is closed."""

        def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
            return False

        def stop_all(self) -> bool:
            return ending.is_set()

        def __reduce__(self) -> Any:  # Tune saves its state for a restore, which is not used
            return (str, ())

    return Closing()


def _trial_name(trial: Any) -> str:
    return f"{trial.config['worker']['slot']:04d}"


def _check(address: str | None) -> None:
    """Refuse an address that is not HOST:PORT or does not answer: Ray would try for minutes."""
    if address is None or address == "auto":
        return
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdecimal():  # Ray's client cannot host Tune's driver
        raise UsageError(place="engine.address", found=address, expected="auto or HOST:PORT")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except (OSError, OverflowError) as error:
        raise StudyError(f"no Ray cluster answers at {address!r} ({error})") from None


def _last_error(text: str) -> str:
    """Return the line of a traceback that names the error."""
    named = re.findall(r"^(?:[\w.]+\.)?(\w+: .+)$", text, re.MULTILINE)
    return named[-1] if named else "no reason given"


def _first_line(error: object) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


@contextlib.contextmanager
def _ignored_warnings() -> Iterator[None]:
    """Ignore the warnings about Ray's own code while it is imported and started."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", category=FutureWarning)
        yield


@contextlib.contextmanager
def _own_sigterm() -> Iterator[None]:
    """Leave SIGTERM to the driver: ``ray.init`` sets a handler of its own."""
    handler = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)


@contextlib.contextmanager
def _logged(name: str, path: Path) -> Iterator[None]:
    """Write the messages of the logger ``name`` to a file instead of the terminal."""
    logger = logging.getLogger(name)
    before, level, propagate = logger.handlers[:], logger.level, logger.propagate
    handler = logging.FileHandler(path, delay=True)
    handler.setLevel(logging.WARNING)
    # Tune warns about missing result files, although it is set to write none.
    handler.addFilter(lambda record: not record.name.startswith("ray.tune.analysis"))
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s: %(message)s"))
    logger.handlers[:], logger.propagate = [handler], False
    try:
        yield
    finally:
        logger.handlers[:], logger.propagate = before, propagate
        logger.setLevel(level)
        handler.close()
