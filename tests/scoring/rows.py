"""Scores by hand."""

from s1.records import Question, Score, ThinkingEnd, Verdict

QUESTIONS = {
    f"q{index}": Question(id=f"q{index}", question=f"question {index}?", solution="5", answer="5", source="test")
    for index in range(10)
}


def make_score(
    question: str,
    verdict: Verdict = "right",
    *,
    setting: str = "parallel",
    sample: int = 0,
    answer: str | None = None,
    thinking: int = 10,
    sampled: int | None = None,
    model: str = "tuned",
    thinking_end: ThinkingEnd = "natural",
    num_waits: int = 0,
) -> Score:
    """A score; its answer is 5 where it is right, 4 where it is wrong, none where there is none."""
    given = answer or {"right": "5", "wrong": "4"}.get(verdict)
    return Score(
        benchmark="test",
        question_id=question,
        model=model,
        setting=setting,
        sample=sample,
        answer=given,
        reference="5",
        correct=verdict == "right",
        verdict=verdict,
        num_thinking_tokens=thinking,
        num_sampled_tokens=thinking + 3 if sampled is None else sampled,
        num_waits=num_waits,
        thinking_end=thinking_end,
    )
