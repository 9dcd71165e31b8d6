"""Continuous batching: which request sits in which row, and what each step feeds.

Knows rows, tokens and requests; the arithmetic is the engine's. All active rows advance by one token per step. A row
whose next token is known (the end of a prompt, an appended delimiter) feeds it; the others sample. A finished row goes
on with what its own group still waits for (the beginning is in the cache already), else with a new group, else with a
request of another group from a copy of what that group has in the cache. With nothing left to start, the batch closes
its gaps and shrinks.

Example::

    RunningBatch(engine, requests, batch_size=64, max_context=1024, vocab_size=320, on_finish=take).run()
"""

from collections import deque
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch

from s1.engine.protocol import Completion, FollowUp, Request
from s1.engine.rows import RowCache
from s1.forcing import Finish

_MAX_STEPWISE = 12
"""A prompt with more new tokens than this is fed in one forward pass of its own; fewer go along with the steps."""
_MAX_PREFILL_TOKENS = 8192
"""Tokens of one prefill pass, rows times length."""


class Decoder(Protocol):
    """The arithmetic behind a batch: ``s1.engine.local.LocalEngine``, or a table in tests."""

    def new_cache(self, num_rows: int) -> RowCache:
        """An empty cache of keys and values."""
        ...

    def forward(
        self, cache: RowCache, *, rows: slice | np.ndarray, token_ids: np.ndarray, positions: np.ndarray
    ) -> torch.Tensor:
        """Feed tokens (n, s) standing at ``positions`` (n, s) of the cache's ``rows``; last logits (n, vocabulary)."""
        ...

    def choose(
        self, logits: torch.Tensor, *, banned: dict[int, list[int]], temperatures: np.ndarray, draws: np.ndarray
    ) -> np.ndarray:
        """Sample one token per row (n,); ``banned`` has ids per row, ``draws`` are uniform in [0, 1)."""
        ...

    def probability(self, logits: torch.Tensor, token_ids: list[int]) -> float:
        """Probability of some tokens together, at temperature 1, under the logits of one row (vocabulary,)."""
        ...


