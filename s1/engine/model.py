"""A model that answers questions: engine, chat format and delimiters of one model folder together.

Knows questions and forcing settings; does not know stages, benchmarks or grading.

Example::

    model = load_model(Path("models/train/tuned"), engine=params.generate.engine, chat=params.chat)
    states = model.decode(questions, specs, num_samples=1, temperature=0.0, seed=0)
    states[0][0][2]                 # first question, first sample, third setting
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from s1.chat import ChatFormat, PromptMode
from s1.config import ChatParams, EngineParams
from s1.engine.delimiters import forcing_tokens
from s1.engine.forced import Curve, decode_curves
from s1.engine.local import load_engine
from s1.engine.protocol import Engine
from s1.forcing import ForcingSpec, ForcingState, ForcingTokens, to_segments
from s1.model_loading import load_tokenizer
from s1.models import resolve_model
from s1.records import Question, Segment


@dataclass(frozen=True, slots=True)
class AnsweringModel:
    """Answers questions under forcing settings; see ``load_model``."""

    engine: Engine
    chat_format: ChatFormat
    tokens: ForcingTokens

    def decode(
        self,
        questions: Sequence[Question],
        specs: Sequence[ForcingSpec],
        *,
        num_samples: int,
        temperature: float,
        seed: int,
        on_done: Callable[[int], None] | None = None,
    ) -> list[list[list[ForcingState]]]:
        """Decode every question under every setting.

        Args:
            specs: settings that all think, or all answer directly: they share the prompt.
            on_done: told the number of finished samples.

        Returns:
            Final states by question, sample and setting.

        Raises:
            ValueError: settings with and without thinking are mixed.
        """
        thinks = {spec.max_thinking_tokens is not None for spec in specs}
        if len(thinks) != 1:
            raise ValueError("decode settings with thinking and direct answers apart: their prompts differ")
        mode: PromptMode = "thinking" if thinks.pop() else "direct"
        curves = [
            Curve(
                name=f"{index}/{sample}",
                prompt_ids=tuple(self.chat_format.prompt_ids(question.question, mode=mode)),
                specs=tuple(specs),
                seed=sample_seed(seed, question.id, sample),
            )
            for index, question in enumerate(questions)
            for sample in range(num_samples)
        ]
        states = decode_curves(self.engine, curves, self.tokens, temperature=temperature, on_done=on_done)
        return [states[start : start + num_samples] for start in range(0, len(states), num_samples)]

    def segments(self, state: ForcingState) -> list[Segment]:
        """The tokens behind the prompt as records, delimiters shown."""
        return to_segments(state, self._decode_text)

    def _decode_text(self, token_ids: Sequence[int]) -> str:
        tokenizer = self.chat_format.tokenizer
        return cast(str, tokenizer.decode(list(token_ids), skip_special_tokens=False))


def sample_seed(seed: int, question_id: str, sample: int) -> int:
    """Seed of one sample: the same whatever else is decoded beside it."""
    digest = hashlib.sha256(f"{seed}/{question_id}/{sample}".encode()).digest()
    return int.from_bytes(digest[:7], "big")


def load_model(folder: Path, *, engine: EngineParams, chat: ChatParams) -> AnsweringModel:
    """Load model and tokenizer of a folder, or of the one that its pointer leads to.

    Raises:
        ValueError: the folder holds no model, or its tokenizer cannot carry the chat format.
    """
    folder = resolve_model(folder)
    tokenizer = load_tokenizer(folder)
    chat_format = ChatFormat.create(tokenizer, chat=chat)
    local = load_engine(folder, dtype=engine.dtype, batch_size=engine.batch_size, num_token_ids=len(tokenizer))
    return AnsweringModel(local, chat_format, forcing_tokens(chat_format))
