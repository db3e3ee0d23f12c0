"""What a worker does with a list of jobs: networks of one skeleton train as a pack, others alone.

A member of a pack ends as it would alone, to rounding. It keeps no checkpoint: a kill costs the
pack's training so far.
"""

from __future__ import annotations

import gc
import json
import traceback
from collections.abc import Callable, Iterator, Sequence

import torch

from unitsearch.architecture import Architecture, read_architecture
from unitsearch.data.images import Images
from unitsearch.engine.jobs import Job, Outcome
from unitsearch.engine.work import (
    TrainingContext,
    WorkerCache,
    architecture_of,
    failed,
    initialise_weights,
    is_gpu_lost,
    outcome,
    run_job,
    training_context,
)
from unitsearch.errors import UnitSearchError
from unitsearch.network.build import Network, build
from unitsearch.network.plans import AUTO
from unitsearch.packs.skeletons import groups, skeleton
from unitsearch.training.loop import Trained
from unitsearch.training.memory import is_memory
from unitsearch.training.packed.loop import Member, train_pack
from unitsearch.training.packed.sizes import choose_size

Begin = Callable[[Sequence[Job]], None]


def run_jobs(jobs: Sequence[Job], cache: WorkerCache, begin: Begin) -> Iterator[Outcome]:
    """Yield what became of each of ``jobs`` as soon as it is known.

    Args:
        jobs: What is to be done; each says whether it may train in a pack (``Job.pack``).
        cache: The worker's.
        begin: Is told which jobs the worker is at now: one, or the members of a pack.

    Raises:
        RuntimeError: If the GPU has failed, which this process cannot be cured of.
    """
    for party in group_by_skeleton(jobs):
        left = list(party)
        if len(left) > 1:
            for found in _packed(party, cache, begin):
                left = [job for job in left if job.key != (found.number, found.task)]
                yield found
        for job in left:
            begin([job])
            yield run_job(job, cache)


def group_by_skeleton(jobs: Sequence[Job]) -> list[list[Job]]:
    """Return ``jobs`` in those that may train as packs, in order of appearance."""
    alike: dict[object, list[Job]] = {}
    architectures: dict[tuple[int, str], Architecture] = {}
    for job in jobs:
        said: object = job.key
        if job.task == "train" and job.pack != 1 and job.plan == AUTO:
            try:
                architectures[job.key] = read_architecture(job.architecture)
            except UnitSearchError:
                pass  # told when its turn comes, alone
            else:
                shared = [job.recipe, job.data, job.watch, job.device, job.pack]
                said = json.dumps(shared, sort_keys=True)
        alike.setdefault(said, []).append(job)
    found = []
    for same in alike.values():
        if len(same) == 1:
            found.append(same)
            continue
        for group in groups([architectures[job.key] for job in same]):
            found.append([same[i] for i in group.places])
    place = {job.key: i for i, job in enumerate(jobs)}
    return sorted(found, key=lambda party: place[party[0].key])


def _packed(jobs: Sequence[Job], cache: WorkerCache, begin: Begin) -> Iterator[Outcome]:
    """Yield the outcomes of jobs that trained as packs; those of whom nothing is said are left."""
    try:
        context = training_context(jobs[0], cache)
        if not isinstance(context.data.train, Images):
            return
        size = _size(jobs, context, cache)
    except Exception as error:  # each fails by itself, or not at all
        if is_gpu_lost(error):
            raise
        if not isinstance(error, UnitSearchError):
            traceback.print_exception(error)
        return
    left = list(jobs)
    while size > 1 and len(left) > 1:
        is_full, size, before = False, min(size, len(left)), len(left)
        try:
            for found in _pack(list(left), size, context, begin):
                left = [job for job in left if job.key != (found.number, found.task)]
                yield found
        except Exception as error:  # one at fault must not take the others along
            if is_gpu_lost(error):
                raise
            is_full = is_memory(error)
            if not is_full:
                traceback.print_exception(error)
                cache.log_once("members of a pack that failed train alone")
                return
        if is_full:  # out here nothing refers to the pack any more
            gc.collect()
            if jobs[0].device == "cuda":
                torch.cuda.empty_cache()
            size //= 2
            if len(left) < before:  # it was enough until members joined: the next list may try
                cache.log_once(f"memory ran out as members joined a pack: {size} for the rest")
            else:
                cache.log_once(f"memory is too small for packs of {2 * size}: {size} from now on")
                _note(jobs[0], context, cache, size)


def _pack(
    jobs: Sequence[Job], size: int, context: TrainingContext, begin: Begin
) -> Iterator[Outcome]:
    """Yield the outcomes of jobs of one skeleton, ``size`` of them in training at a time."""
    first = jobs[0]
    plan = f"pack of {size}, {first.device}"
    networks: dict[int, Network] = {}

    def members() -> Iterator[Member]:
        for number, job in enumerate(jobs):
            if number >= size:
                begin([*(jobs[n] for n in networks), job])
            networks[number] = build(architecture_of(job, context))
            yield Member(
                networks[number], initialise_weights(networks[number], job.seed, context.recipe)
            )

    begin(jobs[:size])
    for found in train_pack(
        members(),
        context.data,
        context.recipe,
        size=size,
        augmentation=context.spec.augment,
        watch=context.watched(first),
        device=first.device,
    ):
        job, network = jobs[found.number], networks.pop(found.number)
        if isinstance(found.result, Trained):
            yield outcome(job, context, network, found.result, plan)
        else:
            yield failed(job, found.result)


def _size(jobs: Sequence[Job], context: TrainingContext, cache: WorkerCache) -> int:
    """Return how many of ``jobs`` train at a time: as they say, or as is fastest."""
    first = jobs[0]
    known, tried = cache.sizes.get(
        (skeleton(architecture_of(first, context)), context.batch), (0, 0)
    )
    if first.pack is not None:
        return min(first.pack, known or first.pack)
    if known and (known < tried or len(jobs) <= tried):
        return known
    architectures = [architecture_of(job, context) for job in jobs]
    size = choose_size(architectures, context.data, context.recipe, first.device, most=len(jobs))
    if size > len(jobs) // 2:  # the largest that was tried: better one round than two
        size = len(jobs)
    cache.log_once(f"packs of {size}, the fastest by measurement of up to {len(jobs)}")
    _note(first, context, cache, size, len(jobs))
    return size


def _note(
    job: Job, context: TrainingContext, cache: WorkerCache, size: int, tried: int | None = None
) -> None:
    kind = skeleton(architecture_of(job, context)), context.batch
    cache.sizes[kind] = size, size + 1 if tried is None else tried
