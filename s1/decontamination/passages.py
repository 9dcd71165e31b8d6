"""The parts of a question that a benchmark question has too, for people who check a removal.

Example::

    shared_passages("please find all primes p < 10 now", {("find", "all", "prime", "v")})    # 'find all primes p'
"""

from s1.decontamination.features import RUN, Feature
from s1.decontamination.tokens import Place, places_of, prepare

_MAX_PASSAGES = 3
_MAX_CHARACTERS = 300
_BETWEEN = " ... "


def shared_passages(text: str, shared: set[Feature]) -> str:
    """The longest passages made of shared runs, in the text's order; the shared words where there is no run."""
    prepared = prepare(text)
    places = list(places_of(prepared))
    spans = _covered(places, shared)
    longest = sorted(sorted(spans, key=lambda span: span[0] - span[1])[:_MAX_PASSAGES])
    passages = [" ".join(prepared[places[start].start : places[end - 1].end].split()) for start, end in longest]
    if not passages:
        words = dict.fromkeys(place.token for place in places if (place.token,) in shared)
        passages = list(words)
    joined = _BETWEEN.join(passages)
    return joined if len(joined) <= _MAX_CHARACTERS else joined[:_MAX_CHARACTERS] + "..."


def _covered(places: list[Place], shared: set[Feature]) -> list[tuple[int, int]]:
    """Stretches of tokens (first, behind the last) that shared runs cover."""
    spans: list[tuple[int, int]] = []
    for start in range(len(places) - RUN + 1):
        if tuple(place.token for place in places[start : start + RUN]) not in shared:
            continue
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], start + RUN)
        else:
            spans.append((start, start + RUN))
    return spans
