"""A model that answers questions: engine, chat format and delimiters of one model folder together.

Knows questions, prompts and forcing settings; does not know stages, benchmarks or grading.

Example::

    model = load_model(Path("models/train/tuned"), engine=params.generate.engine, chat=params.chat)
    specs = tuple(model.settings(params.generate, model.prompt_lengths(questions)))
    model.decode([Job(question, 0, specs) for question in questions], seed=0, on_done=keep)
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from s1.chat import ChatFormat, PromptMode
from s1.config import ChatParams, EngineParams, GenerateParams
from s1.controls.texts import add_sentence
from s1.engine.delimiters import forcing_tokens
from s1.engine.forced import Curve, CurveResult, stream_curves
from s1.engine.protocol import Engine
from s1.forcing import (
    ForcingSpec,
    ForcingState,
    ForcingTokens,
    auto_thinking_tokens,
    check_room,
    settings_of,
    to_segments,
)
from s1.model_loading import load_tokenizer
from s1.models import resolve_model
from s1.records import Question, Segment

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True)
class Job:
    """One sample of one question under settings that share a prompt."""

    question: Question
    sample: int
    specs: tuple[ForcingSpec, ...]
    """All think, or all answer directly."""
    control: str | None = None
    """Sentence about how much to think, appended to the question in the prompt."""
    temperature: float = 0.0


@dataclass(frozen=True, slots=True)
class AnsweringModel:
    """Answers questions under forcing settings; see ``load_model``."""

    engine: Engine
    chat_format: ChatFormat
    tokens: ForcingTokens

    def decode(self, jobs: Sequence[Job], *, seed: int, on_done: Callable[[Job, CurveResult], None]) -> None:
        """Decode every job under all its settings.

        Args:
            seed: a sample depends on it, its question's id and its number, and on no other job.
            on_done: takes each job with its result as soon as it has ended; jobs end in any order.

        Raises:
            ValueError: settings with and without thinking are mixed in a job.
        """
        by_name = {str(number): job for number, job in enumerate(jobs)}
        curves = [
            Curve(
                name=name,
                prompt_ids=tuple(self.prompt_ids(job.question, mode=_mode_of(job.specs), control=job.control)),
                specs=job.specs,
                seed=sample_seed(seed, job.question.id, job.sample),
                temperature=job.temperature,
            )
            for name, job in by_name.items()
        ]

        def hand_over(result: CurveResult) -> None:
            on_done(by_name.pop(result.curve.name), result)

        stream_curves(self.engine, curves, self.tokens, on_done=hand_over)

    def prompt_ids(self, question: Question, *, mode: PromptMode, control: str | None = None) -> list[int]:
        """Token ids of a question's prompt."""
        return self.chat_format.prompt_ids(add_sentence(question.question, control), mode=mode)

    def prompt_lengths(self, questions: Sequence[Question], *, control: str | None = None) -> list[int]:
        """Tokens of each question's thinking prompt."""
        return [len(self.prompt_ids(question, mode="thinking", control=control)) for question in questions]

    def settings(self, generate: GenerateParams, prompt_lengths: Sequence[int]) -> list[ForcingSpec]:
        """The points that share the thinking prompt, with ``auto`` resolved over all the prompts.

        Raises:
            ForcingError: a point is impossible or fits the context with none of the prompts.
        """
        limit = self.max_thinking_tokens(generate, longest_prompt=max(prompt_lengths))
        specs = settings_of(generate, max_thinking_tokens=limit)
        self.check_room(specs, prompt_lengths)
        return specs

    def check_room(self, specs: Sequence[ForcingSpec], prompt_lengths: Sequence[int]) -> None:
        """See that every thinking setting fits the context with at least one of the prompts.

        Raises:
            ForcingError: a setting fits with none.
        """
        check_room(specs, self.tokens, max_context=self.engine.max_context, shortest_prompt=min(prompt_lengths))

    def max_thinking_tokens(self, generate: GenerateParams, *, longest_prompt: int) -> int:
        """``generate.max_thinking_tokens``; for ``auto`` what the context leaves for the longest prompt."""
        if generate.max_thinking_tokens != "auto":
            return generate.max_thinking_tokens
        return auto_thinking_tokens(
            self.tokens,
            max_context=self.engine.max_context,
            longest_prompt=longest_prompt,
            max_answer_tokens=generate.max_answer_tokens,
        )

    def segments(self, state: ForcingState) -> list[Segment]:
        """The tokens behind the prompt as records, delimiters shown."""
        return to_segments(state, self._decode_text)

    def _decode_text(self, token_ids: Sequence[int]) -> str:
        tokenizer = self.chat_format.tokenizer
        return cast(str, tokenizer.decode(list(token_ids), skip_special_tokens=False))


def _mode_of(specs: Sequence[ForcingSpec]) -> PromptMode:
    thinks = {spec.thinks for spec in specs}
    if len(thinks) != 1:
        raise ValueError("give a job settings that all think or all answer directly: their prompts differ")
    return "thinking" if thinks.pop() else "direct"


def sample_seed(seed: int, question_id: str, sample: int) -> int:
    """Seed of one sample: the same whatever else is decoded beside it."""
    digest = hashlib.sha256(f"{seed}/{question_id}/{sample}".encode()).digest()
    return int.from_bytes(digest[:7], "big")


def load_model(folder: Path, *, engine: EngineParams, chat: ChatParams, urls: Sequence[str] = ()) -> AnsweringModel:
    """Load tokenizer and model of a folder, or of the one that its pointer leads to.

    Args:
        urls: addresses of the servers that hold the model, where the engine is vLLM.

    Raises:
        ValueError: the folder holds no model, or its tokenizer cannot carry the chat format.
    """
    folder = resolve_model(folder)
    tokenizer = load_tokenizer(folder)
    chat_format = ChatFormat.create(tokenizer, chat=chat)
    tokens = forcing_tokens(chat_format, ends=_ends_of(folder))
    return AnsweringModel(_load_engine(folder, tokenizer, engine=engine, urls=urls), chat_format, tokens)


def _load_engine(
    folder: Path, tokenizer: "PreTrainedTokenizerBase", *, engine: EngineParams, urls: Sequence[str]
) -> Engine:
    if engine.kind == "local":
        from s1.engine.local import load_engine

        return load_engine(folder, dtype=engine.dtype, batch_size=engine.batch_size, num_token_ids=len(tokenizer))
    from s1.engine.vllm import VllmClient

    return VllmClient(urls, model_name=str(folder), max_context=engine.max_context, num_token_ids=len(tokenizer))


def _ends_of(folder: Path) -> list[int]:
    """The tokens that end a text as the model's own generation settings say (Qwen2.5 has two)."""
    path = folder / "generation_config.json"
    if not path.is_file():
        return []
    ends = json.loads(path.read_text(encoding="utf-8")).get("eos_token_id")
    return [] if ends is None else ends if isinstance(ends, list) else [ends]
