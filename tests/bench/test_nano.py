"""The nano chains' tables, from scores as a chain leaves them: every setting that the profile has."""

from pathlib import Path

import pytest

from bench.nano import Chain, print_comparison, print_recipe
from s1.artifacts import ArtifactWriter
from s1.config import load_params
from s1.forcing import settings_of
from s1.records import Score
from tasks.paths import SCORES
from tests.scoring.rows import make_score

NANO = Path(__file__).parents[2] / "profiles/nano.yaml"


def scores(*, seed: int) -> list[Score]:
    """Four questions under every setting of the nano profile; the direct answers are all wrong."""
    generate = load_params(NANO).generate
    rows = [
        make_score(f"q{index}", "right" if index < 2 + seed else "wrong", setting=spec.name, sample=sample)
        for spec in settings_of(generate, max_thinking_tokens=384)
        for sample in range(generate.num_parallel if spec.name == "parallel" else 1)
        for index in range(4)
    ]
    return rows + [make_score(f"q{index}", "wrong", setting="direct", model="base") for index in range(4)]


def chain(folder: Path, *, seed: int, recipe: str) -> Chain:
    (folder / SCORES).parent.parent.mkdir(parents=True)
    with ArtifactWriter((folder / SCORES).parent) as artifact:
        artifact.write_jsonl(SCORES.name, scores(seed=seed))
    return Chain(seed, recipe, folder)


def test_every_setting_of_the_profile_has_its_row_in_the_order_of_the_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    print_recipe("s1", [chain(tmp_path / str(seed), seed=seed, recipe="s1") for seed in (0, 1)])
    printed = capsys.readouterr().out
    rows = [line.split(" | ") for line in printed.splitlines() if line.startswith("| ")]
    names = [row[0].removeprefix("| ") for row in rows[1 : rows.index(next(r for r in rows if "difference" in r[0]))]]
    assert names == [
        "base", "max-16", "max-64", "max-96", "max-128", "max-256", "wait-0", "wait-1", "wait-2", "wait-4",
        "exact-128", "silent-2", "parallel",
    ]  # fmt: skip
    assert "| parallel | 50.0 | 75.0 | 62.5 (" in printed
    assert "| max-256 - base | +50.0 | +75.0 | +62.5 |" in printed


def test_two_recipes_are_compared_at_every_setting_of_the_tuned_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chains = [chain(tmp_path / recipe, seed=0, recipe=recipe) for recipe in ("s1", "random")]
    print_comparison(chains, "s1", "random")
    printed = capsys.readouterr().out
    assert "| silent-2 | +0.0 | +0.0 (" in printed
    assert "| base |" not in printed
