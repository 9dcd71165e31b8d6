"""Where the tokens of two runs first part on a question, and how many of their answers are the same to the token.

Two greedy runs that were made alike agree to the last token; where they do not, the place of the first difference says
why: in the middle of a sentence (rounding), at an end of thinking (delimiters), at a budget (forcing). Knows
generations; does not know which runs they belong to.

Example::

    divergence = first_divergence(first_generation, second_generation)
    divergence.position, divergence.phase, divergence.first.words()     # (412, 'thinking', "samples ' so'")
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from s1.records import Generation, GenerationKey, Phase

DecodeToken = Callable[[int], str]
"""A token's text, special tokens shown."""

Place = tuple[str, str, str]
"""Benchmark, model, setting."""

_MAX_TEXT = 200
"""Characters kept on each side of a divergence."""


@dataclass(frozen=True, slots=True)
class Token:
    """One token behind the prompt."""

    token_id: int
    forced: bool
    phase: Phase


@dataclass(frozen=True, slots=True)
class NextStep:
    """What one of the runs does where they part."""

    token: Token | None
    """None: it has no further tokens."""
    text: str
    """How its text goes on, from about there; its start."""

    def words(self, decode: DecodeToken | None = None) -> str:
        """In words; with a tokenizer's decoder the token is shown as text."""
        if self.token is None:
            return "ends"
        shown = f"token {self.token.token_id}"
        if decode is not None:
            shown = f"{decode(self.token.token_id)!r} ({shown})"
        if not self.token.forced:
            return f"samples {shown}"
        return f"has its thinking ended: {shown} is forced" if self.token.phase == "answer" else f"is forced {shown}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """Where two generations of one question part."""

    position: int
    """Tokens behind the prompt that both share."""
    phase: Phase
    """Of the first different token, in the first run if it has one there."""
    before: str
    """The end of the shared text, as far as it shares characters."""
    first: NextStep
    second: NextStep


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two generations of the same question, model, setting and sample, without their texts."""

    key: GenerationKey
    num_tokens: int
    """Tokens behind the prompt, of the first run's."""
    divergence: Divergence | None
    """None where all tokens are the same."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """What two runs have of one point."""

    pairs: tuple[Pair, ...]

    @property
    def share_identical(self) -> float | None:
        """Share of pairs whose tokens are all the same; None without pairs."""
        if not self.pairs:
            return None
        return sum(pair.divergence is None for pair in self.pairs) / len(self.pairs)


def pair_up(first: Iterable[Generation], find: Callable[[GenerationKey], Generation | None]) -> dict[Place, Agreement]:
    """Generations that both runs have, by benchmark, model and setting, in the first run's order.

    Args:
        find: the second run's generation of a key. Two texts are held at a time: a run's may be gigabytes.
    """
    pairs: dict[Place, list[Pair]] = {}
    for row in first:
        if (other := find(row.key)) is not None:
            num_tokens = sum(len(segment.token_ids) for segment in row.segments)
            pair = Pair(key=row.key, num_tokens=num_tokens, divergence=first_divergence(row, other))
            pairs.setdefault((row.benchmark, row.model, row.setting), []).append(pair)
    return {place: Agreement(tuple(found)) for place, found in pairs.items()}


def first_divergence(first: Generation, second: Generation) -> Divergence | None:
    """The first place where tokens differ; None where all are the same."""
    one, other = list(_tokens(first)), list(_tokens(second))
    position = num_shared([token.token_id for token in one], [token.token_id for token in other])
    if position == len(one) == len(other):
        return None
    texts = [first.thinking_text + first.answer_text, second.thinking_text + second.answer_text]
    before = texts[0][: num_shared(*texts)]
    return Divergence(
        position=position,
        phase=(one[position:] or other[position:])[0].phase,
        before=before[-_MAX_TEXT:],
        first=NextStep(one[position] if position < len(one) else None, texts[0][len(before) :][:_MAX_TEXT]),
        second=NextStep(other[position] if position < len(other) else None, texts[1][len(before) :][:_MAX_TEXT]),
    )


def num_shared(first: Sequence[object], second: Sequence[object]) -> int:
    """How many items two sequences share from their beginning."""
    pairs = enumerate(zip(first, second, strict=False))
    return next((index for index, (one, other) in pairs if one != other), min(len(first), len(second)))


def _tokens(generation: Generation) -> Iterator[Token]:
    for segment in generation.segments:
        for token in segment.token_ids:
            yield Token(token, segment.forced, segment.phase)
