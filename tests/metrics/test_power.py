"""How many questions or samples settle a comparison: against a table and against simulated repetitions."""

import numpy as np
import pytest

from s1.metrics.paired import mcnemar_p_value
from s1.metrics.power import detectable_difference, questions_needed, samples_needed


def differences(*, gained: int, lost: int, same: int) -> list[float]:
    return [1.0] * gained + [-1.0] * lost + [0.0] * same


def test_so_many_questions_find_the_difference_four_times_of_five() -> None:
    num = questions_needed(differences(gained=15, lost=5, same=80), confidence=0.95)
    assert num == 155  # ((1.960 * sqrt(0.20) + 0.8416 * sqrt(0.19)) / 0.10) ^ 2 = 154.6
    draws = np.random.default_rng(0).multinomial(num, [0.15, 0.05, 0.80], size=2000)
    found = np.mean([mcnemar_p_value(int(gained), int(lost)) <= 0.05 for gained, lost, _ in draws])
    assert 0.72 < found < 0.84  # the exact test is a little more careful than the formula


def test_a_difference_of_nothing_needs_no_number() -> None:
    assert questions_needed(differences(gained=3, lost=3, same=4), confidence=0.95) is None
    assert questions_needed([], confidence=0.95) is None
    assert detectable_difference(differences(gained=0, lost=0, same=4), confidence=0.95) is None


def test_the_detectable_difference_is_the_one_whose_questions_are_these() -> None:
    # (1.960 + 0.8416) * sqrt(0.2 / 100)
    found = detectable_difference(differences(gained=15, lost=5, same=80), confidence=0.95)
    assert found == pytest.approx(0.1253, abs=1e-4)


def test_more_samples_help_where_the_luck_of_samples_is_the_noise() -> None:
    values = [0.5, -0.25] * 20
    # The mean is 0.125 and the variance 0.1442 (n - 1); all of it is luck of 2 samples: so 2 * 0.1442 / allowed.
    allowed = 40 * (0.125 / 2.8016) ** 2
    needed = samples_needed(values, [0.1442308] * 40, of_one_sample=[0.2884616] * 40, confidence=0.95)
    assert needed == int(2 * 0.1442308 / allowed) + 1 == 4


def test_no_number_of_samples_helps_where_the_questions_themselves_differ() -> None:
    assert (
        samples_needed(differences(gained=3, lost=2, same=25), [0.0] * 30, of_one_sample=[0.0] * 30, confidence=0.95)
        is None
    )
