"""What the comparison with TRL rests on: rates from what ranks wrote, same losses, and the message without TRL."""

import json
from pathlib import Path

import pytest

from bench.ranks import RankError
from bench.throughput import (
    Trial,
    Work,
    choose,
    find_python,
    largest_difference,
    plan_work,
    print_ratio,
    read_trial,
    run_ours,
    run_trl,
)
from bench.trl_rank import VARIANTS, read_rows
from s1.config import load_params
from s1.training.examples import write_examples
from tests.training.tiny import make_examples, make_spec

PARAMS = load_params(Path(__file__).parents[2] / "profiles/nano.yaml")


@pytest.fixture
def work(tmp_path: Path) -> Work:
    write_examples(tmp_path / "examples.parquet", make_examples(40))
    return plan_work(tmp_path, tmp_path / "examples.parquet", params=PARAMS, num_steps=5)


def trial(*, losses: tuple[float, ...] = (1.0, 2.0), seconds: float = 1.0) -> Trial:
    return Trial(losses, seconds=seconds, cpu_seconds=2 * seconds, num_tokens=100, num_targets=80, versions={"x": "1"})


def test_the_work_is_the_first_steps_of_the_recipe_with_their_tokens(work: Work) -> None:
    lengths = {example.question_id: example for example in make_examples(40)}
    assert len(work.order) == 80
    assert len(set(work.order[:40])) == 40
    assert work.num_tokens[0] == sum(len(lengths[name].input_ids) for name in work.order[:16])
    assert work.num_targets[0] == work.num_tokens[0] - 16 * 2  # prompts of two tokens


def test_rates_leave_the_first_steps_out_and_wait_for_the_last_rank(work: Work) -> None:
    ranks = [
        {"ends": [1.0, 2.0, 3.0, 4.0, 5.0], "cpu": [0.5, 1.0, 1.5, 2.0, 2.5], "losses": [1.0] * 5, "versions": {}},
        {"ends": [1.5, 2.5, 3.5, 4.5, 7.5], "cpu": [0.5, 1.0, 1.5, 2.5, 3.5], "losses": [1.0] * 5, "versions": {}},
    ]
    found = read_trial(ranks, work)
    assert (found.seconds, found.cpu_seconds) == (4.0, 3.0)
    assert found.tokens_per_second == sum(work.num_tokens[3:]) / 4.0
    assert found.targets_per_second == sum(work.num_targets[3:]) / 4.0
    assert found.tokens_per_cpu_second == sum(work.num_tokens[3:]) / 3.0


def test_the_fastest_variant_with_our_losses_is_compared_with() -> None:
    trials = {
        "slow": trial(seconds=4.0),
        "fast": trial(losses=(1.0, 2.0005), seconds=2.0),
        "wrong": trial(losses=(1.0, 2.5), seconds=1.0),
    }
    assert largest_difference(trials["wrong"], trial()) == 0.5
    assert choose(trials, trial()) == "fast"


def test_without_a_variant_that_has_our_losses_nothing_is_compared() -> None:
    with pytest.raises(RankError, match="different work"):
        choose({"wrong": trial(losses=(1.0, 2.5))}, trial())


def test_the_ratio_is_printed_with_its_spread(capsys: pytest.CaptureFixture[str]) -> None:
    print_ratio(
        [trial(seconds=1.0), trial(seconds=1.0), trial(seconds=1.0)],
        [trial(seconds=2.0), trial(seconds=1.5), trial(seconds=3.0)],
        variant="padded",
    )
    shown = capsys.readouterr().out
    assert "| median (range) | 100 | 50 | 2.00 (1.50–3.00) | 2.00 (1.50–3.00) |" in shown
    assert "ours 80, TRL 40" in shown


def test_a_missing_environment_of_trl_is_told_with_how_to_make_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("S1_TRL_PYTHON", str(tmp_path / "python"))
    with pytest.raises(RankError, match="make trl"):
        find_python()


def test_trl_gets_the_same_tokens_and_targets_in_the_order_of_the_steps(work: Work) -> None:
    examples = {example.question_id: example for example in make_examples(40)}
    rows = read_rows(work.examples_file, order=list(work.order))
    assert [row["input_ids"] for row in rows] == [examples[name].input_ids for name in work.order]
    for row, name in zip(rows, work.order, strict=True):
        assert row["labels"] == [-100, -100, *examples[name].input_ids[2:]]


def test_every_variant_of_trl_has_steps_of_sixteen_examples() -> None:
    sizes = {
        name: 2 * settings["per_device_train_batch_size"] * settings.get("gradient_accumulation_steps", 1)
        for name, settings in VARIANTS.items()
    }
    assert set(sizes.values()) == {16}, json.dumps(sizes)


@pytest.mark.slow
def test_our_side_takes_the_steps_and_trl_where_it_is_installed_has_the_same_losses(tmp_path: Path) -> None:
    spec = make_spec(tmp_path, num_examples=40)
    work = plan_work(spec.model_folder, spec.examples_file, params=PARAMS, num_steps=4)
    ours = run_ours(work, tmp_path / "ours")
    assert len(ours.losses) == 4
    assert ours.num_tokens == work.num_tokens[3]
    assert 0 < ours.tokens_per_second < 1e7
    try:
        python = find_python()
    except RankError:
        return  # Its environment is no part of the project's.
    for variant in ("padded", "rebalanced"):
        theirs = run_trl(work, tmp_path / variant, variant=variant, python=python)
        assert largest_difference(theirs, ours) < 1e-5, variant
