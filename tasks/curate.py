"""Questions -> curated questions, and a decision for each: dedupe, decontamination, quality.

Knows ``s1.curation`` and where its artifacts lie. Questions are read twice and written as they are read, so memory
grows with the benchmarks and with one id per question, not with their text. A large pool is spread over processes:
each reads all lines, but curates only the questions of its part (``s1.curation.rows``), so the files are the same
however many there are.

Example::

    metrics = run(stage, curate=params.curate)
    metrics["reasons"]        # {'kept': 5903, 'exact_benchmark': 30, 'ngram8': 30, ...}
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import chain
from typing import NamedTuple

from infra.settings import num_processes
from infra.team import Channel, start_team
from s1.artifacts import ArtifactWriter, check_file, iterate_jsonl, iterate_lines, parse_line
from s1.config import CurateParams
from s1.curation import DUPLICATE, KEPT, Curated, Curation, count_steps
from s1.curation.rows import part_of
from s1.decontamination import PoolRule, build_rule
from s1.records import HashedItem, Question
from tasks.paths import BENCHMARKS, COPIES, CURATE_DECISIONS, CURATED, HASHED, HELD_OUT, QUESTIONS
from tasks.stage import Metrics, StageContext

_PROGRESS_EVERY = 5000
_MIN_BYTES = 16_000_000
"""Size of a pool from which on other processes save more time than it takes to start them."""
_ROWS_PER_MESSAGE = 1000


class _Outcome(NamedTuple):
    """What a process tells of one row."""

    decision: bytes
    """As it is written."""
    reason: str
    source: str
    benchmark: str | None
    planted: str | None


def run(stage: StageContext, *, curate: CurateParams) -> Metrics:
    """Apply the rules; fails when nothing is left, because every later stage would be empty."""
    tally = _Tally()
    check_file(QUESTIONS)
    num_parts = num_processes() if QUESTIONS.stat().st_size >= _MIN_BYTES else 1
    with ExitStack() as files:
        artifact = files.enter_context(ArtifactWriter(CURATED.parent))
        keep = files.enter_context(artifact.stream_lines(CURATED.name))
        decide = files.enter_context(artifact.stream_lines(CURATE_DECISIONS.name))
        put_aside = files.enter_context(artifact.stream_lines(COPIES.name))
        parts = files.enter_context(_curate_parts(curate, num_parts=num_parts))
        for line in _with_progress(stage, iterate_lines(QUESTIONS)):
            outcome = next(parts[part_of(line, num_parts=num_parts)])
            tally.add(outcome)
            decide(outcome.decision)
            if outcome.reason == KEPT:
                keep(line)
            elif outcome.reason == DUPLICATE:
                put_aside(line)
        if not tally.reasons[KEPT]:
            raise ValueError(
                f"no question is left after curation: {dict(tally.reasons)}. Loosen curate or collect other sources."
            )
    return tally.metrics()


@contextmanager
def _curate_parts(curate: CurateParams, *, num_parts: int) -> Iterator[list[Iterator[_Outcome]]]:
    """For each part the outcomes of its rows in order, each from a process of its own; of one part, from this one."""
    if num_parts == 1:
        curation = _make_curation(curate, _build_rule(curate))
        curation.note(iterate_lines(QUESTIONS))
        yield [map(_outcome_of, curation.decide(iterate_lines(QUESTIONS)))]
        return
    works = [partial(_curate_part, curate, part=part, num_parts=num_parts) for part in range(num_parts)]
    with start_team(works, name="curating process") as members:
        _share_observed(members)
        yield [_receive_outcomes(member) for member in members]


def _curate_part(curate: CurateParams, channel: Channel, *, part: int, num_parts: int) -> None:
    """Work of one process: both passes over its part."""
    rule = _build_rule(curate)
    curation = _make_curation(curate, rule, part=part, num_parts=num_parts)
    curation.note(iterate_lines(QUESTIONS))
    channel.send(rule.observed())
    rule.add_observed(channel.receive())
    batch: list[_Outcome] = []
    for curated in curation.decide(iterate_lines(QUESTIONS)):
        batch.append(_outcome_of(curated))
        if len(batch) == _ROWS_PER_MESSAGE:
            channel.send(batch)
            batch = []
    channel.send(batch)


def _share_observed(members: list[Channel]) -> None:
    """Tell every process what the others' rules observed in the first pass."""
    observed: list[list[int]] = [member.receive() for member in members]
    total = list(map(sum, zip(*observed, strict=True)))
    for member, own in zip(members, observed, strict=True):
        member.send([of_all - of_one for of_all, of_one in zip(total, own, strict=True)])


def _receive_outcomes(member: Channel) -> Iterator[_Outcome]:
    """A process's outcomes, to the last message, which is not full."""
    is_last = False
    while not is_last:
        batch = member.receive()
        is_last = len(batch) < _ROWS_PER_MESSAGE
        yield from batch


def _with_progress(stage: StageContext, lines: Iterable[bytes]) -> Iterator[bytes]:
    total = check_file(QUESTIONS) or 0
    done = 0
    for done, line in enumerate(lines, start=1):
        yield line
        if done % _PROGRESS_EVERY == 0:
            stage.progress(done, max(total, done), "curate")
    stage.progress(done, done, "curate")


def _make_curation(curate: CurateParams, rule: PoolRule, *, part: int = 0, num_parts: int = 1) -> Curation:
    return Curation(curate, rule=rule, read=_read, part=part, num_parts=num_parts)


def _build_rule(curate: CurateParams) -> PoolRule:
    benchmarks = chain(iterate_jsonl(BENCHMARKS, Question), iterate_jsonl(HELD_OUT, Question))
    return build_rule(curate.decontamination, benchmarks=benchmarks, hashed=iterate_jsonl(HASHED, HashedItem))


def _read(row: int, line: bytes) -> Question:
    return parse_line(line, Question, path=QUESTIONS, number=row + 1)


def _outcome_of(curated: Curated) -> _Outcome:
    decision = curated.decision
    line = decision.model_dump_json().encode()
    return _Outcome(line, decision.reason, decision.source, curated.benchmark, curated.planted)


class _Tally:
    """Counts what became of the questions, without keeping them."""

    def __init__(self) -> None:
        self.reasons: Counter[str] = Counter()
        self._of_source: dict[str, Counter[str]] = {}
        self._of_benchmark: dict[str, Counter[str]] = {}
        self._planted: dict[str, Counter[bool]] = {"verbatim": Counter(), "extended": Counter()}

    def add(self, outcome: _Outcome) -> None:
        self.reasons[outcome.reason] += 1
        self._of_source.setdefault(outcome.source, Counter())[outcome.reason] += 1
        if outcome.benchmark is not None:
            self._of_benchmark.setdefault(outcome.benchmark, Counter())[outcome.reason] += 1
        if outcome.planted in self._planted:
            self._planted[outcome.planted][outcome.reason == KEPT] += 1

    def metrics(self) -> Metrics:
        """The funnel, the reasons in all, by source and by benchmark, and how many planted overlaps were found."""
        by_source: Metrics = {source: dict(sorted(counts.items())) for source, counts in self._of_source.items()}
        planted: Metrics = {
            how: {"num": counts.total(), "removed": counts[False]} for how, counts in self._planted.items()
        }
        return {
            "funnel": dict(count_steps(self.reasons)),
            "reasons": dict(sorted(self.reasons.items())),
            "sources": by_source,
            "benchmarks": {name: dict(sorted(counts.items())) for name, counts in sorted(self._of_benchmark.items())},
            "planted": planted,
        }
