"""A rule of our own: how much of what is distinctive of a benchmark question another question has.

Both texts become tokens that typesetting and names of variables do not change (``s1.decontamination.tokens``); single
tokens, pairs and runs of four are weighed by how rare they are in the pool and the benchmarks together. Stock phrases
("where m and n are relatively prime positive integers") weigh little wherever they stand. Two shares decide: how much
of the benchmark question's weight the other text has, and how much of its own weight is the benchmark question's; and
the agreement of their numbers, because other numbers make another question of the same wording. Thresholds and what
they were set on: docs/decontamination.md. Hashed benchmarks have no tokens: see ``s1.decontamination.hashed_share``.

Example::

    search = DistinctiveSearch(benchmarks, hashed=[])
    for text in pool: search.observe(text)
    search.find("Find the largest n such that ...")     # None, or Overlap(kind="copy", score=0.83, ...)
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import cast

from s1.decontamination.features import Feature, features_of, is_about_numbers
from s1.decontamination.hashed import HashedIndex
from s1.decontamination.hashed_share import HashedShare
from s1.decontamination.likeness import Finding, Likeness, judge
from s1.decontamination.overlap import Overlap
from s1.decontamination.passages import shared_passages
from s1.decontamination.rarity import Rarity
from s1.decontamination.tokens import tokens_of
from s1.records import HashedItem, Question, normalize_text

_MAX_VOTING_ITEMS = 15
"""A feature of more benchmark items than this does not help to choose those that are looked at."""
_MIN_VOTES = 0.2
"""Share of an item's voting features that a text must have for the two to be compared at all."""
_UNKNOWN_AGREEMENT = 0.3
"""Agreement of numbers before any are seen ..."""
_UNKNOWN_WEIGHT = 0.45
"""... and how much that counts, in numbers of the rarest kind."""


@dataclass(frozen=True, slots=True)
class _Item:
    benchmark: str
    item_id: str
    features: frozenset[int]
    """Wording."""
    numbers: frozenset[int]
    num_voting: int


@dataclass(frozen=True, slots=True)
class _Text:
    features: frozenset[int]
    """Wording that a benchmark has."""
    numbers: frozenset[int]
    """Numbers that a benchmark has."""
    weight: float
    """Of all of its wording, known to a benchmark or not."""
    information: float
    """Of all of its numbers, known to a benchmark or not."""


