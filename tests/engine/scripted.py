"""An engine that samples as a script says how long: for counting what is decoded, without a model.

A question's script holds the lengths of its rounds of thinking (what the model thinks up to its own end, then up to the
end behind each Wait) and of its answers. The sampled tokens mean nothing.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from s1.engine.protocol import Completion, FollowUp, Request
from tests.engine.tiny import TOKENS

THOUGHT, SPOKEN = 20, 21
PROMPT = (4,)


@dataclass(frozen=True, slots=True)
class Script:
    """Lengths in tokens, stops not counted."""

    rounds: tuple[int, ...]
    """Thinking up to the first own end, to the second, and so on."""
    answers: tuple[int, ...]
    """Answers behind the own ends."""
    forced_answers: tuple[int, ...]
    """Answers behind a budget, in turn by the length of the thinking."""


@dataclass(slots=True)
class ScriptedEngine:
    """Decodes by scripts, one per group."""

    scripts: dict[str, Script]
    max_context: int = 1_000_000
    num_decoded: int = field(default=0, init=False)
    """Sampled tokens, stops included."""

    def generate(self, requests: Sequence[Request], *, on_finish: FollowUp) -> None:
        waiting = deque(requests)
        while waiting:
            request = waiting.popleft()
            left, token = self._left(request)
            num_sampled = min(max(left, request.min_new_tokens), request.max_new_tokens)
            by_stop = num_sampled < request.max_new_tokens
            self.num_decoded += num_sampled + by_stop
            waiting += on_finish(
                Completion(request=request, token_ids=(token,) * num_sampled, finish="stop" if by_stop else "length")
            )

    def _left(self, request: Request) -> tuple[int, int]:
        script = self.scripts[request.group]
        text = request.prompt_ids
        end_of_wait = TOKENS.wait[-1]
        num_waits = text.count(end_of_wait)
        if request.stop_ids == TOKENS.think_stops:
            num_thought = text[::-1].index(end_of_wait) if num_waits else len(text) - len(PROMPT)
            return script.rounds[num_waits] - num_thought, THOUGHT
        if text[-len(TOKENS.final_answer_start) :] == TOKENS.final_answer_start:
            return script.forced_answers[len(text) % len(script.forced_answers)], SPOKEN
        return script.answers[num_waits % len(script.answers)], SPOKEN
