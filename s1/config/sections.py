"""The sections of ``params.yaml``: names, types, limits and meanings of every key.

A section is what one stage reads, plus ``chat``. What comes in kinds (models, sources, engines) is in
``s1.config.kinds``. Paper: arXiv 2501.19393.

Example::

    ScoreParams(num_resamples=10_000, confidence=0.95)
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from s1.config.decoding import DISTINCT, AttemptEngine
from s1.config.kinds import Classifier, HeldOut, Judge, Model, Source, Teacher
from s1.config.section import Count, Fraction, NonNegativeFloat, PositiveFloat, PositiveInt, Section

AdamBeta = Annotated[float, Field(ge=0, lt=1)]


class BaseParams(Section):
    """Models that the chain starts from."""

    small: Model
    """Stands for the 7B of the difficulty filter."""
    large: Model
    """Stands for the 32B of the difficulty filter, and is fine-tuned."""


class CollectParams(Section):
    """Where questions and benchmarks come from."""

    sources: Annotated[list[Source], Field(min_length=1)]
    """Where training questions come from; the paper has 16 sources with 59,029 questions."""
    benchmarks: Annotated[list[Source], Field(min_length=1)]
    """Held-out questions that models are measured on; questions that share text with them leave the pool."""
    held_out: list[HeldOut] = Field(default=[])
    """More that the pool is kept clear of, without being measured on: other typesettings, other benchmarks, hashes."""
    num_planted_overlaps: Count = 0
    """Benchmark questions copied into the pool (half verbatim, half extended), to show decontamination at work."""
    max_bad_share: Fraction = 0.01
    """Share of unreadable rows of a source above which the stage fails."""

    @model_validator(mode="after")
    def _names_differ(self) -> "CollectParams":
        names = [source.name for source in [*self.sources, *self.benchmarks, *self.held_out]]
        doubles = sorted({name for name in names if names.count(name) > 1})
        if doubles:
            raise ValueError(f"sources, benchmarks and held-out sets share the names {doubles}; give each its own")
        return self


class AttemptParams(Section):
    """The difficulty filter: base models answer; a question that either gets right is too easy."""

    engine: AttemptEngine
    """How the base models decode, or where their recorded attempts lie."""
    max_new_tokens: PositiveInt
    """Longest answer, in tokens (32,768 in the paper)."""
    temperature: NonNegativeFloat
    """Randomness of the answers: 0 always takes the likeliest token (0.05 in the paper)."""
    shard_size: PositiveInt
    """Questions per shard; a stopped stage goes on after its last finished shard."""
    not_attempted: Literal["out", "hard"] = "out"
    """What a question is that a base model was not asked or could not answer: ``out`` of the hard ones, or ``hard``."""
    ungraded: Literal["out", "hard"] = "out"
    """What a question is whose attempts could not be graded: ``out`` of the hard ones, or ``hard``."""
    judge: Judge | None = None
    """A language model that grades what the symbolic grader cannot (prose); empty: such attempts stay ungraded."""


class DistillParams(Section):
    """The teacher's thinking."""

    teacher: Teacher
    """Who thinks; a Gemini Flash Thinking model in the paper."""
    scope: Literal["hard", "all"]
    """``hard``: only questions that both base models miss (same selection, less to pay); ``all``: the paper's order."""
    shard_size: PositiveInt
    """Questions per shard; a stopped stage goes on after its last finished shard."""


class ClassifyParams(Section):
    """Domains from the question's text."""

    classifier: Classifier
    """Who names the domains."""
    scope: Literal["hard", "all"] = "hard"
    """Which curated questions get a label: those both base models miss, or all (for recipes other than ``s1``)."""


class ChatParams(Section):
    """Delimiters around thinking and answer: s1's, or in brackets those of models such as R1, QwQ and Qwen3."""

    think_start: str
    """Opens the thinking: ``<|im_start|>think`` in the paper (``<think>`` and a newline, in the template or not)."""
    answer_start: str
    """Opens the answer: ``<|im_start|>answer`` in the paper (``</think>`` and two newlines)."""
    final_answer: str
    """Appended after ``answer_start`` when the budget ends thinking (``\\nFinal Answer:``)."""
    wait: str
    """Appended when the model's own end of thinking is suppressed."""
    think_stops: Annotated[list[str], Field(min_length=1)]
    """Added tokens of the tokenizer, each one token, that end thinking when sampled (``</think>``)."""
    direct_start: str = ""
    """Opens an answer without thinking; empty: nothing (``<think></think>`` where a model else thinks by itself)."""


