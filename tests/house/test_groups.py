"""The groups that the UI offers are the stages of dvc.yaml, each once, in order."""

from pathlib import Path

from flows.groups import GROUPS
from infra.pipeline import read_pipeline

ROOT = Path(__file__).parents[2]


def test_the_groups_together_are_the_chain() -> None:
    stages = [stage for group in GROUPS.values() for stage in group.stages]
    assert stages == list(read_pipeline(ROOT / "dvc.yaml"))
