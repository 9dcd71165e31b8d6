"""Runs made by hand: generations, scores and identities that agree unless a test says otherwise."""

from s1.comparing.identity import EngineIdentity, ModelIdentity, RunIdentity
from s1.records import Generation, Score, Segment

MODEL = ModelIdentity(weights="w1", config="c1", tokenizer="t1", prompt="p1", prompt_text="2+2?")
IDENTITY = RunIdentity(
    models={"tuned": MODEL},
    engine=EngineIdentity(kind="vllm", version="0.6.1", dtype="float32", num_servers=1, device="1 x GPU"),
    settings={"tuned/max-64": {"max_thinking_tokens": 64}},
    benchmarks={"nano-test": "q1"},
    temperature=0.0,
    num_samples=1,
    seed=0,
    packages={"torch": "2.0"},
)


def make_segment(tokens: list[int], *, forced: bool = False, is_answer: bool = False) -> Segment:
    """A run of tokens whose text names each, as ``<5>``."""
    text = "".join(f"<{token}>" for token in tokens)
    return Segment(text=text, token_ids=tokens, forced=forced, phase="answer" if is_answer else "thinking")


def make_generation(question: str, segments: list[Segment], *, setting: str = "max-64", sample: int = 0) -> Generation:
    """An answered generation of the tuned model."""
    thinking = [token for segment in segments if segment.phase == "thinking" for token in segment.token_ids]
    sampled = [token for segment in segments if not segment.forced for token in segment.token_ids]
    return Generation(
        benchmark="nano-test",
        question_id=question,
        model="tuned",
        setting=setting,
        sample=sample,
        segments=segments,
        thinking_end="natural",
        num_waits=0,
        state="answered",
        num_thinking_tokens=len(thinking),
        num_sampled_tokens=len(sampled) + 1,
    )


def make_score(question: str, *, correct: bool, setting: str = "max-64", tokens: int = 10) -> Score:
    """The verdict on a generation of the tuned model."""
    return Score(
        benchmark="nano-test",
        question_id=question,
        model="tuned",
        setting=setting,
        sample=0,
        answer="4" if correct else "5",
        reference="4",
        correct=correct,
        verdict="right" if correct else "wrong",
        num_thinking_tokens=tokens,
        num_sampled_tokens=tokens + 2,
        num_waits=0,
        thinking_end="natural",
    )
