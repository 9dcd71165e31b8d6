"""The nano chain over several seeds and data recipes: whether the effect holds, and whether selection matters.

Every (seed, recipe) is a whole chain by ``dvc repro`` in a workspace of its own under ``.s1/bench``; the workspaces
share DVC's cache, so recipes of one seed share everything up to ``select``. Run again, it only prints. Seeds change
the base models, the pool and the benchmark questions alike, so the unit of chance is one question of one seed.

Example::

    python -m bench.nano --seeds 1 2 3 --recipes s1 random
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from infra.workspace import create_workspace
from s1.artifacts import read_jsonl
from s1.metrics.estimates import Estimate, estimate_difference, estimate_mean
from s1.metrics.paired import mean_outcomes, outcomes_of
from s1.records import BASE, Score
from s1.setting_names import parse_setting, place_of
from tasks.paths import LEDGER_FOLDER, SCORES

ROOT = Path(__file__).parents[1]
FOLDER = Path(".s1/bench")
NUM_RESAMPLES = 10_000
CONFIDENCE = 0.95

Key = tuple[int, str]
"""Seed and question."""


@dataclass(frozen=True, slots=True)
class Chain:
    """One finished chain."""

    seed: int
    recipe: str
    folder: Path

    def correct(self) -> dict[str, dict[Key, float]]:
        """Setting (``base`` for the base model) -> question -> share of right samples."""
        rows: dict[str, list[Score]] = {}
        for score in read_jsonl(self.folder / SCORES, Score):
            rows.setdefault(BASE if score.model == BASE else score.setting, []).append(score)
        return {
            setting: {(self.seed, key): value for key, value in mean_outcomes(outcomes_of(of_setting)).items()}
            for setting, of_setting in rows.items()
        }

    def wall_seconds(self) -> float:
        """Sum of the stages' wall seconds, as their ledgers have them (stages taken from the cache included)."""
        ledgers = (self.folder / LEDGER_FOLDER).glob("*.json")
        return sum(float(json.loads(path.read_text(encoding="utf-8"))["wall_seconds"]) for path in ledgers)


