"""Links in MLflow what a stage read and made: data sets as inputs, the trained model as output, figures to both.

Knows which of a stage's links MLflow can show; does not know figures' values.

Example::

    lineage = Lineage(tracking, chain_run_id=parent)
    linked = lineage.link(end, run_id=run_id, params=params, computed_by=None)
    tracking.log(run_id, figures=figures, about=linked.subject_of)
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from infra.registry import Registry, TrainedModel
from infra.stage_end import StageEnd
from infra.tracking import Subject, Tracking


@dataclass(frozen=True, slots=True)
class Linked:
    """What a stage's figures are about."""

    model_id: str | None = None
    """The tuned model that the stage made, ran or scored."""
    subject_of: Callable[[str], Subject | None] | None = None
    """For a figure's key; None when no figure is to be linked."""

    @property
    def tags(self) -> dict[str, str]:
        """The run's tags that lead there."""
        return {} if self.model_id is None else {"s1.model_id": self.model_id}


class Lineage:
    """Writes the links of stages, and those that the run of the chain shares."""

    def __init__(self, tracking: Tracking, *, chain_run_id: str | None) -> None:
        self._tracking = tracking
        self._chain_run_id = chain_run_id
        self._registry = Registry(tracking)

    def link(self, end: StageEnd, *, run_id: str, params: Mapping[str, str], computed_by: str | None) -> Linked:
        """Write the links of a stage that ended well.

        Args:
            params: the stage's, for the model that it trained.
            computed_by: the earlier run that computed the result, when it was reused.
        """
        if end.entry.name == "train":
            model_id = self._link_trained(end, run_id, params, computed_by)
        else:
            digest = end.model_digest()
            model_id = self._registry.find(digest) if digest is not None else None
            self._tracking.log_inputs(run_id, end.data_sets(), model_ids=[model_id] if model_id is not None else [])
        if self._chain_run_id is not None:
            shared = [item for item in end.data_sets() if item.context != "input"]
            self._tracking.log_inputs(self._chain_run_id, shared)
        return Linked(model_id, self._subjects(end, model_id))

    def _link_trained(
        self, end: StageEnd, run_id: str, params: Mapping[str, str], computed_by: str | None
    ) -> str | None:
        self._tracking.log_inputs(run_id, end.data_sets())
        digest = end.model_digest()
        if digest is None:
            return None
        model = TrainedModel(digest)
        model_id = self._registry.register(
            model, run_id=computed_by or run_id, params=params, trained_now=not end.reused
        )
        for output_of in [run_id, *([self._chain_run_id] if self._chain_run_id is not None else [])]:
            if end.reused:
                self._tracking.log_inputs(output_of, [], model_ids=[model_id])
            else:
                self._registry.link_output(model_id, output_of)
        return model_id

    def _subjects(self, end: StageEnd, model_id: str | None) -> Callable[[str], Subject | None] | None:
        if model_id is None or (end.reused and self._registry.has_figures_of(model_id, end.entry.name)):
            return None
        data_of = end.data_of_figure()
        return lambda key: Subject(model_id, data_of(key)) if end.is_about_the_tuned(key) else None