class DistinctiveSearch:
    """An inverted index of the benchmarks' features, and how often each occurs in the pool."""

    def __init__(
        self, benchmarks: Iterable[Question], *, hashed: Iterable[HashedItem], finds_variants: bool = True
    ) -> None:
        self._finds_variants = finds_variants
        self._exact: dict[str, Question] = {}
        for question in benchmarks:
            self._exact.setdefault(normalize_text(question.question), question)
        self._index: dict[Feature, int] = {}
        sets = [self._enter(tokens_of(text)) for text in self._exact]
        self._known = frozenset(self._index)
        self._names = list(self._index)
        self._about_numbers = frozenset(number for name, number in self._index.items() if is_about_numbers(name))
        self._voters = self._choose_voters(sets)
        self._voting = frozenset(feature for feature, items in enumerate(self._voters) if items)
        self._items = [
            self._make_item(question, features) for question, features in zip(self._exact.values(), sets, strict=True)
        ]
        self._rarity = Rarity(num_features=len(self._names), texts=sets)
        self._hashed = HashedShare(HashedIndex(hashed))

    def observe(self, text: str) -> bool:
        """Count the features of a text, and say whether any benchmark item is worth comparing with it."""
        normalized = normalize_text(text)
        found = self._features_in(tokens_of(normalized))
        self._rarity.observe(found)
        has_hashes = self._hashed.observe(normalized)
        return has_hashes or normalized in self._exact or bool(self._candidates(found))

    def observed(self) -> list[int]:
        """How many texts, and how many of them have each feature and each hash."""
        return self._rarity.observed() + self._hashed.observed()

    def add_observed(self, observed: Sequence[int]) -> None:
        """Count what the rules of other parts of the pool observed."""
        num_own = len(self._names) + 1
        self._rarity.add_observed(observed[:num_own])
        self._hashed.add_observed(observed[num_own:])

    def find(self, text: str) -> Overlap | None:
        """An exact overlap first, then copies, then variants, the highest score first, then hashed items."""
        normalized = normalize_text(text)
        exact = self._exact.get(normalized)
        if exact is not None:
            return Overlap(kind="exact", benchmark=exact.source, item_id=exact.id, shared_text=normalized)
        return self._find_by_features(normalized) or self._hashed.find(normalized)

    def _find_by_features(self, normalized: str) -> Overlap | None:
        tokens = tokens_of(normalized)
        found = self._features_in(tokens)
        candidates = self._candidates(found)
        if not candidates:
            return None
        text = self._read(tokens, found)
        best = self._best_match(text, candidates)
        if best is None:
            return None
        finding, item = best
        shared = {self._names[feature] for feature in item.features & text.features}
        return Overlap(
            kind=finding.kind,
            benchmark=item.benchmark,
            item_id=item.item_id,
            shared_text=shared_passages(normalized, shared),
            score=finding.score,
        )

    def _best_match(self, text: _Text, candidates: Iterable[int]) -> tuple[Finding, _Item] | None:
        """A copy before a variant, then the higher score, then the item that stands first."""
        best: tuple[Finding, _Item] | None = None
        for item in map(self._items.__getitem__, candidates):
            finding = judge(self._compare(item, text))
            if finding is None or (finding.kind == "variant" and not self._finds_variants):
                continue
            if best is None or (finding.kind == "copy", finding.score) > (best[0].kind == "copy", best[0].score):
                best = (finding, item)
        return best

    def _read(self, tokens: list[str], found: set[int]) -> _Text:
        rarity = self._rarity
        features, numbers = frozenset(found - self._about_numbers), frozenset(found & self._about_numbers)
        unknown = set(features_of(tokens)) - self._known
        num_unknown_numbers = sum(map(is_about_numbers, unknown))
        return _Text(
            features=features,
            numbers=numbers,
            weight=rarity.weigh(features) + rarity.weigh_unknown(len(unknown) - num_unknown_numbers),
            information=rarity.inform(numbers) + num_unknown_numbers * rarity.information_at_most(),
        )

    def _compare(self, item: _Item, text: _Text) -> Likeness:
        rarity = self._rarity
        shared = item.features & text.features
        weight = rarity.weigh(shared)
        shared_numbers = rarity.inform(item.numbers & text.numbers)
        agreements = (self._agree(shared_numbers, of) for of in (rarity.inform(item.numbers), text.information))
        return Likeness(
            of_item=weight / (rarity.weigh(item.features) or 1.0),
            of_text=weight / (text.weight or 1.0),
            numbers=max(agreements),
            num_rare=rarity.count_rare(shared),
        )

    def _agree(self, shared: float, information: float) -> float:
        """Share of the numbers' information that is shared, drawn towards what is assumed where there is little."""
        unknown = _UNKNOWN_WEIGHT * self._rarity.information_at_most()
        return (shared + _UNKNOWN_AGREEMENT * unknown) / (information + unknown)

    def _features_in(self, tokens: list[str]) -> set[int]:
        """The benchmarks' features that a row of tokens has."""
        found = set(map(self._index.get, features_of(tokens)))
        found.discard(None)
        return cast("set[int]", found)

    def _candidates(self, found: set[int]) -> list[int]:
        """Positions of the items that share enough features to be compared, in the benchmarks' order."""
        votes = Counter(chain.from_iterable(map(self._voters.__getitem__, found & self._voting)))
        items = self._items
        return sorted(position for position, num in votes.items() if num >= _MIN_VOTES * items[position].num_voting)

    def _enter(self, tokens: list[str]) -> frozenset[int]:
        index = self._index
        return frozenset(index.setdefault(feature, len(index)) for feature in features_of(tokens))

    def _choose_voters(self, sets: Sequence[frozenset[int]]) -> list[tuple[int, ...]]:
        """By feature: the items that have it, where it is a pair or a run and not too common among them."""
        owners: list[list[int]] = [[] for _ in self._names]
        for position, features in enumerate(sets):
            for feature in features:
                owners[feature].append(position)
        return [
            tuple(positions)
            if len(name) > 1 and not is_about_numbers(name) and len(positions) <= _MAX_VOTING_ITEMS
            else ()
            for name, positions in zip(self._names, owners, strict=True)
        ]

    def _make_item(self, question: Question, features: frozenset[int]) -> _Item:
        return _Item(
            benchmark=question.source,
            item_id=question.id,
            features=features - self._about_numbers,
            numbers=features & self._about_numbers,
            num_voting=len(features & self._voting),
        )
