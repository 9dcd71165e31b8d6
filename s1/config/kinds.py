"""The parts of ``params.yaml`` that come in kinds: models, sources, teachers, classifiers, judges; ``kind`` says which.

Knows names, types, limits and meanings of their keys; the sections that use them are in ``s1.config.sections``.

Example::

    HubModel(kind="hub", repo="Qwen/Qwen2.5-32B-Instruct")
"""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from s1.config.section import Fraction, NonNegativeFloat, PositiveFloat, PositiveInt, Section, Seed
from s1.records import AnswerKind


class NanoModel(Section):
    """A tiny Qwen2-architecture model that the ``base`` stage pretrains from scratch."""

    kind: Literal["nano"]
    """Pretrained here within minutes; nothing is downloaded."""
    num_layers: PositiveInt
    """Transformer layers."""
    hidden_size: PositiveInt
    """Numbers that stand for a token inside the model; a multiple of the number of heads."""
    num_heads: PositiveInt
    """Attention heads of each layer."""
    intermediate_size: PositiveInt
    """Width of each layer's feed-forward part."""
    num_steps: PositiveInt
    """Optimizer steps of pretraining; more make a better base model and a longer stage."""
    batch_size: PositiveInt
    """Examples per step of pretraining."""
    learning_rate: PositiveFloat
    """Peak of pretraining's learning rate, after a warmup of 50 steps; it then falls to 2% of the peak."""
    direct_weight: NonNegativeFloat
    """Weight of short direct answers in the pretraining loss, where working a recipe step by step has weight 1."""


class HubModel(Section):
    """A model of a hub, pinned to a revision."""

    kind: Literal["hub"]
    """Downloaded from the Hugging Face hub; the weights stay in the hub's cache."""
    repo: str
    """Owner and name on the hub, such as Qwen/Qwen2.5-32B-Instruct."""
    revision: str = "main"
    """Commit, tag or branch; only a commit stays the same for ever."""


class PathModel(Section):
    """A model folder on this machine in the transformers format."""

    kind: Literal["path"]
    """Read from a folder on the machine that runs the stages."""
    path: str
    """The folder with config, tokenizer and weights, absolute or relative to the project's root."""


class TokenizerModel(Section):
    """A tokenizer without a model, for profiles that stop before anything is decoded or trained."""

    kind: Literal["tokenizer"]
    """Only the tokenizer: lengths are counted and examples made with it, nothing can be decoded or trained."""
    path: str
    """A folder with the tokenizer's files (tokenizer.json may be gzip-compressed); ``$S1_DATA/...`` starts in the data
    folder."""


Model = Annotated[NanoModel | HubModel | PathModel | TokenizerModel, Field(discriminator="kind")]


class ProceduralSource(Section):
    """Questions made by ``s1.nano``."""

    kind: Literal["procedural"]
    """Questions made by a program, with one exact answer each."""
    name: str
    """Name of the source; other sections refer to it, and no other source or benchmark may have it."""
    num: PositiveInt
    """Questions to make."""
    seed: Seed
    """Added to the global seed, so that two sources differ."""
    step_weights: Annotated[list[NonNegativeFloat], Field(min_length=1, max_length=4)] = Field(default=[1, 2, 2, 2])
    """Difficulty: how often a question has one step, two, three, four; at least one weight is above 0."""

    @field_validator("step_weights")
    @classmethod
    def _some_weight(cls, weights: list[float]) -> list[float]:
        if sum(weights) <= 0:
            raise ValueError("at least one number of steps needs a weight above 0")
        return weights


class JsonlSource(Section):
    """A JSON-lines file with ``question`` and ``solution``."""

    kind: Literal["jsonl"]
    """A file with one JSON object per line."""
    name: str
    """Name of the source; other sections refer to it, and no other source or benchmark may have it."""
    path: str
    """The file: absolute, or from the project's root if git does not ignore it (runs from the UI work in a clone)."""
    question_field: str = "question"
    """Key of the question's text in each line."""
    solution_field: str = "solution"
    """Key of the reference solution in each line."""
    answer_field: str | None = None
    """Key of the short final answer in each line; without one, the answer is read out of the solution."""
    answer_kind: AnswerKind = "expression"
    """Answers are compared as mathematics (expression), letters (choice), a number and its unit, by a judge (prose)."""


class FilesSource(Section):
    """Files of one known format, read by the adapter of that name (``s1.sources.adapters``)."""

    kind: Literal["files"]
    """One or several files on this machine in a format that an adapter knows."""
    name: str
    """Name of the source; other sections refer to it, and no other source or benchmark may have it."""
    adapter: str
    """Which adapter reads them; ``python -m flows.sources --adapters`` lists them."""
    paths: Annotated[list[str], Field(min_length=1)]
    """The files; a path that begins with ``$S1_DATA/`` starts in the folder that this variable names."""


class PoolSource(Section):
    """One of the 16 sources of the paper's pool, from the hub."""

    kind: Literal["pool"]
    """A source of the paper's 59,029 questions, by name: its place on the hub and its columns are known."""
    name: str
    """Name of the source, such as numinamath; ``python -m flows.sources --pool`` lists all 16."""
    path: str | None = None
    """A folder with the data sets (owner/name, each laid out as on the hub) instead of the hub."""
    revisions: dict[str, str] = Field(default={})
    """Data set (owner/name) -> commit, tag or branch; the others are read at main. Only a commit stays the same."""


