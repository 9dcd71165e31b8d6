"""Which examples every step takes."""

from collections import Counter

import pytest

from s1.batching import Step, count_steps, plan_steps

IDS = [f"question-{number}" for number in range(1000)]


def test_one_thousand_examples_make_63_steps_per_epoch_and_315_in_all() -> None:
    steps = plan_steps(IDS, batch_size=16, num_epochs=5, seed=0)
    assert len(steps) == 315 == count_steps(1000, batch_size=16, num_epochs=5)
    assert [step.epoch for step in steps] == [epoch for epoch in range(5) for _ in range(63)]
    assert [step.number for step in steps] == list(range(1, 316))
    assert {len(step.example_ids) for step in steps} == {16}


def test_an_epoch_sees_every_example_and_wraps_its_last_batch_from_its_own_start() -> None:
    steps = plan_steps(IDS, batch_size=16, num_epochs=2, seed=0)[63:]
    assert steps[-1].example_ids[8:] == steps[0].example_ids[:8]
    counts = Counter(name for step in steps for name in step.example_ids)
    assert set(counts) == set(IDS)
    assert sorted(counts.values()) == [1] * 992 + [2] * 8


def test_the_order_depends_on_seed_and_epoch_but_not_on_the_order_of_the_file() -> None:
    steps = plan_steps(IDS, batch_size=16, num_epochs=2, seed=0)
    assert plan_steps(IDS[::-1], batch_size=16, num_epochs=2, seed=0) == steps
    assert plan_steps(IDS, batch_size=16, num_epochs=2, seed=1)[0] != steps[0]
    assert steps[63].example_ids != steps[0].example_ids


def test_the_hash_of_a_step_names_its_examples() -> None:
    steps = plan_steps(IDS, batch_size=16, num_epochs=1, seed=0)
    assert len({step.example_hash for step in steps}) == 63
    assert Step(number=1, epoch=0, example_ids=("a", "b")).example_hash == "7e18f737311b2dc3"


def test_fewer_examples_than_a_batch_are_repeated_to_fill_it() -> None:
    (step,) = plan_steps(["a", "b", "c"], batch_size=8, num_epochs=1, seed=0)
    assert Counter(step.example_ids) == {step.example_ids[0]: 3, step.example_ids[1]: 3, step.example_ids[2]: 2}


@pytest.mark.parametrize(("ids", "message"), [([], "no training examples"), (["a", "b", "a"], r"\['a'\]")])
def test_unusable_ids_are_refused(ids: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plan_steps(ids, batch_size=2, num_epochs=1, seed=0)
