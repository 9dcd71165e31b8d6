"""The groups of stages that people run by themselves: curate, distill, train, evaluate; and the whole chain.

Knows names of stages only (``tests/house`` holds them to ``dvc.yaml``); what a stage needs from before comes from DVC's
graph.

Example::

    GROUPS["train"].stages          # ('tokenize', 'train')
"""

from dataclasses import dataclass

CHAIN = "s1"
"""Name of the flow that runs everything."""


@dataclass(frozen=True, slots=True)
class Group:
    """Stages that belong together."""

    stages: tuple[str, ...]
    purpose: str
    """One sentence for the deployment's page."""


GROUPS = {
    "curate": Group(("base", "collect", "curate"), "Base models and a clean pool of questions."),
    "distill": Group(
        ("attempt", "distill", "classify", "select"), "The teacher's traces on the hard questions, and the selection."
    ),
    "train": Group(("tokenize", "train"), "The tuned model from the selection."),
    "evaluate": Group(("generate", "score", "report"), "Forced decoding over budgets and Waits, scores, the report."),
}
