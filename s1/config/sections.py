"""The sections of ``params.yaml``: names, types, limits and meanings of every key."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from s1.records import AnswerKind

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
PositiveInt = Annotated[int, Field(gt=0)]


class Section(BaseModel):
    """Base of every section: immutable, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class NanoModel(Section):
    """A tiny Qwen2-architecture model that the ``base`` stage pretrains from scratch."""

    kind: Literal["nano"]
    num_layers: PositiveInt
    hidden_size: PositiveInt
    num_heads: PositiveInt
    intermediate_size: PositiveInt
    num_steps: PositiveInt
    batch_size: PositiveInt
    learning_rate: Annotated[float, Field(gt=0)]
    direct_weight: Annotated[float, Field(ge=0)]
    """Weight of short direct answers in the pretraining loss, where working a recipe step by step has weight 1."""


class HubModel(Section):
    """A model of a hub, pinned to a revision."""

    kind: Literal["hub"]
    repo: str
    revision: str = "main"


class PathModel(Section):
    """A model folder on this machine in the transformers format."""

    kind: Literal["path"]
    path: str


Model = Annotated[NanoModel | HubModel | PathModel, Field(discriminator="kind")]


class BaseParams(Section):
    """Models that the chain starts from."""

    small: Model
    """Stands for the 7B of the difficulty filter."""
    large: Model
    """Stands for the 32B of the difficulty filter, and is fine-tuned."""


class ProceduralSource(Section):
    """Questions made by ``s1.nano``."""

    kind: Literal["procedural"]
    name: str
    num: PositiveInt
    seed: int
    """Added to the global seed."""
    step_weights: Annotated[list[Annotated[float, Field(ge=0)]], Field(min_length=1, max_length=4)] = [1, 2, 2, 2]
    """Difficulty: how often a question has one step, two, three, four."""

    @field_validator("step_weights")
    @classmethod
    def _some_weight(cls, weights: list[float]) -> list[float]:
        if sum(weights) <= 0:
            raise ValueError("at least one number of steps needs a weight above 0")
        return weights


class JsonlSource(Section):
    """A JSON-lines file with ``question`` and ``solution``."""

    kind: Literal["jsonl"]
    name: str
    path: str
    question_field: str = "question"
    solution_field: str = "solution"
    answer_field: str | None = None
    answer_kind: AnswerKind = "expression"


Source = Annotated[ProceduralSource | JsonlSource, Field(discriminator="kind")]


class CollectParams(Section):
    """Where questions and benchmarks come from."""

    sources: Annotated[list[Source], Field(min_length=1)]
    benchmarks: Annotated[list[Source], Field(min_length=1)]
    num_planted_overlaps: Annotated[int, Field(ge=0)] = 0
    """Benchmark questions copied into the pool (half verbatim, half extended), to show decontamination at work."""
    max_bad_share: Fraction = 0.01
    """Share of unreadable rows of a source above which the stage fails."""

    @model_validator(mode="after")
    def _names_differ(self) -> "CollectParams":
        names = [source.name for source in [*self.sources, *self.benchmarks]]
        doubles = sorted({name for name in names if names.count(name) > 1})
        if doubles:
            raise ValueError(f"sources and benchmarks share the names {doubles}; give each its own")
        return self


class CurateParams(Section):
    """Dedupe, decontamination and quality rules on the question's text (paper section 2.2 and appendix C)."""

    ngram_size: PositiveInt
    """Word n-gram whose sharing with a benchmark question removes a question (8 in the paper)."""
    min_characters: Annotated[int, Field(ge=0)]
    max_characters: PositiveInt
    drop_images: bool
    """Drop questions with ``[asy]`` or ``![Image]``."""
    drop_numbered_parts: bool
    """Drop questions with the strings ``p1.`` to ``p999.``."""
    drop_bold_numbers: bool
    """Drop questions matching the reference's bold-with-digit pattern."""
    asy_exempt_sources: list[str] = []
    """Sources whose questions with ``[asy]`` pass all of these rules (AIME in the reference)."""


class EngineParams(Section):
    """How models decode."""

    kind: Literal["local"]
    dtype: Literal["float32", "bfloat16", "float64"]
    batch_size: PositiveInt
    """Sequences decoded at once; finished ones are replaced."""


class AttemptParams(Section):
    """The difficulty filter: base models answer; a question that either gets right is too easy."""

    engine: EngineParams
    max_new_tokens: PositiveInt
    temperature: Annotated[float, Field(ge=0)]
    shard_size: PositiveInt


