"""Base models made available: pretrained here (nano), found on the hub or on this machine, or a tokenizer alone.

Knows ``s1.models``, ``s1.nano`` and where models lie. Nano models are pretrained side by side, one thread each; each
finished one is kept until the stage ends well, so that a killed stage goes on with the other.

Example::

    metrics = run(stage, base=params.base, seed=params.seed)
    metrics["small"]          # {'kind': 'nano', 'num_parameters': 106688, 'final_losses': {...}, ...}
"""

import json
import re
import shutil
import time
from functools import partial
from pathlib import Path
from typing import Protocol

from infra.parallel import Job, JobProgress, run_parallel
from s1.artifacts import ArtifactWriter, recover_artifact
from s1.config import BaseParams, HubModel, Model, NanoModel, PathModel, TokenizerModel
from s1.model_limits import check_vocabulary
from s1.models import (
    Download,
    ModelSource,
    check_model_folder,
    count_parameters,
    download_from_hub,
    locate_model,
    resolve_model,
    write_pointer,
)
from s1.tokenizer_files import copy_tokenizer
from tasks.paths import BASE_MODELS
from tasks.stage import Metrics, StageContext, fingerprint

_FIGURES = "figures.json"
_MODEL = "model"
_LOSS_IN_NOTE = re.compile(r"(\w+) loss ([0-9.]+)")


def run(stage: StageContext, *, base: BaseParams, seed: int) -> Metrics:
    """Put both base models into the artifact, weights or pointers."""
    models: dict[str, Model] = {"small": base.small, "large": base.large}
    built = pretrain_missing(stage, models, seed=seed)
    metrics: Metrics = {}
    with ArtifactWriter(BASE_MODELS["small"].parent) as artifact:
        for name, model in models.items():
            target = artifact.path(BASE_MODELS[name].name)
            if isinstance(model, NanoModel):
                shutil.copytree(built[name] / _MODEL, target)
                figures = json.loads((built[name] / _FIGURES).read_text(encoding="utf-8"))
                stage.add_quantity(f"pretrain_seconds_{name}", figures.pop("seconds"))
                metrics[name] = {"kind": model.kind, "num_parameters": count_parameters(target), **figures}
            elif isinstance(model, TokenizerModel):
                metrics[name] = place_tokenizer(stage.source_files().path(model.path), model, target)
            else:
                metrics[name] = place_pointer(model, target)
    return metrics


def place_tokenizer(origin: Path, model: TokenizerModel, target: Path) -> Metrics:
    """Make ``target`` a folder with a tokenizer and no weights.

    Raises:
        ModelError: there is none, or it is damaged.
    """
    source = copy_tokenizer(origin, target, named=model.path)
    return {"kind": source.kind, "path": source.path, "tokenizer_sha256": source.files["tokenizer.json"]}


def place_pointer(model: HubModel | PathModel, target: Path, *, download: Download = download_from_hub) -> Metrics:
    """Make ``target`` a pointer to a model of the hub or of this machine.

    Raises:
        ModelError: there is none, or its tokenizer is another model's.
    """
    if isinstance(model, HubModel):
        source = locate_model(repo=model.repo, revision=model.revision, download=download)
        origin = download(source.repo, source.commit)
    else:
        origin = Path(model.path)
        source = ModelSource(kind="path", path=model.path, weights=check_model_folder(origin))
    write_pointer(source, origin=origin, target=target)
    folder = resolve_model(target, download=download)
    check_vocabulary(folder)
    return {**source.model_dump(exclude={"weights"}, exclude_defaults=True), "num_parameters": count_parameters(folder)}


class Pretrainer(Protocol):
    """What pretrains the nano models, in processes of their own: must be picklable."""

    def __call__(self, progress: JobProgress, *, model: NanoModel, seed: int, folder: Path) -> None:
        """Pretrain one model; ``folder`` then holds ``model/`` and ``figures.json``."""
        ...


def pretrain_missing(
    stage: StageContext, models: dict[str, Model], *, seed: int, pretrainer: Pretrainer | None = None
) -> dict[str, Path]:
    """Pretrain the nano models that no killed run has finished; return every nano model's work folder."""
    folders: dict[str, Path] = {}
    jobs: dict[str, Job] = {}
    steps: dict[str, int] = {}
    for index, (name, model) in enumerate(models.items()):
        if isinstance(model, NanoModel):
            model_seed = 2 * seed + index
            folders[name] = stage.open_work(f"{name}-{fingerprint(model, model_seed)}")
            recover_artifact(folders[name])
            steps[name] = model.num_steps if folders[name].exists() else 0
            if not folders[name].exists():
                jobs[name] = partial(pretrainer or pretrain_one, model=model, seed=model_seed, folder=folders[name])
    total = sum(model.num_steps for model in models.values() if isinstance(model, NanoModel))

    def show(name: str, done: int, total_of_job: int, note: str) -> None:
        steps[name] = done
        stage.progress(sum(steps.values()), total, f"{name} {done}/{total_of_job}, {note}")

    run_parallel(jobs, on_progress=show)
    return folders


def pretrain_one(progress: JobProgress, *, model: NanoModel, seed: int, folder: Path) -> None:
    """Pretrain one nano model and save it with its tokenizer and figures; runs in a process of its own."""
    import torch

    from s1.nano.pretrain import NanoModelSpec, pretrain
    from s1.nano.tokenizer import build_tokenizer

    torch.set_num_threads(1)
    losses: dict[str, float] = {}

    def follow(done: int, total: int, note: str) -> None:
        losses.update({what: float(value) for what, value in _LOSS_IN_NOTE.findall(note)})
        progress(done, total, note)

    spec = NanoModelSpec(
        hidden_size=model.hidden_size,
        num_layers=model.num_layers,
        num_heads=model.num_heads,
        intermediate_size=model.intermediate_size,
    )
    started = time.monotonic()
    network = pretrain(
        spec=spec,
        seed=seed,
        max_steps=model.num_steps,
        batch_size=model.batch_size,
        learning_rate=model.learning_rate,
        direct_weight=model.direct_weight,
        progress=follow,
    )
    figures = {"num_steps": model.num_steps, "final_losses": losses, "seconds": time.monotonic() - started}
    with ArtifactWriter(folder) as artifact:
        network.save_pretrained(artifact.path(_MODEL))
        build_tokenizer().save_pretrained(artifact.path(_MODEL))
        artifact.path(_FIGURES).write_text(json.dumps(figures), encoding="utf-8")
