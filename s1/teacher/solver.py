"""The nano profile's teacher: works procedural questions step by step, by program.

Knows ``s1.nano.solver``; does not know the question's reference. The seed of each question comes from its id, so that
a trace stays the same in whatever order or shard it is made.

Example::

    SolverTeacher(count_tokens=counter, seed=0).answer("Which dial turned k+3 shows l=4?", question_id="ab12…").answer
"""

import hashlib
from collections.abc import Mapping

from pydantic import JsonValue

from s1.nano.solver import solve
from s1.records import Trace, TraceState, Usage
from s1.tokens import TokenCounter


class SolverTeacher:
    """Answers questions of ``s1.nano``; refuses any other text."""

    name = "solver"
    is_paid = False

    def __init__(self, *, count_tokens: TokenCounter, seed: int) -> None:
        self._count_tokens = count_tokens
        self._seed = seed

    @property
    def identity(self) -> Mapping[str, JsonValue]:
        """The seed, from which each question's is derived."""
        return {"name": self.name, "seed": self._seed}

    def answer(self, text: str, *, question_id: str) -> Trace:
        """The solver's trace; state ``refused`` when the text is not a procedural question."""
        state: TraceState = "answered"
        thinking, answer = "", ""
        try:
            solved = solve(text, question_seed(question_id, seed=self._seed))
            thinking, answer = solved.thinking, solved.answer
        except ValueError:
            state = "refused"
        prompt_tokens, thinking_tokens, answer_tokens = self._count_tokens([text, thinking, answer])
        usage = Usage(prompt_tokens=prompt_tokens, thinking_tokens=thinking_tokens, answer_tokens=answer_tokens)
        return Trace(
            question_id=question_id, teacher=self.name, state=state, thinking=thinking, answer=answer, usage=usage
        )


def question_seed(question_id: str, *, seed: int) -> int:
    """A question's own seed: 63 bits of the SHA-256 of the global seed and the id."""
    digest = hashlib.sha256(f"{seed}/{question_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
