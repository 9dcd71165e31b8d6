r"""Prompted controls of thinking (paper section 5.2): sentences that say how much to think, and texts to train them.

Three kinds. *tokens*: a trace of 1,500 tokens is trained under "Think for up to 2048 tokens.", the next power of two.
*steps*: a trace is split at blank lines into steps, trained under "Think for up to N steps.", N the next power of two,
and every step is introduced by how many are left, its own included (``<|im_start|>3 steps left``): counting down, the
last is always 1. *class*: short or long thinking; the paper asks its ordinary model so, here the shorter and the
longer half of the examples may also be trained so.

Knows text only: no tokenizer, and no decoding (``s1.controls.points``).

Example::

    token_sentence(1500)                            # 'Think for up to 2048 tokens.'
    mark_steps("one\n\ntwo", opener="<|im_start|>") # '<|im_start|>2 steps left\none\n<|im_start|>1 steps left\ntwo'
"""

import re
from collections.abc import Mapping

SHORT_SENTENCE = "Answer after a short amount of thinking."
LONG_SENTENCE = "Answer after a long amount of thinking."

_BLANK_LINES = re.compile(r"\n[^\S\n]*\n\s*")


def add_sentence(question: str, sentence: str | None) -> str:
    """The user's text: the question, and on a line of its own what is said about thinking."""
    return question if sentence is None else f"{question}\n{sentence}"


def token_sentence(num_tokens: int) -> str:
    """What is said to a trace of so many tokens."""
    return limit_sentence(round_up_to_power_of_two(num_tokens), "tokens")


def step_sentence(thinking: str) -> str:
    """What is said to a trace, by its number of steps."""
    return limit_sentence(round_up_to_power_of_two(len(split_steps(thinking))), "steps")


def class_sentences(lengths: Mapping[str, int]) -> dict[str, str]:
    """What is said to each trace: the shorter half is short, the longer half long.

    Args:
        lengths: thinking tokens by name; equal lengths are put in order of their names.
    """
    ranked = sorted(lengths, key=lambda name: (lengths[name], name))
    middle = len(ranked) // 2
    return {name: SHORT_SENTENCE if rank < middle else LONG_SENTENCE for rank, name in enumerate(ranked)}


def limit_sentence(amount: int, unit: str) -> str:
    """What is said for a limit in ``tokens`` or ``steps``."""
    return f"Think for up to {amount} {unit}."


def round_up_to_power_of_two(number: int) -> int:
    """The smallest power of two that is not below; 1 for less than 1."""
    return 1 << max(0, number - 1).bit_length()


def split_steps(thinking: str) -> list[str]:
    """The steps of a thinking text: what blank lines separate. Thinking without text is one empty step."""
    return _BLANK_LINES.split(thinking.strip())


def mark_steps(thinking: str, *, opener: str) -> str:
    """Introduce every step by a line that says how many are left, its own included.

    Args:
        opener: special token in front of each count; empty where the delimiters share none.
    """
    steps = split_steps(thinking)
    return "\n".join(f"{opener}{len(steps) - number} steps left\n{step}" for number, step in enumerate(steps))
