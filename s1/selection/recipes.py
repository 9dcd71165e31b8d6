"""How the training set is drawn from the pool: the s1 recipe (paper Algorithm 1) and the paper's ablations.

Pure and seeded: the result depends on the pool's content, the parameters and the seed, not on the pool's order.

Example::

    drawn = draw(pool.candidates, params=params.select, seed=params.seed, judge=judge)
    drawn.picks[0].reason, drawn.picks[0].candidate.question.id
"""

import logging
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from s1.config import SelectParams
from s1.selection.pool import Candidate

logger = logging.getLogger(__name__)

PREPICK: Final = "prepick"
DIVERSITY: Final = "diversity"
Judge = Callable[[Candidate], bool | None]
"""Whether a candidate's teacher answered right; None when that could not be graded. Asked only where it matters."""
_NUM_RANKS: Final = 64
"""Ranks that are drawn from: 2^-64 of the weight lies behind them, which a 53-bit random number cannot see."""


@dataclass(frozen=True, slots=True)
class Pick:
    """One selected candidate: why, and what a reader needs to check it."""

    candidate: Candidate
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Draw:
    """The selected candidates in the order in which they were drawn."""

    picks: list[Pick]
    domain_weights: dict[str, int]
    """Weights of the second phase; empty when every draw was uniform over domains."""
    num_repeats: int = 0
    """Draws that hit a pre-pick and added nothing."""


def draw(candidates: Sequence[Candidate], *, params: SelectParams, seed: int, judge: Judge) -> Draw:
    """Select ``params.num_examples`` candidates; all of them, with a warning, when there are fewer.

    Args:
        judge: asked by the ``s1`` recipe about candidates that a right answer makes a pre-pick, and about no others.
    """
    rng = random.Random(f"select-{seed}")
    # One fixed order, longest first: it makes the result independent of the pool's order and is the rank order.
    ordered = sorted(candidates, key=lambda candidate: (-candidate.trace_length, candidate.question.id))
    num_wanted = len(ordered) if params.recipe == "full" else params.num_examples
    if len(ordered) < num_wanted:
        logger.warning("the pool holds %d questions, fewer than the %d wanted: all are taken", len(ordered), num_wanted)
    num_taken = min(num_wanted, len(ordered))
    match params.recipe:
        case "s1":
            return _draw_s1(ordered, params=params, num_taken=num_taken, rng=rng, judge=judge)
        case "diverse":
            return Draw(picks=_draw_diverse(ordered, num_taken=num_taken, rng=rng), domain_weights={})
        case "random":
            chosen = rng.sample(ordered, num_taken)
        case "longest":
            chosen = ordered[:num_taken]
        case "full":
            chosen = ordered
    return Draw(picks=[Pick(item, params.recipe, _describe(item)) for item in chosen], domain_weights={})


def _describe(candidate: Candidate) -> str:
    return f"domain {candidate.domain}, {candidate.trace_length} thinking tokens"


def is_prepick(candidate: Candidate, params: SelectParams, judge: Judge) -> bool:
    """Whether the s1 recipe takes a candidate first: a source that asks for it, and a right answer of the teacher."""
    source = candidate.question.source
    threshold = params.prepick_long_sources.get(source)
    long = threshold is not None and candidate.trace_length > threshold
    # Grading may take a second each: the sources that ask for it are a small part of the pool.
    return (source in params.prepick_sources or long) and judge(candidate) is True


def weigh_domains(candidates: Sequence[Candidate], weight_sources: dict[str, float]) -> dict[str, int]:
    """Domain weights of the second phase, from how a few sources spread over the domains.

    The source with the largest weight sets the scale (of equals the first by name): another counts as if it had as
    many candidates in all. Per domain the weight is the sum over sources of int(count x weight x scale / total). With
    ``{"aime": 1.0, "gpqa": 0.5}`` this is the reference's AIME count + int(GPQA count x 0.5 x AIME total / GPQA total).
    Domains without weight are left out.
    """
    counts = Counter((candidate.question.source, candidate.domain) for candidate in candidates)
    totals = Counter(candidate.question.source for candidate in candidates)
    scale = totals[min(weight_sources, key=lambda source: (-weight_sources[source], source))] if weight_sources else 0
    weights: Counter[str] = Counter()
    for (source, domain), count in counts.items():
        if source in weight_sources:
            weights[domain] += int(count * weight_sources[source] * scale / totals[source])
    return {domain: weight for domain, weight in sorted(weights.items()) if weight > 0}


