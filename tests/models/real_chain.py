"""The stages from tokenize to score on a handful of examples, for a base model that lies in the current folder."""

from s1.artifacts import ArtifactWriter
from s1.config import ChatParams, GenerateParams, LocalEngine, ScoreParams, TokenizeParams, TrainParams
from s1.records import Question, SelectedQuestion
from tasks import generate, score, tokenize_, train
from tasks.paths import BENCHMARKS, CURATED, SELECTION
from tasks.stage import Metrics
from tests.delimiters import S1_DELIMITERS
from tests.tasks.data_workspace import make_stage

SUMS = [(2, 3), (4, 5), (7, 8), (9, 4)]
TRAIN = TrainParams(
    num_epochs=1,
    batch_size=2,
    learning_rate=0.001,
    warmup_ratio=0.0,
    weight_decay=0.0001,
    adam_beta1=0.9,
    adam_beta2=0.95,
    max_grad_norm=1.0,
    dtype="bfloat16",
    zero_stage=3,
    checkpoint_every_steps=100,
)
GENERATE = GenerateParams(
    engine=LocalEngine(kind="local", dtype="bfloat16", batch_size=4),
    benchmarks=["sums"],
    budgets=[3, 6],
    wait_counts=[0],
    max_thinking_tokens=6,
    max_answer_tokens=3,
    temperature=0.0,
    num_samples=1,
)


def make_inputs() -> None:
    """A selection of four questions, where they were taken from, and a benchmark of one."""
    pool = [_sum(a, b) for a, b in SUMS]
    selection = [
        SelectedQuestion(
            question_id=question.id,
            question=question.question,
            source=question.source,
            domain="sums",
            thinking=f"{a} and {b} make {a + b}.",
            answer=str(a + b),
            reason="full",
            trace_length=8,
        )
        for question, (a, b) in zip(pool, SUMS, strict=True)
    ]
    with ArtifactWriter(CURATED.parent) as artifact:
        artifact.write_jsonl(CURATED.name, pool)
    with ArtifactWriter(SELECTION.parent) as artifact:
        artifact.write_jsonl(SELECTION.name, selection)
    with ArtifactWriter(BENCHMARKS.parent) as artifact:
        artifact.write_jsonl(BENCHMARKS.name, [_sum(3, 5)])


def _sum(a: int, b: int) -> Question:
    return Question.create(question=f"What is {a} + {b}?", solution=str(a + b), answer=str(a + b), source="sums")


def tokenize(*, chat: ChatParams = S1_DELIMITERS) -> Metrics:
    return tokenize_.run(make_stage("tokenize"), tokenize=TokenizeParams(max_length=512, over_length="fail"), chat=chat)


def train_on(params: TrainParams) -> Metrics:
    return train.run(make_stage("train"), train=params, seed=0)


def answer(*, chat: ChatParams = S1_DELIMITERS) -> Metrics:
    """Generate and score; the figures of score."""
    generate.run(make_stage("generate"), generate=GENERATE, chat=chat, seed=0)
    params = ScoreParams(num_resamples=100, confidence=0.95, max_failed_share=1.0)
    return score.run(make_stage("score"), generate=GENERATE, score=params, seed=0)