class HubSource(Section):
    """A data set of the Hugging Face hub, or a folder in the hub's layout."""

    kind: Literal["hub"]
    """Downloaded from the Hugging Face hub, or read from a folder laid out like one."""
    name: str
    """Name of the source; other sections refer to it, and no other source or benchmark may have it."""
    repo: str
    """Owner and name on the hub, such as HuggingFaceH4/MATH-500, or a folder."""
    revision: str = "main"
    """Commit, tag or branch; only a commit stays the same for ever."""
    subset: str | None = None
    """Configuration of the data set, such as gpqa_diamond, where it has several."""
    split: str = "test"
    """Which part of the data set."""
    question_field: str = "question"
    """Column of the question's text."""
    solution_field: str = "solution"
    """Column of the reference solution."""
    answer_field: str | None = None
    """Column of the short final answer; without one, the answer is read out of the solution."""
    answer_kind: AnswerKind = "expression"
    """Answers are compared as mathematics (expression), letters (choice), a number and its unit, by a judge (prose)."""
    wrong_choice_fields: list[str] = Field(default=[])
    """Columns of wrong options: the options are put under the question as A, B, ... in an order drawn from the seed."""


class KnownBenchmark(Section):
    """A benchmark of the paper, by name: its place on the hub, its columns and how it is graded are known."""

    kind: Literal["benchmark"]
    """One of the paper's benchmarks; only its name has to be given."""
    name: Literal["aime24", "aime25", "math500", "gpqa-diamond"]
    """AIME 2024 and 2025 (30 questions each), MATH500 (500), GPQA Diamond (198)."""
    path: str | None = None
    """A file with its rows (JSON lines, JSON or CSV) instead of the hub's data set."""


Source = Annotated[
    ProceduralSource | JsonlSource | FilesSource | PoolSource | HubSource | KnownBenchmark, Field(discriminator="kind")
]


class HashedBenchmark(Section):
    """A benchmark whose text may not be shown: hashes of its word 8-grams."""

    kind: Literal["hashes"]
    """A file with the hashed n-grams of a benchmark's questions, one question per line."""
    name: str
    """Name of the benchmark; no source or other benchmark may have it."""
    path: str
    """The file: JSON lines with ``record_id``, ``n_words`` and ``ngram8_sha256_128``."""


HeldOut = Annotated[
    JsonlSource | FilesSource | HubSource | KnownBenchmark | HashedBenchmark, Field(discriminator="kind")
]
"""What the pool is kept clear of without being measured on it."""


class SolverTeacher(Section):
    """The procedural solver of ``s1.nano``."""

    kind: Literal["solver"]
    """A program that thinks aloud; free, and only for procedural questions."""


class RecordedTraces(Section):
    """A file of recorded traces."""

    adapter: str
    """Format of the file, such as r1-pcmb or pairs; docs/attempts.md lists them."""
    path: str
    """The file; ``$S1_DATA/...`` starts in the data folder."""
    join: str | None = None
    """A file with the questions, for formats whose traces only name them."""
    teacher: str | None = None
    """Whose traces they are, such as QwQ-32B; empty: what the file says."""


class ReplayTeacher(Section):
    """Responses that were recorded earlier, by whatever teacher."""

    kind: Literal["replay"]
    """Nobody is asked: recorded thinking and answers are used, and other questions have none."""
    files: Annotated[list[RecordedTraces], Field(min_length=1)]
    """Where they lie; of two traces for a question the first that ended well counts."""
    max_bad_share: Fraction = 0.01
    """Share of a file's rows that cannot be used above which the stage fails."""


Teacher = Annotated[SolverTeacher | ReplayTeacher, Field(discriminator="kind")]


class ProceduralClassifier(Section):
    """The program that made the questions knows their domains."""

    kind: Literal["procedural"]
    """By the wording of procedural questions; other questions are ``unknown``."""


class LocalClassifier(Section):
    """A small classifier that comes with the program."""

    kind: Literal["local"]
    """On this machine, without a key, from the question's words (accuracy: docs/classification.md)."""


class LlmClassifier(Section):
    """A language model behind an OpenAI-compatible chat server; its address is the variable S1_CLASSIFIER_URL."""

    kind: Literal["openai"]
    """Any OpenAI-compatible chat server; address and key come from S1_CLASSIFIER_URL and S1_CLASSIFIER_API_KEY."""
    model: str
    """Name of the model on that server (Claude 3.5 Sonnet in the paper)."""


Classifier = Annotated[ProceduralClassifier | LocalClassifier | LlmClassifier, Field(discriminator="kind")]


class Judge(Section):
    """A language model behind an OpenAI-compatible chat server; its address is the variable S1_JUDGE_URL."""

    kind: Literal["openai"]
    """Any OpenAI-compatible chat server; address and key come from S1_JUDGE_URL and S1_JUDGE_API_KEY."""
    model: str
    """Name of the model on that server."""
    scope: Literal["ungradable", "all"] = "all"
    """``ungradable``: only where the symbolic grader cannot tell (prose); ``all``: every answer, for comparison."""
