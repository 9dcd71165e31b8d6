"""Which stages a run needs, in which order, and which of them are stale: all three as DVC's graph has it.

Knows DVC's Python interface; does not run anything. Importing DVC takes most of a second, so it happens inside.

Example::

    order_stages(["train"], with_upstream=True)     # ['base', 'collect', …, 'tokenize', 'train']
    stale_stages(["base", "collect"])               # ['collect']: what `dvc repro` would run of these
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from infra.pipeline import PipelineError, read_pipeline
from infra.settings import STATE_FOLDER


class OrderError(ValueError):
    """DVC cannot read this folder; the message says why."""


def order_stages(chosen: Sequence[str] = (), *, with_upstream: bool = False) -> list[str]:
    """Stages to run, each after those it needs; ties in the order of ``dvc.yaml``.

    Args:
        chosen: these stages only; none means all.
        with_upstream: and what they need, directly or not.

    Raises:
        PipelineError: a chosen stage does not exist.
        OrderError: DVC refuses the folder.
    """
    import networkx

    position = {name: number for number, name in enumerate(read_pipeline())}
    unknown = [name for name in chosen if name not in position]
    if unknown:
        raise PipelineError(f"there is no stage {', '.join(unknown)}; stages: {', '.join(position)}")
    graph = _graph()
    wanted = set(chosen) or set(position)
    if with_upstream:
        wanted |= {needed for name in set(wanted) for needed in networkx.descendants(graph, name)}
    order = networkx.lexicographical_topological_sort(graph.reverse(), key=lambda name: position.get(name, 0))
    return [name for name in order if name in position and name in wanted]


def stale_stages(stages: Sequence[str]) -> list[str]:
    """Those of the stages that DVC would run: changed ones, and whatever comes after a changed one.

    A stage whose inputs change only because of a stage before it may turn out the same: then it is not run after all.
    """
    import networkx
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    graph = _graph()
    try:
        with Repo() as repo:
            changed = [name for name in repo.status() if name in graph]
    except DvcException as error:
        raise OrderError(f"DVC refuses this folder: {error}") from error
    after = {later for name in changed for later in networkx.ancestors(graph, name)}
    return [name for name in stages if name in after or name in changed]


def _graph() -> Any:
    """Stage -> the stages that it needs."""
    import networkx
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo() as repo:
            return networkx.relabel_nodes(repo.index.graph, lambda stage: stage.addressing)
    except DvcException as error:
        raise OrderError(f"DVC refuses this folder: {error}") from error


def mend_lock(path: Path) -> str | None:
    """Move a ``dvc.lock`` aside that a killed DVC has left half written (DVC writes it in place); say so if it was.

    Nothing is computed again for it: DVC's run cache knows the outputs of every stage that has ended.
    """
    if not path.is_file() or is_whole(path):
        return None
    broken = STATE_FOLDER / "dvc.lock.broken"
    path.replace(broken)
    return f"{path} was cut short by a run that was killed; it now lies in {broken}, and DVC makes a new one."


def is_whole(lock: Path) -> bool:
    """Whether a ``dvc.lock`` is there and complete."""
    try:
        content = yaml.safe_load(lock.read_text(encoding="utf-8"))
        entries = [item for stage in content["stages"].values() for item in stage.get("outs", [])]
        return bool(entries) and all(item["path"] and item["md5"] and item["size"] is not None for item in entries)
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError, UnicodeDecodeError):
        return False
