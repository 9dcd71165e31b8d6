"""What a whole curve costs: decoded tokens of all points together beside those of the longest point alone.

The lengths in this file follow recorded ones (thinking of R1 on AIME24 and of s1.1-32B on MGSM, Wait rounds and answers
of s1.1-32B); with the recordings at hand (variable S1_DATA) they are counted there.
"""

import csv
import gzip
import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from s1.config import load_params
from s1.engine.forced import Curve
from s1.forcing import ForcingSpec, settings_of
from tests.engine.scripted import PROMPT, Script, ScriptedEngine
from tests.engine.tiny import TOKENS, decode_curves
from tests.points import curve_points

PROJECT = Path(__file__).resolve().parents[2]
MAX_SHARE = 1.35
"""Of the decoded tokens of the longest point."""
PAPER = curve_points(
    budgets=[500, 1000, 2000, 4000, 8000, 16000],
    wait_counts=[0, 1, 2, 4, 6],
    max_thinking_tokens=32000,
    max_answer_tokens=10000,
)
"""The paper's eleven points; Wait x 0 is the maximum `auto`."""
NANO = settings_of(load_params(PROJECT / "profiles" / "nano.yaml").generate, max_thinking_tokens=384)
"""The demo's points: budgets, Waits, exactly so long, silent suppression, a parallel sample."""


def count(scripts: Sequence[Script], specs: Sequence[ForcingSpec]) -> int:
    """Decoded tokens of all questions under these points."""
    engine = ScriptedEngine({str(number): script for number, script in enumerate(scripts)})
    curves = [Curve(name=name, prompt_ids=PROMPT, specs=tuple(specs), seed=0) for name in engine.scripts]
    states = decode_curves(engine, curves, TOKENS)
    assert {state.outcome for of_curve in states for state in of_curve} == {"answered"}
    return engine.num_decoded


def share(scripts: Sequence[Script], specs: Sequence[ForcingSpec]) -> float:
    """Cost of all points together, where the longest point alone costs 1."""
    together = count(scripts, specs)
    alone = [count(scripts, [spec]) for spec in specs]
    sys.stderr.write(
        f"{len(scripts)} questions, {len(specs)} points: {together} tokens together, {max(alone)} for the longest "
        f"point, {sum(alone)} one by one: {together / max(alone):.3f} and {sum(alone) / together:.1f}x fewer\n"
    )
    return together / max(alone)


def make_scripts(
    lengths: Sequence[int], *, rounds: Sequence[int], answers: Sequence[int], forced_answers: Sequence[int]
) -> list[Script]:
    """One script per thinking length; later rounds and answers are drawn."""
    rng = np.random.default_rng(0)
    return [
        Script(
            (length, *rng.choice(rounds, 6).tolist()),
            tuple(rng.choice(answers, 7).tolist()),
            tuple(rng.choice(forced_answers, 7).tolist()),
        )
        for length in lengths
    ]


@pytest.mark.parametrize(
    ("lengths", "answers"),
    [
        (np.linspace(2200, 20700, 12), [300, 500, 900]),  # R1 on AIME24: 9,048 and 565 on average
        (np.linspace(400, 2600, 20), [90, 170, 260]),  # s1.1-32B on MGSM: 1,304 and 173 on average
        (np.linspace(500, 12000, 20), [150, 400, 700]),
    ],
    ids=["aime", "mgsm", "500-to-12000"],
)
def test_the_papers_eleven_points_cost_little_more_than_the_longest(
    lengths: Sequence[float], answers: list[int]
) -> None:
    scripts = make_scripts(
        [int(length) for length in lengths], rounds=[150, 300, 700], answers=answers, forced_answers=[130, 220, 320]
    )
    assert share(scripts, PAPER) <= MAX_SHARE


def test_the_demos_points_cost_little_more_than_the_longest_on_made_up_lengths() -> None:
    scripts = make_scripts(range(60, 131, 2), rounds=[20, 25, 30], answers=[3, 4], forced_answers=[1, 2])
    assert share(scripts, NANO) <= MAX_SHARE


RECORDED = Path(os.environ.get("S1_DATA", "nowhere"))
needs_recordings = pytest.mark.skipif(not RECORDED.is_dir(), reason="the recordings lie where S1_DATA says")


def read_gzipped(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).decode().splitlines()]


def token_counter() -> Callable[[str], int]:
    packed = (RECORDED.parent / "tokenizer" / "qwen2.5" / "tokenizer.json.gz").read_bytes()
    tokenizer = Tokenizer.from_str(gzip.decompress(packed).decode())
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)


def recorded_forced_answers(num_tokens: Callable[[str], int]) -> list[int]:
    """Answers of s1.1-32B whose thinking was cut at 500 tokens."""
    folder = RECORDED / "s11_budget_forcing" / "global_mmlu_en" / "s1.1-32B-global_mmlu_500"
    texts = [row["resps"][0][0] for path in folder.iterdir() for row in read_gzipped(path)]
    forced = [text.partition("<|im_start|>answer\nFinal Answer:") for text in texts]
    return [num_tokens(answer) for _, found, answer in forced if found]


def recorded_waits(num_tokens: Callable[[str], int]) -> tuple[list[int], list[int], list[int]]:
    """Thinking up to its first end, the round behind one forced Wait, and the answer, of s1.1-32B on MGSM."""
    lengths = []
    for row in read_gzipped(RECORDED / "s11_budget_forcing" / "mgsm_en" / "32B_wait" / "s1_infer_8000.jsonl.gz"):
        thinking, found, answer = row["output"].split("<|im_start|>think")[1].partition("\nFinal Answer:")
        wait = re.search(r"[}.]\nWait", thinking)
        if wait and found:
            parts = (thinking[: wait.start() + 1], thinking[wait.end() :], answer)
            lengths.append(tuple(num_tokens(part) for part in parts))
    first, second, answers = zip(*lengths, strict=True)
    return list(first), list(second), list(answers)


@needs_recordings
@pytest.mark.slow
def test_the_papers_eleven_points_cost_little_on_recorded_lengths() -> None:
    csv.field_size_limit(10_000_000)
    num_tokens = token_counter()
    forced_answers = recorded_forced_answers(num_tokens)
    lengths, rounds, answers = recorded_waits(num_tokens)
    assert (
        share(make_scripts(lengths, rounds=rounds, answers=answers, forced_answers=forced_answers), PAPER) <= MAX_SHARE
    )
    with (RECORDED / "r1_aime24" / "aime_2024_deepseek_r1_completions.csv").open(encoding="utf-8") as file:
        parts = [row["model_completion"].partition("</think>") for row in csv.DictReader(file)]
    scripts = make_scripts(
        [num_tokens(thinking) for thinking, _, _ in parts],
        rounds=rounds,
        answers=[num_tokens(answer) for _, _, answer in parts],
        forced_answers=forced_answers,
    )
    assert share(scripts, PAPER) <= MAX_SHARE