class SolverTeacher(Section):
    """The procedural solver of ``s1.nano``."""

    kind: Literal["solver"]


Teacher = SolverTeacher


class DistillParams(Section):
    """The teacher's thinking."""

    teacher: Teacher
    scope: Literal["hard", "all"]
    """``hard``: only questions that both base models miss (same selection, less to pay); ``all``: the paper's order."""
    shard_size: PositiveInt


class ClassifyParams(Section):
    """Domains from the question's text."""

    classifier: Literal["procedural"]
    scope: Literal["hard", "all"] = "hard"
    """Which curated questions get a label: those both base models miss, or all (for recipes other than ``s1``)."""


class SelectParams(Section):
    """Which examples are taken (paper Algorithm 1)."""

    recipe: Literal["s1", "random", "diverse", "longest", "full"]
    num_examples: PositiveInt
    """Ignored by ``full``."""
    num_uniform: Annotated[int, Field(ge=0)]
    """Up to this many taken, domains are drawn uniformly; after that by benchmark weight (700 in the paper)."""
    prepick_sources: list[str]
    """Sources whose correctly answered questions are taken first (GPQA and AIME in the paper)."""
    prepick_long_sources: dict[str, int]
    """Source -> thinking tokens above which a correctly answered question is taken first (MATH: 5600)."""
    weight_sources: dict[str, float]
    """Source -> weight of its questions in the second phase's domain weights (AIME 1, GPQA 0.5 in the paper).

    The source with the largest weight sets the scale: another counts as if it had as many candidates in all.
    """


class ChatParams(Section):
    """Delimiters around thinking and answer (s1: ``<|im_start|>think`` and ``<|im_start|>answer``)."""

    think_start: str
    answer_start: str
    final_answer: str
    """Appended after ``answer_start`` when the budget ends thinking (``\\nFinal Answer:``)."""
    wait: str
    """Appended when the model's own end of thinking is suppressed."""
    think_stops: Annotated[list[str], Field(min_length=1)]
    """Special tokens, each one token, that end thinking when sampled."""


class TokenizeParams(Section):
    """From selection to training sequences."""

    max_length: PositiveInt
    over_length: Literal["fail", "drop", "cut"]
    """What happens to an example longer than ``max_length``; the reference cuts."""


class TrainParams(Section):
    """The fine-tuning recipe (paper appendix D)."""

    num_epochs: PositiveInt
    batch_size: PositiveInt
    """Examples per optimizer step over all ranks; every example weighs the same."""
    learning_rate: Annotated[float, Field(gt=0)]
    warmup_ratio: Fraction
    weight_decay: Annotated[float, Field(ge=0)]
    adam_beta1: Fraction
    adam_beta2: Fraction
    max_grad_norm: Annotated[float, Field(gt=0)]
    dtype: Literal["float32", "bfloat16"]
    zero_stage: Literal[1, 2, 3]
    checkpoint_every_steps: PositiveInt


class GenerateParams(Section):
    """Forced decoding over budgets and Wait counts."""

    engine: EngineParams
    benchmarks: Annotated[list[str], Field(min_length=1)]
    """Names from ``collect.benchmarks``."""
    budgets: Annotated[list[PositiveInt], Field(min_length=1)]
    """Maxima of thinking tokens, each a point of the curve."""
    wait_counts: list[Annotated[int, Field(ge=0)]]
    """How often the end of thinking is suppressed and Wait appended, each a point; 0 is plain decoding."""
    max_thinking_tokens: PositiveInt
    """Thinking limit of the Wait points, all rounds together."""
    max_answer_tokens: PositiveInt
    temperature: Annotated[float, Field(ge=0)]
    num_samples: PositiveInt
    shard_size: PositiveInt

    @model_validator(mode="after")
    def _points_are_sane(self) -> "GenerateParams":
        if sorted(set(self.budgets)) != self.budgets:
            raise ValueError(f"budgets {self.budgets} must rise and not repeat")
        if sorted(set(self.wait_counts)) != self.wait_counts:
            raise ValueError(f"wait_counts {self.wait_counts} must rise and not repeat")
        if self.temperature == 0 and self.num_samples > 1:
            raise ValueError("num_samples > 1 needs temperature > 0: greedy samples are all the same")
        return self


class ScoreParams(Section):
    """Grading and statistics."""

    num_resamples: PositiveInt
    """Bootstrap resamples of every interval (10,000 in the paper)."""
    confidence: Annotated[float, Field(gt=0.5, lt=1)]


class ReportParams(Section):
    """What the report shows."""

    title: str
    num_transcripts: Annotated[int, Field(ge=0)]
