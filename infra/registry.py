"""The trained model in MLflow: a logged model linked to its data and figures, and a version of the registered ``s1``.

Knows MLflow's models; does not know runs' figures. The weights stay in DVC: a model is named and found by the md5 of
``models/train/tuned``, so that the same weights are one model however often, and from whichever workspace, a run meets
them. The alias ``challenger`` points to the newest that was trained; ``champion`` is for people to give.

Example::

    registry = Registry(tracking)
    registry.register(TrainedModel("fdd8c1b9….dir"), run_id=run_id, params={}, trained_now=True)    # 'm-4f1c…'
    registry.find("fdd8c1b9….dir")                                                                  # the same
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from infra.tracking import Tracking
from infra.versions import TUNED, dvc_uri

REGISTERED_MODEL = "s1"
CHALLENGER = "challenger"
_DIGEST = "dvc.out_md5"
_VERSIONS = "mlflow.modelVersions"
"""The tag by which MLflow's UI leads from a logged model to its registered versions. A server sets it; MLflow's client
does not when it writes to a database directly."""


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """Weights in one version."""

    digest: str
    """DVC's md5 of ``models/train/tuned``."""

    @property
    def uri(self) -> str:
        """The address that leads to the weights in DVC."""
        return dvc_uri(TUNED, self.digest)

    @property
    def name(self) -> str:
        """Unique, and short enough for a chart's legend."""
        return f"tuned-{self.digest[:7]}"


class Registry:
    """Logged models of one experiment, and the registered model that they are versions of."""

    def __init__(self, tracking: Tracking) -> None:
        self._client = tracking.client
        self._experiment_id = tracking.experiment_id

    def find(self, digest: str) -> str | None:
        """The id of the logged model with these weights."""
        wanted = f"tags.`{_DIGEST}` = '{digest}'"
        found = self._client.search_logged_models([self._experiment_id], filter_string=wanted, max_results=1)
        return str(found[0].model_id) if found else None

    def register(self, model: TrainedModel, *, run_id: str, params: Mapping[str, str], trained_now: bool) -> str:
        """See to it that the model is logged and registered, and return its id.

        Args:
            run_id: the run of the stage that trained it.
            trained_now: the run has just trained it, which makes it the challenger; else it was met again.
        """
        model_id = self.find(model.digest)
        if model_id is None:
            logged = self._client.create_logged_model(
                self._experiment_id,
                name=model.name,
                source_run_id=run_id,
                tags={_DIGEST: model.digest, "dvc.uri": model.uri},
                params=dict(params),
                model_type="causal language model",
            )
            model_id = str(logged.model_id)
            self._client.finalize_logged_model(model_id, "READY")
        version = self._find_version(model.digest)
        if version is None:
            version = self._create_version(model, model_id, run_id)
        elif not trained_now:
            return model_id
        self._client.set_registered_model_alias(REGISTERED_MODEL, CHALLENGER, version)
        return model_id

    def link_output(self, model_id: str, run_id: str) -> None:
        """Say that a run made the model."""
        from mlflow.entities import LoggedModelOutput

        self._client.log_outputs(run_id, [LoggedModelOutput(model_id, 0)])

    def has_figures_of(self, model_id: str, stage: str) -> bool:
        """Whether figures of this stage are linked to the model already: those of ``train`` or those of ``score``."""
        figures = self._client.get_logged_model(model_id).metrics or []
        prefix = "cost/" if stage == "train" else "score/"
        return any(figure.key.startswith(prefix) for figure in figures)

    def _find_version(self, digest: str) -> str | None:
        found = self._client.search_model_versions(f"name='{REGISTERED_MODEL}' and tags.`{_DIGEST}`='{digest}'")
        return str(found[0].version) if found else None

    def _create_version(self, model: TrainedModel, model_id: str, run_id: str) -> str:
        from mlflow.exceptions import MlflowException

        try:
            self._client.create_registered_model(
                REGISTERED_MODEL, description="Models of the s1 recipe. The weights lie in DVC: `dvc pull` brings them."
            )
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        place = f"#/experiments/{self._experiment_id}/models/{model_id}"
        created = self._client.create_model_version(
            REGISTERED_MODEL,
            model.uri,
            run_id=run_id,
            model_id=model_id,
            tags={_DIGEST: model.digest, "s1.model_id": model_id},
            description=f"The [logged model]({place}), its data and figures.",
        )
        if _VERSIONS not in self._client.get_logged_model(model_id).tags:
            versions = [{"name": REGISTERED_MODEL, "version": int(created.version)}]
            self._client.set_logged_model_tags(model_id, {_VERSIONS: json.dumps(versions)})
        return str(created.version)