def main(argv: Sequence[str]) -> int:
    """Run what is missing and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.nano", description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--recipes", nargs="+", default=["s1", "random"])
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=JSON", help="further parameters, dotted")
    parser.add_argument("--label", default="nano", help="name of the workspaces, one for each set of parameters")
    arguments = parser.parse_args(argv)
    overrides = {key: json.loads(value) for key, value in (pair.split("=", 1) for pair in arguments.set)}
    chains = [
        run_chain(seed, recipe, label=arguments.label, overrides=overrides)
        for seed in arguments.seeds
        for recipe in arguments.recipes
    ]
    for recipe in arguments.recipes:
        print_recipe(recipe, [chain for chain in chains if chain.recipe == recipe])
    for recipe in arguments.recipes[1:]:
        print_comparison(chains, arguments.recipes[0], recipe)
    return 0


def run_chain(seed: int, recipe: str, *, label: str, overrides: Mapping[str, object]) -> Chain:
    """Bring one chain up to date with ``dvc repro``."""
    folder = FOLDER / f"{label}-seed{seed}-{recipe}"
    # The ablation recipes draw from all questions, as the paper's do, not only from the hard ones.
    scope = {"distill.scope": "all", "classify.scope": "all"}
    changes = {**scope, **overrides, "seed": seed, "select.recipe": recipe}
    create_workspace(folder, source=ROOT, overrides=changes, cache=ROOT / ".dvc/cache")
    print(f"# seed {seed}, recipe {recipe}: {folder}", file=sys.stderr, flush=True)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    subprocess.run(
        [sys.executable, "-m", "dvc", "repro", "-q"], cwd=folder, env={**os.environ, "PATH": path}, check=True
    )
    return Chain(seed, recipe, folder)


def pool(chains: Sequence[Chain]) -> dict[str, dict[Key, float]]:
    """Points of several seeds together."""
    points: dict[str, dict[Key, float]] = {}
    for chain in chains:
        for setting, correct in chain.correct().items():
            points.setdefault(setting, {}).update(correct)
    return points


def difference(first: Mapping[Key, float], second: Mapping[Key, float]) -> Estimate:
    """Paired difference over the questions of all seeds."""
    keys = sorted(first)
    if keys != sorted(second):
        raise ValueError("the two points were not decoded on the same questions")
    ones, others = [first[key] for key in keys], [second[key] for key in keys]
    estimate = estimate_difference(ones, others, num_resamples=NUM_RESAMPLES, confidence=CONFIDENCE, seed=0)
    assert estimate is not None, "a chain has scores"
    return estimate


def print_recipe(recipe: str, chains: Sequence[Chain]) -> None:
    """Accuracy of every setting by seed and pooled, then the lines of the bar with paired standard errors."""
    by_seed = {chain.seed: chain.correct() for chain in chains}
    pooled = pool(chains)
    print(f"\nRecipe {recipe}: accuracy in percent, {len(next(iter(pooled.values())))} questions pooled\n")
    print("| setting | " + " | ".join(f"seed {seed}" for seed in by_seed) + " | pooled (95% interval) |")
    print("|---|" + "---:|" * (len(by_seed) + 1))
    for setting in _ordered(pooled):
        values = list(pooled[setting].values())
        mean = estimate_mean(values, num_resamples=NUM_RESAMPLES, confidence=CONFIDENCE, seed=0)
        assert mean is not None, "a chain has scores"
        cells = [f"{100 * fmean(points[setting].values()):.1f}" for points in by_seed.values()]
        interval = f"{100 * mean.value:.1f} ({100 * mean.low:.1f} to {100 * mean.high:.1f})"
        print(f"| {setting} | " + " | ".join(cells) + f" | {interval} |")
    print("\n| difference, points | " + " | ".join(f"seed {seed}" for seed in by_seed) + " | pooled | paired SE |")
    print("|---|" + "---:|" * (len(by_seed) + 2))
    for name, first, second in _pairs(pooled):
        cells = [_signed(difference(points[first], points[second])) for points in by_seed.values()]
        estimate = difference(pooled[first], pooled[second])
        print(f"| {name} | " + " | ".join(cells) + f" | {_signed(estimate)} | {_error(estimate)} |")
    minutes = ", ".join(f"{chain.wall_seconds() / 60:.1f}" for chain in chains)
    print(f"\nMinutes in stages, by seed: {minutes}")


def print_comparison(chains: Sequence[Chain], first: str, second: str) -> None:
    """Two recipes at every setting, paired by question, by seed and pooled.

    The interval resamples questions; that another training run would differ shows in the spread over seeds.
    """
    ones = {chain.seed: chain.correct() for chain in chains if chain.recipe == first}
    others = {chain.seed: chain.correct() for chain in chains if chain.recipe == second}
    all_ones = pool([chain for chain in chains if chain.recipe == first])
    all_others = pool([chain for chain in chains if chain.recipe == second])
    print(f"\nRecipe {first} minus {second}, points\n")
    print("| setting | " + " | ".join(f"seed {seed}" for seed in ones) + " | pooled (95% interval over questions) |")
    print("|---|" + "---:|" * (len(ones) + 1))
    for setting in _ordered(all_ones):
        if setting != BASE:
            cells = [_signed(difference(ones[seed][setting], others[seed][setting])) for seed in ones]
            pooled = difference(all_ones[setting], all_others[setting])
            interval = f"{_signed(pooled)} ({100 * pooled.low:+.1f} to {100 * pooled.high:+.1f})"
            print(f"| {setting} | " + " | ".join(cells) + f" | {interval} |")


def _pairs(points: Mapping[str, object]) -> list[tuple[str, str, str]]:
    """The comparisons of the bar: each budget with the one below, the largest with the smallest and base, Waits."""
    kinds = {name: parse_setting(name).kind for name in _ordered(points)}
    budgets, waits = ([name for name in kinds if kinds[name] == kind] for kind in ("budget", "wait"))
    pairs = [(f"{upper} - {lower}", upper, lower) for lower, upper in itertools.pairwise(budgets)]
    pairs.append((f"{budgets[-1]} - {budgets[0]}", budgets[-1], budgets[0]))
    pairs.append((f"{budgets[-1]} - {BASE}", budgets[-1], BASE))
    return pairs + [(f"{name} - {waits[0]}", name, waits[0]) for name in waits[1:]]


def _ordered(points: Mapping[str, object]) -> list[str]:
    """The base model first, then every setting as the report orders them."""
    return sorted(points, key=lambda name: (name != BASE, place_of(name)))


def _signed(estimate: Estimate) -> str:
    return f"{100 * estimate.value:+.1f}"


def _error(estimate: Estimate) -> str:
    return "-" if estimate.standard_error is None else f"{100 * estimate.standard_error:.1f}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
