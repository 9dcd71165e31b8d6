"""Ids small enough to read, for the state machine: 1 starts an answer, 2 ends a turn, 7 is Wait, 9 is a newline."""

from s1.forcing import ForcingTokens

STOPS = frozenset({1, 2})
TEXT_IDS = {"h": 10, "a": 11}
"""Texts other than Wait are made of these letters."""
TOKENS = ForcingTokens(
    newline=(9,),
    wait=(7,),
    answer_start=(1, 5),
    final_answer_start=(1, 5, 9, 6),
    think_stops=STOPS,
    answer_stops=frozenset({2}),
    ends_in_newline=lambda token: token == 9,
    encode=lambda text: tuple(TEXT_IDS[letter] for letter in text),
    step_mark=1,
)
