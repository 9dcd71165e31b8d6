"""What tokens cost."""

import pytest

from s1.asking.money import TokenPrice
from s1.records import Usage

PRICE = TokenPrice(input_usd=0.3, output_usd=2.5, cached_usd=0.03, batch_input_usd=0.15, batch_output_usd=1.25)
USAGE = Usage(prompt_tokens=1_000_000, thinking_tokens=600_000, answer_tokens=400_000)


def test_thinking_costs_what_an_answer_costs() -> None:
    assert PRICE.dollars(USAGE) == pytest.approx(0.3 + 2.5)


def test_cached_prompt_tokens_cost_less() -> None:
    assert PRICE.dollars(USAGE, cached_tokens=500_000) == pytest.approx(0.15 + 0.015 + 2.5)


def test_cached_prompt_tokens_without_a_price_of_their_own_cost_the_full_one() -> None:
    price = TokenPrice(input_usd=0.3, output_usd=2.5)
    assert price.dollars(USAGE, cached_tokens=500_000) == pytest.approx(2.8)


def test_a_batch_has_its_own_price_and_the_full_one_where_no_discount_is_known() -> None:
    assert PRICE.in_batches.dollars(USAGE) == pytest.approx(0.15 + 1.25)
    assert TokenPrice(input_usd=0.3, output_usd=2.5).in_batches.dollars(USAGE) == pytest.approx(2.8)
