"""What a stage that ended well leaves for MLflow: its figures, their cost, and the versions of what it read and wrote.

Knows the files of a finished stage (``metrics/``, ``ledger/``, ``dvc.lock``); does not know MLflow.

Example::

    end = StageEnd(find_stage("train"), reused=False, versions=Versions.read(), is_locked=True)
    end.tags()              # {'dvc.out_md5': '833a…dir', 'dvc.ledger_md5': 'f9ac…', 'reused': 'false'}
    end.figures()           # [CurvePoint(key='loss/last_epoch', step=0, value=0.04), …]
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.figures import CurvePoint, curve_points, flatten_metrics, headline_figures
from infra.pipeline import StageEntry
from infra.prices import SECONDS_PER_HOUR, ModelDollars
from infra.versions import RUN_IDENTITY, TUNED, DataSet, Versions, data_sets, hash_path
from s1 import records
from s1.artifacts import ArtifactError
from s1.comparing.identity import identity_tags, read_run_identity
from s1.not_run import is_not_run

_PAGES = (Path("reports/report.html"), Path("reports/transcripts.html"))
_CHARTS = Path("reports/charts")


@dataclass(frozen=True, slots=True)
class StageEnd:
    """A stage that ended well."""

    entry: StageEntry
    reused: bool
    """DVC took the result as it was."""
    versions: Versions
    is_locked: bool
    """Whether DVC has ended too: then its lock speaks of this execution. Else the bytes are hashed."""

    @property
    def not_run(self) -> bool:
        """Whether the profile leaves the stage out: then it read and made nothing."""
        return self._metrics_path.is_file() and is_not_run(_read_json(self._metrics_path))

    def tags(self) -> dict[str, str]:
        """Where the result is in DVC, versions that nobody knows left out; of ``generate`` also what decoded."""
        if self.not_run:
            return {"s1.state": "not_run", "reused": "true" if self.reused else "false"}
        out = self.entry.outs[0] if self.entry.outs else None
        versions = {
            "dvc.out_md5": self._version_of_out(out) if out is not None else None,
            "dvc.ledger_md5": hash_path(self._ledger_path),
        }
        known = {name: version for name, version in versions.items() if version is not None}
        return {**known, **self._identity_tags(), "reused": "true" if self.reused else "false"}

    def data_sets(self) -> list[DataSet]:
        """What it read under ``data/`` and ``models/``."""
        return [] if self.not_run else data_sets(self.entry, self._version_of_dep)

    def model_digest(self) -> str | None:
        """Version of the tuned model that the stage made, ran, or scored; None where it has no part in it."""
        if self.not_run:
            return None
        if self.entry.name == "train":
            return self._version_of_out(TUNED)
        if self.entry.name == "generate":
            return self._version_of_dep(TUNED)
        # The scored answers are those of the model that `generate` read, whatever was trained since.
        return self.versions.of_dep("generate", TUNED) if self.entry.name == "score" else None

    def ledger(self) -> dict[str, float]:
        """Quantities that cost money."""
        ledger: dict[str, float] = _read_json(self._ledger_path)
        return ledger

    def figures(self) -> list[CurvePoint]:
        """Everything in ``metrics/<stage>.json``; a score's names are the same in the run of the chain."""
        metrics = _read_json(self._metrics_path)
        if self.not_run or self.entry.name != "score":
            return single_figures(flatten_metrics(metrics))
        return [*single_figures(flatten_metrics(metrics, "score")), *curve_points(metrics)]

    def chain_figures(self) -> list[CurvePoint]:
        """What the run of the chain shows of it."""
        if self.not_run or self.entry.name != "score":
            return []
        metrics = _read_json(self._metrics_path)
        return [*single_figures(headline_figures(metrics)), *curve_points(metrics)]

    def files(self) -> list[Path]:
        """Small files to keep with the run."""
        identity = [RUN_IDENTITY] if self._has_identity else []
        return [self._metrics_path, self._ledger_path, *identity, *self.pages()]

    def pages(self) -> list[Path]:
        """What people open: the report, its transcripts and its charts; the run of the chain keeps them too."""
        return [*_PAGES, *sorted(_CHARTS.glob("*.svg"))] if self.entry.name == "report" else []

    def data_of_figure(self) -> Callable[[str], DataSet | None]:
        """For the key of a figure about the tuned model, the data set that it was measured on."""
        by_context = {item.context: item for item in self.data_sets()}
        if self.entry.name == "train":
            return lambda key: by_context.get("training") if key.startswith("loss/") else None
        return lambda _: by_context.get("evaluation")

    def is_about_the_tuned(self, key: str) -> bool:
        """Whether a figure says something about the tuned model."""
        if self.entry.name == "train":
            return True
        # `curve` beside the models speaks of the tuned one too.
        is_curve = key.endswith(f".{records.TUNED}")
        return self.entry.name == "score" and (is_curve or key.split("/")[2:3] in ([records.TUNED], ["curve"]))

    @property
    def _has_identity(self) -> bool:
        return self.entry.name == "generate" and RUN_IDENTITY.is_file() and not self.not_run

    def _identity_tags(self) -> dict[str, str]:
        try:
            return identity_tags(read_run_identity(RUN_IDENTITY)) if self._has_identity else {}
        except ArtifactError:  # of another version of this project; its result may still be reused
            return {}

    @property
    def _metrics_path(self) -> Path:
        return Path(f"metrics/{self.entry.name}.json")

    @property
    def _ledger_path(self) -> Path:
        return Path(f"ledger/{self.entry.name}.json")

    def _version_of_dep(self, path: Path) -> str | None:
        locked = self.versions.of_dep(self.entry.name, path) if self.is_locked else None
        return locked or hash_path(path)

    def _version_of_out(self, path: Path) -> str | None:
        locked = self.versions.of_out(self.entry.name, path) if self.is_locked else None
        return locked or hash_path(path)


def single_figures(figures: Mapping[str, float]) -> list[CurvePoint]:
    """Figures that belong to no step."""
    return [CurvePoint(name, 0, value) for name, value in figures.items()]


def cost_figures(
    ledger: Mapping[str, float], *, dollars: float | None, models: ModelDollars | None = None
) -> list[CurvePoint]:
    """Quantities of a ledger, in hours too, and their price, where it is known.

    Args:
        models: the part of it that went to language models.
    """
    hours = {
        f"cost/{kind}_hours": ledger[f"{kind}_seconds"] / SECONDS_PER_HOUR
        for kind in ("cpu", "gpu")
        if f"{kind}_seconds" in ledger
    }
    price = {} if dollars is None else {"cost/usd": dollars}
    if models is not None and models.dollars and not models.unpriced:
        price["cost/models_usd"] = models.dollars
    return single_figures({**flatten_metrics(ledger, "cost"), **hours, **price})


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
