"""Lists of jobs in a worker: networks of one skeleton train as a pack, others alone.

A member of a pack ends as it would alone, to rounding. It keeps no checkpoint: a kill costs the
pack's training so far.
"""

from __future__ import annotations

import gc
import json
import traceback
from collections.abc import Callable, Iterator, Sequence

import torch

from unitsearch.data.images import Images
from unitsearch.engine.jobs import Job, Outcome
from unitsearch.engine.work import (
    PackSize,
    PreparedJob,
    TrainedNetwork,
    TrainingContext,
    WorkerCache,
    failed,
    initialise_weights,
    is_gpu_lost,
    run_prepared,
    trained_outcome,
    training_context,
)
from unitsearch.errors import UnitSearchError
from unitsearch.network.build import Network, build
from unitsearch.network.plans import AUTO
from unitsearch.packs.skeletons import Skeleton, groups, skeleton
from unitsearch.training.loop import Trained
from unitsearch.training.memory import is_memory
from unitsearch.training.packed.loop import Member, train_pack
from unitsearch.training.packed.sizes import choose_size

Begin = Callable[[Sequence[Job]], None]


def run_jobs(jobs: Sequence[Job], cache: WorkerCache, begin: Begin) -> Iterator[Outcome]:
    """Yield the outcome of each of ``jobs`` as soon as it is known.

    Args:
        jobs: The jobs; each says whether it may train in a pack (``Job.pack``).
        cache: The worker's cache.
        begin: Called with the jobs that begin now: one, or the members of a pack.

    Raises:
        RuntimeError: If the GPU has failed: this process cannot use it any more.
    """
    for group in group_by_skeleton([PreparedJob(job) for job in jobs]):
        left = list(group)
        if len(left) > 1:
            for outcome in _packed(group, cache, begin):
                left = _without(left, outcome)
                yield outcome
        for prepared in left:
            begin([prepared.job])
            yield run_prepared(prepared, cache)


def group_by_skeleton(jobs: Sequence[PreparedJob]) -> list[list[PreparedJob]]:
    """Split ``jobs`` into groups that may train as packs, in order of appearance.

    A job that cannot train in a pack is a group of its own.
    """
    alike: dict[object, list[PreparedJob]] = {}
    for prepared in jobs:
        alike.setdefault(_shared(prepared), []).append(prepared)
    split: list[list[PreparedJob]] = []
    for same in alike.values():
        if len(same) == 1:
            split.append(same)
            continue
        for group in groups([prepared.architecture for prepared in same]):
            split.append([same[i] for i in group.places])
    place = {prepared.job.key: i for i, prepared in enumerate(jobs)}
    return sorted(split, key=lambda group: place[group[0].job.key])


def _shared(prepared: PreparedJob) -> object:
    """Return the settings that members of a pack share; a unique value if the job fits no pack."""
    job = prepared.job
    if job.task != "train" or job.pack == 1 or job.plan != AUTO or job.ladder:
        return job.key
    try:
        _ = prepared.architecture
    except UnitSearchError:  # it fails alone, when its turn comes
        return job.key
    return json.dumps([job.recipe, job.data, job.watch, job.device, job.pack], sort_keys=True)


def _packed(group: Sequence[PreparedJob], cache: WorkerCache, begin: Begin) -> Iterator[Outcome]:
    """Yield the outcomes of jobs that trained as packs; the caller runs the others alone."""
    first = group[0].job
    try:
        context = training_context(first, cache)
        if not isinstance(context.data.train, Images):
            return
        size = _size(group, context, cache)
    except Exception as error:  # alone, each job fails with its own reason, or does not fail
        if is_gpu_lost(error):
            raise
        if not isinstance(error, UnitSearchError):
            traceback.print_exception(error)
        return
    left = list(group)
    while size > 1 and len(left) > 1:
        is_full, size, before = False, min(size, len(left)), len(left)
        try:
            for outcome in _pack(list(left), size, context, begin):
                left = _without(left, outcome)
                yield outcome
        except Exception as error:  # the others must not fail with the one at fault
            if is_gpu_lost(error):
                raise
            is_full = is_memory(error)
            if not is_full:
                traceback.print_exception(error)
                cache.log_once("members of a pack that failed train alone")
                return
        if is_full:  # outside the handler, the error no longer holds the pack's tensors
            gc.collect()
            if first.device == "cuda":
                torch.cuda.empty_cache()
            size //= 2
            if len(left) < before:  # it was enough until members joined: the next list may try
                cache.log_once(f"memory ran out as members joined a pack: {size} for the rest")
            else:
                cache.log_once(f"memory is too small for packs of {2 * size}: {size} from now on")
                cache.sizes[_kind(group, context)] = PackSize(size, size + 1)


def _pack(
    group: Sequence[PreparedJob], size: int, context: TrainingContext, begin: Begin
) -> Iterator[Outcome]:
    """Yield the outcomes of jobs of one skeleton, ``size`` of them in training at a time."""
    jobs = [prepared.job for prepared in group]
    plan = f"pack of {size}, {context.device}"
    networks: dict[int, Network] = {}

    def members() -> Iterator[Member]:
        for number, prepared in enumerate(group):
            job = prepared.job
            if number >= size:
                begin([*(jobs[n] for n in networks), job])
            network = networks[number] = build(context.documented(prepared.architecture))
            generator = initialise_weights(network, job.seed, context.recipe)
            yield Member(network, generator, job.bars)

    begin(jobs[:size])
    for finished in train_pack(
        members(),
        context.data,
        context.recipe,
        size=size,
        augmentation=context.spec.augment,
        watch=context.watched,
        device=context.device,
    ):
        job, network = jobs[finished.number], networks.pop(finished.number)
        if isinstance(finished.result, Trained):
            trained = TrainedNetwork(network, finished.result, plan)
            yield trained_outcome(job, context, trained)
        else:
            yield failed(job, finished.result)


def _size(group: Sequence[PreparedJob], context: TrainingContext, cache: WorkerCache) -> int:
    """Return the number of jobs that train at a time: the jobs' own, or the fastest."""
    kind, wanted = _kind(group, context), group[0].job.pack
    known = cache.sizes.get(kind)
    if wanted is not None:
        return min(wanted, known.found) if known else wanted
    if known and (known.found < known.tried or len(group) <= known.tried):
        return known.found
    architectures = [context.documented(prepared.architecture) for prepared in group]
    size = choose_size(architectures, context.data, context.recipe, context.device, most=len(group))
    if size > len(group) // 2:  # the largest that was tried: one round is better than two
        size = len(group)
    cache.log_once(f"packs of {size}, the fastest by measurement of up to {len(group)}")
    cache.sizes[kind] = PackSize(size, len(group))
    return size


def _kind(group: Sequence[PreparedJob], context: TrainingContext) -> tuple[Skeleton, int]:
    """Return the key of a pack's size: its skeleton and the images of a step."""
    return skeleton(group[0].architecture), context.batch


def _without(jobs: Sequence[PreparedJob], outcome: Outcome) -> list[PreparedJob]:
    return [prepared for prepared in jobs if prepared.job.key != outcome.key]