def _draw_s1(
    ordered: Sequence[Candidate], *, params: SelectParams, num_taken: int, rng: random.Random, judge: Judge
) -> Draw:
    """Pre-picks first; then domain by domain, long traces first, until enough are taken (Algorithm 1).

    Pre-picks stay in their domain's list, where they hold their ranks; drawing one again uses it up and adds nothing.
    """
    prepicks = [candidate for candidate in ordered if is_prepick(candidate, params, judge)]
    taken = _limit_prepicks(prepicks, num_taken=num_taken, rng=rng)
    domains = _by_domain(ordered)
    weights = weigh_domains(ordered, params.weight_sources)
    num_repeats = 0
    while len(taken) < num_taken:
        active = {} if len(taken) < params.num_uniform else weights
        domain = _draw_domain(domains, weights=active, rng=rng)
        rank = _draw_rank(len(domains[domain]), rng=rng)
        detail = f"rank {rank} of {len(domains[domain])}, {'weighted' if active else 'uniform'} domains"
        candidate = domains[domain].pop(rank)
        if not domains[domain]:
            del domains[domain]
        if candidate.question.id in taken:
            num_repeats += 1
        else:
            taken[candidate.question.id] = Pick(candidate, DIVERSITY, f"{_describe(candidate)}, {detail}")
    return Draw(picks=list(taken.values()), domain_weights=weights, num_repeats=num_repeats)


def _limit_prepicks(prepicks: list[Candidate], *, num_taken: int, rng: random.Random) -> dict[str, Pick]:
    if len(prepicks) > num_taken:
        logger.warning(
            "%d questions are pre-picks, more than the %d wanted: drawn among them", len(prepicks), num_taken
        )
        prepicks = rng.sample(prepicks, num_taken)
    return {item.question.id: Pick(item, PREPICK, f"{_describe(item)}, {item.question.source}") for item in prepicks}


def _draw_diverse(ordered: Sequence[Candidate], *, num_taken: int, rng: random.Random) -> list[Pick]:
    """A domain uniformly, then a question of it uniformly (the paper's 1K-diverse)."""
    domains = _by_domain(ordered)
    picks: list[Pick] = []
    while len(picks) < num_taken:
        domain = _draw_domain(domains, weights={}, rng=rng)
        candidate = domains[domain].pop(rng.randrange(len(domains[domain])))
        if not domains[domain]:
            del domains[domain]
        picks.append(Pick(candidate, "diverse", _describe(candidate)))
    return picks


def _by_domain(ordered: Sequence[Candidate]) -> dict[str, list[Candidate]]:
    domains: dict[str, list[Candidate]] = {name: [] for name in sorted({item.domain for item in ordered})}
    for candidate in ordered:
        domains[candidate.domain].append(candidate)
    return domains


def _draw_domain(domains: dict[str, list[Candidate]], *, weights: dict[str, int], rng: random.Random) -> str:
    """A domain that still holds questions, by weight; uniformly when no such domain has any weight."""
    names = list(domains)
    remaining = [weights.get(name, 0) for name in names]
    if not any(remaining):
        return rng.choice(names)
    return rng.choices(names, weights=remaining)[0]


def _draw_rank(num_remaining: int, *, rng: random.Random) -> int:
    """A rank below ``num_remaining`` with weight 2^-rank."""
    num_ranks = min(num_remaining, _NUM_RANKS)
    return rng.choices(range(num_ranks), weights=[2.0**-rank for rank in range(num_ranks)])[0]