class RunningBatch:
    """One run of an engine. Rows ``0 .. num_active - 1`` decode; rows behind them keep what they last held.

    Legend: row r holds ``num_known[r]`` tokens, of which the first ``num_fed[r]`` are in the cache.
    """

    def __init__(
        self,
        decoder: Decoder,
        requests: Sequence[Request],
        *,
        batch_size: int,
        max_context: int,
        vocab_size: int,
        on_finish: FollowUp,
    ) -> None:
        self._decoder = decoder
        self._max_context = max_context
        self._vocab_size = vocab_size
        self._on_finish = on_finish
        self._cache = decoder.new_cache(batch_size)
        self._requests: list[Request | None] = [None] * batch_size
        self._pending: dict[str, list[Request]] = {}
        self._new_groups: deque[str] = deque()
        self._group_of: list[str | None] = [None] * batch_size
        self._rows_of: dict[str, set[int]] = {}
        self._tokens = np.zeros((batch_size, 0), dtype=np.int64)
        self._draws = np.zeros((batch_size, 0))
        self._num_fed = np.zeros(batch_size, dtype=np.int64)
        self._num_known = np.zeros(batch_size, dtype=np.int64)
        self._num_prompt = np.zeros(batch_size, dtype=np.int64)
        self._min_length = np.zeros(batch_size, dtype=np.int64)
        self._max_length = np.zeros(batch_size, dtype=np.int64)
        self._temperature = np.zeros(batch_size)
        self._stop_sets: dict[frozenset[int], int] = {}
        self._is_stop = np.zeros((0, vocab_size), dtype=bool)
        self._stop_set = np.zeros(batch_size, dtype=np.int64)
        self.num_active = 0
        self.num_steps = 0
        self.num_decoded = 0
        self._enqueue(requests)

    def run(self) -> None:
        """Decode until nothing is active or pending."""
        self._fill([])
        while self.num_active:
            self._fill(self._step())

    def _step(self) -> list[int]:
        """Advance every active row by one token; complete what ends and return the rows that became free."""
        active = slice(0, self.num_active)
        index = np.arange(self.num_active)
        fed = self._num_fed[active]
        token_ids = self._tokens[index, fed]
        logits = self._decoder.forward(
            self._cache, rows=active, token_ids=token_ids[:, None], positions=fed[:, None].copy()
        )
        length = fed + 1
        sampling = length == self._num_known[active]
        chosen = self._decoder.choose(
            logits,
            banned=self._banned(sampling & (length < self._min_length[active])),
            temperatures=self._temperature[active],
            draws=self._draws[index, length],
        )
        stopped = sampling & self._is_stop[self._stop_set[active], chosen]
        self._tokens[index, length] = np.where(sampling, chosen, self._tokens[index, length])
        self._num_fed[active] = length
        self._num_known[active] += sampling & ~stopped
        full = sampling & ~stopped & (self._num_known[active] == self._max_length[active])
        self.num_steps += 1
        self.num_decoded += int(sampling.sum())
        finished = [int(row) for row in np.flatnonzero(stopped | full)]
        for row in finished:
            if not stopped[row]:
                self._complete(row, "length")
                continue
            request, chance = self._request_in(row), None
            if request.wants_stop_probability:
                chance = self._decoder.probability(logits[row], self._known_stops(request))
            self._complete(row, "stop", stop_id=int(chosen[row]), chance=chance)
        return finished

    def _banned(self, rows: np.ndarray) -> dict[int, list[int]]:
        return {row: self._known_stops(self._request_in(row)) for row in map(int, np.flatnonzero(rows))}

    def _request_in(self, row: int) -> Request:
        request = self._requests[row]
        assert request is not None
        return request

    def _known_stops(self, request: Request) -> list[int]:
        return sorted(token for token in request.stop_ids if token < self._vocab_size)

    def _complete(self, row: int, finish: Finish, *, stop_id: int | None = None, chance: float | None = None) -> None:
        request = self._request_in(row)
        sampled = tuple(self._tokens[row, self._num_prompt[row] : self._num_known[row]].tolist())
        self._requests[row] = None
        self._hand_over(
            Completion(request=request, token_ids=sampled, finish=finish, stop_id=stop_id, stop_probability=chance)
        )

    def _hand_over(self, completion: Completion) -> None:
        self._enqueue(self._on_finish(completion))

    def _enqueue(self, requests: Sequence[Request]) -> None:
        for request in requests:
            if len(request.prompt_ids) + request.max_new_tokens > self._max_context:
                self._hand_over(Completion(request=request, token_ids=(), finish="context"))
            elif request.group in self._pending:
                self._pending[request.group].append(request)
            else:
                self._pending[request.group] = [request]
                if request.group not in self._rows_of:
                    self._new_groups.append(request.group)

    def _fill(self, free: list[int]) -> None:
        """Start pending requests in free rows; close the gaps that remain."""
        started: list[int] = []
        while self._pending and (free or self.num_active < len(self._requests)):
            if free:
                row = free.pop()
            else:
                row = self.num_active
                self.num_active += 1
            self._start(self._next_for(row), row=row)
            started.append(row)
        self._close(free)
        self._prefill([row for row in started if self._num_known[row] - self._num_fed[row] > _MAX_STEPWISE])

    def _next_for(self, row: int) -> Request:
        """What suits a free row best; of a group, the longest work first, then the longest prompt.

        Later requests of the group then begin with a part of what the row holds, and are continued in place.
        """
        group = self._group_of[row]
        if group is None or group not in self._pending:
            while self._new_groups and self._new_groups[0] not in self._pending:
                self._new_groups.popleft()
            group = self._new_groups.popleft() if self._new_groups else next(iter(self._pending))
        requests = self._pending[group]
        request = max(requests, key=lambda request: (request.max_new_tokens, len(request.prompt_ids)))
        requests.remove(request)
        if not requests:
            del self._pending[group]
        return request

    def _best_prefix(self, request: Request) -> tuple[int, int]:
        """The row of the request's group with the longest common beginning in the cache, and its length."""
        best, best_length = -1, 0
        prompt = np.array(request.prompt_ids)
        for row in self._rows_of.get(request.group, ()):
            # One token at least is fed anew: its logits are needed.
            limit = min(int(self._num_fed[row]), len(prompt) - 1)
            differs = np.flatnonzero(self._tokens[row, :limit] != prompt[:limit])
            length = int(differs[0]) if differs.size else limit
            if length > best_length:
                best, best_length = row, length
        return best, best_length

    def _start(self, request: Request, *, row: int) -> None:
        source, length = self._best_prefix(request)
        num_prompt = len(request.prompt_ids)
        self._reserve(num_prompt + request.max_new_tokens)
        if length and source != row:
            self._cache.copy_row(source=source, target=row, length=length)
        self._join_group(row, request.group)
        self._requests[row] = request
        self._tokens[row, :num_prompt] = request.prompt_ids
        self._num_fed[row] = length
        self._num_known[row] = self._num_prompt[row] = num_prompt
        self._min_length[row] = num_prompt + request.min_new_tokens
        self._max_length[row] = num_prompt + request.max_new_tokens
        self._temperature[row] = request.temperature
        self._stop_set[row] = self._stop_set_of(request.stop_ids)
        if request.temperature:
            draws = np.random.default_rng(request.draw_key).random(request.max_new_tokens)
            self._draws[row, num_prompt : num_prompt + request.max_new_tokens] = draws

    def _join_group(self, row: int, group: str | None) -> None:
        former = self._group_of[row]
        if former is not None:
            self._rows_of[former].discard(row)
            if not self._rows_of[former]:
                del self._rows_of[former]
        self._group_of[row] = group
        if group is not None:
            self._rows_of.setdefault(group, set()).add(row)

    def _reserve(self, length: int) -> None:
        self._cache.reserve(length)
        # One column more than the cache: the last step notes a token that is never fed.
        missing = self._cache.capacity + 1 - self._tokens.shape[1]
        if missing > 0:
            self._tokens = np.pad(self._tokens, ((0, 0), (0, missing)))
            self._draws = np.pad(self._draws, ((0, 0), (0, missing)))

    def _stop_set_of(self, stop_ids: frozenset[int]) -> int:
        if stop_ids not in self._stop_sets:
            self._stop_sets[stop_ids] = len(self._stop_sets)
            flags = np.zeros((1, self._vocab_size), dtype=bool)
            flags[0, [token for token in stop_ids if token < self._vocab_size]] = True
            self._is_stop = np.concatenate([self._is_stop, flags])
        return self._stop_sets[stop_ids]

    def _close(self, free: list[int]) -> None:
        """Move the last active rows into the gaps."""
        for gap in sorted(free, reverse=True):
            self.num_active -= 1
            last = self.num_active
            if gap != last:
                self._move(last, gap)

    def _move(self, source: int, target: int) -> None:
        self._cache.copy_row(source=source, target=target, length=int(self._num_fed[source]))
        self._join_group(target, self._group_of[source])
        self._requests[target], self._requests[source] = self._requests[source], None
        for column in (
            self._tokens, self._draws, self._num_fed, self._num_known, self._num_prompt, self._min_length,
            self._max_length, self._temperature, self._stop_set,
        ):  # fmt: skip
            column[target] = column[source]

    def _prefill(self, rows: list[int]) -> None:
        """Feed long prompts but for their last token, many rows at once, rows of similar length together."""
        rows = sorted(rows, key=lambda row: int(self._num_known[row] - self._num_fed[row]))
        while rows:
            longest = int(self._num_known[rows[-1]] - self._num_fed[rows[-1]]) - 1
            width = min(longest, _MAX_PREFILL_TOKENS)
            num_rows = max(1, _MAX_PREFILL_TOKENS // width)
            self._prefill_part(np.array(rows[-num_rows:]), width)
            rows = [row for row in rows if self._num_known[row] - self._num_fed[row] > 1]

    def _prefill_part(self, rows: np.ndarray, width: int) -> None:
        first = self._num_fed[rows]
        last = np.minimum(first + width, self._num_known[rows] - 1) - 1
        # Shorter rows repeat their last token at its own position: the same entry is written again.
        positions = np.minimum(first[:, None] + np.arange(width), last[:, None])
        self._decoder.forward(
            self._cache, rows=rows, token_ids=self._tokens[rows[:, None], positions], positions=positions
        )
        self._num_fed[rows] = last + 1
