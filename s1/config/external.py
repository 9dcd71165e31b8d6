"""Which files from outside the project ``params.yaml`` names, stage by stage.

Knows which keys are paths of data; what the files are like is ``s1.sources.manifest``.

Example::

    external_paths(params)      # {'base': [], 'collect': ['$S1_DATA/math/train.jsonl.gz'], 'attempt': [], ...}
"""

from collections.abc import Iterator

from s1.config.decoding import RecordedEngine
from s1.config.kinds import (
    FilesSource,
    HashedBenchmark,
    HubSource,
    JsonlSource,
    KnownBenchmark,
    PoolSource,
    ProceduralSource,
    ReplayTeacher,
    TokenizerModel,
)
from s1.config.params import Params

AnySource = ProceduralSource | JsonlSource | FilesSource | PoolSource | HubSource | KnownBenchmark | HashedBenchmark


def external_paths(params: Params) -> dict[str, list[str]]:
    """The files and folders of each stage that reads any, as ``params.yaml`` writes them, each once, in its order.

    A hub source's ``repo`` is among them: it may be a folder, or a name on the hub, which only the disk can tell.
    Weights are not: hashing them at every start would take minutes.
    """
    named = {
        "base": _of_base(params),
        "collect": _of_collect(params),
        "attempt": _of_attempt(params),
        "distill": _of_distill(params),
    }
    return {stage: list(dict.fromkeys(paths)) for stage, paths in named.items()}


def hub_names(params: Params) -> set[str]:
    """Those of them that may be names on the hub."""
    sources = [*params.collect.sources, *params.collect.benchmarks, *params.collect.held_out]
    return {source.repo for source in sources if isinstance(source, HubSource)}


def _of_base(params: Params) -> Iterator[str]:
    for model in (params.base.small, params.base.large):
        if isinstance(model, TokenizerModel):
            yield model.path


def _of_collect(params: Params) -> Iterator[str]:
    for source in [*params.collect.sources, *params.collect.benchmarks, *params.collect.held_out]:
        yield from _of_source(source)


def _of_source(source: AnySource) -> Iterator[str]:
    match source:
        case FilesSource():
            yield from source.paths
        case HubSource():
            yield source.repo
        case JsonlSource() | HashedBenchmark():
            yield source.path
        case PoolSource() | KnownBenchmark() if source.path is not None:
            yield source.path


def _of_attempt(params: Params) -> Iterator[str]:
    engine = params.attempt.engine
    if isinstance(engine, RecordedEngine):
        for file in [*engine.small, *engine.large]:
            yield file.path


def _of_distill(params: Params) -> Iterator[str]:
    if isinstance(params.distill.teacher, ReplayTeacher):
        for file in params.distill.teacher.files:
            yield file.path
            if file.join is not None:
                yield file.join
