"""Two selections side by side, and one over seeds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s1.decisions import LedgerRow
from s1.records import question_id
from s1.selection.comparison import Taken, compare_selections, jaccard, stability_of
from s1.selection.reference import ReferenceQuestion, match_reference
from s1.selection.resemblance import Shelf, words_of


def take(identity: str, *, domain: str = "d", source: str = "s", length: int | None = 10) -> Taken:
    return Taken(identity, domain, source, num_characters=20, trace_length=length)


def test_overlap_jaccard_and_shifts_are_counted() -> None:
    first = [take("a", domain="x"), take("b", domain="x"), take("c", domain="y"), take("d", domain="y", source="t")]
    second = [take("c", domain="y"), take("d", domain="z", length=None)]
    found = compare_selections(first, second)
    assert (found.num_shared, found.jaccard) == (2, 0.5)
    # shares x 1/2, y 1/2, z 0 against 0, 1/2, 1/2: half of 1/2 + 0 + 1/2
    assert found.domains.distance == 0.5
    assert found.domains.counts == (("x", 2, 0), ("z", 0, 1), ("y", 2, 1))
    assert found.sources.distance == 0.25
    assert found.traces[1] is not None and (found.traces[1].num, found.traces[1].mean) == (1, 10)


def test_an_empty_selection_has_no_jaccard_with_itself_and_shifts_fully_from_others() -> None:
    assert compare_selections([], []).jaccard is None
    assert compare_selections([], []).domains.distance == 0
    assert compare_selections([], [take("a")]).domains.distance == 1


@given(
    first=st.lists(st.tuples(st.integers(0, 20), st.sampled_from("xyz")), unique_by=lambda item: item[0]),
    second=st.lists(st.tuples(st.integers(0, 20), st.sampled_from("xyz")), unique_by=lambda item: item[0]),
)
def test_comparing_backwards_gives_the_same_overlap_and_distances(
    first: list[tuple[int, str]], second: list[tuple[int, str]]
) -> None:
    one, two = ([take(str(number), domain=domain) for number, domain in items] for items in (first, second))
    there, back = compare_selections(one, two), compare_selections(two, one)
    assert (there.num_shared, there.jaccard) == (back.num_shared, back.jaccard)
    assert there.domains.distance == pytest.approx(back.domains.distance)
    assert 0 <= there.domains.distance <= 1 + 1e-12
    assert compare_selections(one, one).domains.distance == 0


def test_stability_tells_what_every_draw_took() -> None:
    found = stability_of([{"a", "b", "c", "d"}, {"a", "b", "c", "e"}, {"a", "b", "x", "y"}])
    assert (found.num_always, found.num_ever, found.share_stable) == (2, 7, 0.5)
    assert found.min_jaccard == jaccard({"a", "b", "c", "d"}, {"a", "b", "x", "y"}) == 2 / 6
    assert found.mean_jaccard == pytest.approx((3 / 5 + 2 / 6 + 2 / 6) / 3)


def test_one_draw_alone_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="ask for 2 seeds or more"):
        stability_of([{"a"}])


def test_texts_in_two_typesettings_are_alike_and_other_numbers_are_not() -> None:
    shelf = Shelf({"a": r"Find $\left(x^{2}\right)$ when $x=3$.", "b": "Find $x^2$ when $x=4$."})
    assert words_of(r"Find $\left(x^{2}\right)$ when $x=3$.") == ("find", "x", "2", "when", "x", "3")
    best, other = shelf.find("find x^2, when x = 3", num=2)
    assert (best.key, best.score) == ("a", 1.0)
    assert other.score < 0.8
    assert shelf.find("nothing of it", num=2) == [] and shelf.find("", num=1) == []


def reference(text: str) -> ReferenceQuestion:
    return ReferenceQuestion(question_id(text), text, "")


def row(text: str, *, taken: bool = False, stage: str = "attempt", reason: str = "too_easy_both") -> LedgerRow:
    return LedgerRow(
        question_id=question_id(text), source="s", file="", line=0, taken=taken, stage=stage, reason=reason, detail=""
    )


def test_a_reference_is_matched_by_id_by_words_and_by_what_became_of_it() -> None:
    equal, near, far = "Prove that 2 is prime.", r"Let $x$ be real. Find $\frac{x}{2}$ for x = 8.", "Name all of them."
    ours = {question_id(equal): equal, "mine": "Let x be real. Find x/2 for x=8", "else": "Something else entirely"}
    ledger = [
        row(equal, stage="curate", reason="duplicate"),
        row(equal, taken=True, stage="select", reason="prepick"),
        row(near),
        row("unrelated"),
    ]
    match = match_reference(ours, [reference(text) for text in (equal, near, far)], ledger)
    assert match.equal == {question_id(equal)}
    assert [(mine, like.key) for mine, like in match.near] == [("mine", question_id(near))]
    assert match.fates == (("attempt: too_easy_both", 1), ("not collected", 1), ("taken (prepick)", 1))