class TokenizeParams(Section):
    """From selection to training sequences."""

    max_length: PositiveInt
    """Longest training sequence, in tokens: question, thinking and answer together (32,768 in the paper)."""
    over_length: Literal["fail", "drop", "cut"]
    """What happens to an example longer than ``max_length``; the reference cuts."""
    max_cut_share: Fraction = 0.1
    """Share of examples longer than ``max_length`` (dropped or cut) above which the stage fails."""
    leaks: Literal["fail", "drop", "keep"] = "fail"
    """What happens to an example whose question gives its own answer away (``The answer is 42`` in the prompt)."""
    control: Literal["none", "tokens", "steps", "class"] = "none"
    """Train on prompts that say how much to think, as the paper's comparisons with budget forcing do (section 5.2)."""


class LoraParams(Section):
    """Train small matrices beside frozen weights (LoRA), for GPUs that cannot hold the whole optimizer.

    Another recipe than the paper's, which trains all weights.
    """

    rank: PositiveInt
    """Width of the matrices."""
    alpha: PositiveFloat
    """Their output is scaled by this over the rank."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of their inputs dropped while training."""
    target_modules: Annotated[list[str], DISTINCT] = Field(default=[])
    """Names of the linear layers that get them; empty: all but the output head."""


class SpikeParams(Section):
    """When a jump of the loss stops the run."""

    ratio: Annotated[float, Field(gt=1)]
    """Stop at a step whose loss is more than this many times the recent steps' median."""
    num_steps: PositiveInt
    """How many steps count as recent; nothing is judged before there are that many."""
    min_loss: NonNegativeFloat
    """Smaller losses, in nats per token, never count as a spike."""


class TrainParams(Section):
    """The fine-tuning recipe (paper appendix D)."""

    num_epochs: PositiveInt
    """Passes over the selection (5 in the paper)."""
    batch_size: PositiveInt
    """Examples per optimizer step over all ranks; every example weighs the same (16 in the paper)."""
    learning_rate: PositiveFloat
    """Peak learning rate, after the warmup; then a cosine down to 0 (0.00001 in the paper, larger for tiny models)."""
    warmup_ratio: Fraction
    """Share of the steps over which the learning rate rises from 0 to its peak (0.05 in the paper)."""
    weight_decay: NonNegativeFloat
    """AdamW's pull of weights towards 0, per step and unit of learning rate (0.0001 in the paper)."""
    adam_beta1: AdamBeta
    """AdamW's memory of the gradient (0.9 in the paper)."""
    adam_beta2: AdamBeta
    """AdamW's memory of the gradient's square (0.95 in the paper)."""
    max_grad_norm: PositiveFloat
    """Gradients longer than this are scaled down to it."""
    dtype: Literal["float32", "bfloat16"]
    """Number format of forward and backward passes (bfloat16 in the paper)."""
    zero_stage: Literal[1, 2, 3]
    """What DeepSpeed spreads over ranks: 1 optimizer states, 2 also gradients, 3 also weights."""
    checkpoint_every_steps: PositiveInt
    """Optimizer steps between checkpoints; a stopped training goes on from its last one."""
    objective: Literal["example-mean", "token-mean"] = "example-mean"
    """``example-mean``: every example of a step weighs the same, as at the reference; ``token-mean``: every token."""
    lora: LoraParams | None = None
    """Train LoRA matrices instead of all weights; empty: all weights, as in the paper."""
    spike: SpikeParams | None = None
    """Stop where the loss jumps; empty: only where it is no number."""


class ScoreParams(Section):
    """Grading and statistics."""

    num_resamples: PositiveInt
    """Bootstrap resamples of every interval (10,000 in the paper)."""
    confidence: Annotated[float, Field(gt=0.5, lt=1)]
    """Confidence level of every interval (0.95 in the paper)."""
    vote_counts: Annotated[list[PositiveInt], DISTINCT] = Field(default=[])
    """Majority votes over so many parallel samples, each a point (needs generate.num_parallel)."""
    rejection_budgets: Annotated[list[PositiveInt], DISTINCT] = Field(default=[])
    """Rejection sampling: of the parallel samples, the first whose thinking ends by itself within so many tokens."""
    max_failed_share: Fraction = 0.5
    """Share of a point's generations without a gradable answer above which the stage fails (1: never).

    Votes and rejection sampling are exempt: they are made of the parallel samples, which are held to it themselves.
    """
    judge: Judge | None = None
    """A language model that compares answers with references as a second opinion; empty: none."""

    @model_validator(mode="after")
    def _counts_rise(self) -> "ScoreParams":
        for name in ("vote_counts", "rejection_budgets"):
            values = getattr(self, name)
            if sorted(set(values)) != values:
                raise ValueError(f"{name} {values} must rise and not repeat")
        return self

    @property
    def num_parallel_needed(self) -> int:
        """Parallel samples of each question that votes and rejection sampling take."""
        return max([*self.vote_counts, 1 if self.rejection_budgets else 0], default=0)


class ReportParams(Section):
    """What the report shows."""

    title: str
    """Headline of the report."""
    num_transcripts: Count
    """Questions whose thinking and answers are shown in full, in transcripts.html; the report has the first six."""
