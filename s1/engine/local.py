"""The engine on this machine: a transformers model with continuous batching, in one process.

Knows models and tensors; the order of requests is the business of ``s1.engine.batch``. Greedy decoding takes the
largest logit; at temperature > 0 a token is drawn by inverting the cumulative distribution at a number that depends on
the request's ``draw_key`` and the position alone, so neither the batch nor the order of requests changes a draw (up to
numerics). Ids that the tokenizer does not have (padded embeddings) are never sampled.

Example::

    engine = load_engine(Path("models/train/tuned"), dtype="float32", batch_size=64)
    engine.generate(requests, on_finish=take)
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from transformers import PreTrainedModel

from s1.engine.batch import RunningBatch
from s1.engine.protocol import FollowUp, Request
from s1.engine.rows import RowCache
from s1.model_loading import load_causal_model

logger = logging.getLogger(__name__)

_MAX_SINGLE_THREAD_PARAMETERS = 20_000_000
"""A smaller model decodes with one thread on a CPU: its operations are so short that threads mostly wait for one
another, and on a busy machine they wait for the scheduler (measured: 12 times slower with two)."""

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float64": torch.float64}


class LocalEngine:
    """Decodes with one model on one device; see ``load_engine``."""

    def __init__(self, model: PreTrainedModel, *, batch_size: int, num_token_ids: int | None = None) -> None:
        """Wrap a loaded model.

        Args:
            batch_size: sequences decoded at once.
            num_token_ids: ids from here on are never sampled; None: all may be.

        Raises:
            ValueError: the model attends through a sliding window, which this engine does not know.
        """
        layer_types = getattr(model.config, "layer_types", None) or []
        if any(layer != "full_attention" for layer in layer_types):
            raise ValueError(f"the local engine needs full attention in every layer; this model has {set(layer_types)}")
        model.train(False)
        self._model = model
        self._batch_size = batch_size
        self._num_token_ids = num_token_ids

    @property
    def max_context(self) -> int:
        """The model's ``max_position_embeddings``."""
        return int(self._model.config.max_position_embeddings)

    @property
    def device(self) -> torch.device:
        """Where the model lies."""
        device: torch.device = self._model.device
        return device

    @torch.inference_mode()
    def generate(self, requests: Sequence[Request], *, on_finish: FollowUp) -> None:
        """Decode all requests and all that follow from them, see ``s1.engine.protocol.Engine``."""
        batch = RunningBatch(
            self,
            requests,
            batch_size=self._batch_size,
            max_context=self.max_context,
            vocab_size=self._num_token_ids or int(self._model.config.vocab_size),
            on_finish=on_finish,
        )
        with self._threads():
            batch.run()
        logger.info("decoded %d tokens in %d steps", batch.num_decoded, batch.num_steps)

    @contextmanager
    def _threads(self) -> Iterator[None]:
        num_threads = torch.get_num_threads()
        if self.device.type == "cpu" and self._model.num_parameters() < _MAX_SINGLE_THREAD_PARAMETERS:
            torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(num_threads)

    def new_cache(self, num_rows: int) -> RowCache:
        """An empty cache of keys and values."""
        return RowCache(num_rows=num_rows)

    def forward(
        self, cache: RowCache, *, rows: slice | np.ndarray, token_ids: np.ndarray, positions: np.ndarray
    ) -> torch.Tensor:
        """Feed tokens (n, s) standing at ``positions`` (n, s) of the cache's ``rows``; last logits (n, vocabulary)."""
        ids = torch.from_numpy(token_ids).to(self.device)
        places = torch.from_numpy(positions).to(self.device)
        span = int(positions.max()) + 1
        visible = torch.arange(span, device=self.device) <= places[:, :, None]  # (n, s, span)
        row_index = rows if isinstance(rows, slice) else torch.from_numpy(rows).to(self.device)
        cache.place(rows=row_index, positions=places, span=span)
        output = self._model(
            input_ids=ids,
            attention_mask=visible[:, None],
            position_ids=places,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        logits: torch.Tensor = output.logits[:, -1]
        return logits if self._num_token_ids is None else logits[:, : self._num_token_ids]

    def choose(
        self, logits: torch.Tensor, *, banned: dict[int, list[int]], temperatures: np.ndarray, draws: np.ndarray
    ) -> np.ndarray:
        """Sample one token per row.

        Args:
            logits: (n, vocabulary), changed in place.
            banned: row -> ids that must not be sampled.
            temperatures: (n,), 0 is greedy.
            draws: (n,) uniform numbers from [0, 1); read where the temperature is not 0.
        """
        for row, token_ids in banned.items():
            logits[row, token_ids] = float("-inf")
        chosen = logits.argmax(-1)
        if temperatures.any():
            warm = torch.from_numpy(np.flatnonzero(temperatures)).to(self.device)
            heat = torch.from_numpy(temperatures).to(self.device)[warm, None]
            chosen[warm] = _invert(logits[warm].double() / heat, torch.from_numpy(draws).to(self.device)[warm])
        return chosen.cpu().numpy()

    def probability(self, logits: torch.Tensor, token_ids: list[int]) -> float:
        """Probability of some tokens together, at temperature 1, under the logits of one row (vocabulary,)."""
        return float(torch.softmax(logits.double(), dim=-1)[token_ids].sum())


def _invert(logits: torch.Tensor, draws: torch.Tensor) -> torch.Tensor:
    """Tokens (n,) at which the cumulative distributions of ``logits`` (n, vocabulary) first exceed ``draws`` (n,)."""
    cumulative = torch.softmax(logits, dim=-1).cumsum(-1)
    total = cumulative[:, -1:]
    # Just below the total, so that rounding never runs past the last possible token.
    goal = torch.minimum(draws[:, None] * total, torch.nextafter(total, torch.zeros_like(total)))
    return torch.searchsorted(cumulative, goal, right=True)[:, 0]


def load_engine(
    folder: Path,
    *,
    dtype: Literal["float32", "bfloat16", "float64"],
    batch_size: int,
    num_token_ids: int | None = None,
) -> LocalEngine:
    """Load a model folder (safetensors, transformers format) onto the GPU where there is one, else the CPU."""
    model = load_causal_model(
        folder,
        dtype=_DTYPES[dtype],
        attn_implementation="sdpa",
        device_map="cuda" if torch.cuda.is_available() else None,
    )
    return LocalEngine(model, batch_size=batch_size, num_token_ids=num_token_ids)
