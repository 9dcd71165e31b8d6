"""A whole scaling curve on one vLLM server: ours beside the reference's way, in tokens and seconds.

The reference's way, in plain code here: every budget and every number of Waits is a run of its own over all questions,
and within a run every round (thinking, each Wait, the answer) is a batch that ends before the next begins. Ours decodes
one trace per question, forks a short answer at every point, and lets each question go on by itself. Same server, same
prompts, greedy; eleven points as in the paper, scaled to the nano model. (The reference's Wait rounds get the full
budget and are cut afterwards; here they get what is left, which costs it less and gives it our results.)

Printed: requests, decoded tokens, prompt tokens that were computed and that came from the prefix cache, seconds, and
whether both give the same tokens and scores; what differs must differ at a near tie (``bench.near_ties``).

Example::

    python -m bench.sweep --model models/train/tuned --questions 100
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench.near_ties import TOLERANCE, NearTies
from bench.widened import HEAD_SIZE, widen
from infra.vllm_servers import vllm_servers
from s1.config import ChatParams, GenerateParams, ProceduralSource, VllmEngine, load_params
from s1.engine.forced import CurveResult
from s1.engine.model import AnsweringModel, Job, load_model
from s1.engine.protocol import Completion, Request
from s1.engine.vllm import VllmClient
from s1.forcing import ForcingSpec, ForcingState, begin, settings_of
from s1.grading import extract_answer, grade
from s1.records import Question
from s1.sources import read_source

MAX_THINKING_TOKENS = 384
POINTS = GenerateParams(
    engine=VllmEngine(kind="vllm", dtype="float32"),
    benchmarks=["nano"],
    budgets=[16, 32, 64, 96, 128, 256],
    wait_counts=[0, 1, 2, 4, 6],
    max_thinking_tokens=MAX_THINKING_TOKENS,
    max_answer_tokens=16,
    temperature=0.0,
    num_samples=1,
)
"""Wait x 0 is the maximum ``auto`` of the paper's sweep: seven maxima and four numbers of Waits."""
SEED_OF_QUESTIONS = 1001
_COUNTERS = {
    "decoded": "vllm:generation_tokens_total",
    "prompt": "vllm:prompt_tokens_total",
    "cached": "vllm:prefix_cache_hits_total",
}

Key = tuple[str, str]
"""Question and setting."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one way gives and costs."""

    states: Mapping[Key, ForcingState]
    num_requests: int
    decoded: int
    """Sampled tokens, as the server counts them."""
    computed: int
    """Prompt tokens that the server computed."""
    cached: int
    """Prompt tokens that it had in its prefix cache."""
    seconds: float


def make_questions(num: int) -> list[Question]:
    """Held-out questions such as those of the nano benchmark, under its name."""
    source = ProceduralSource(
        kind="procedural", name="nano-test", num=num, seed=SEED_OF_QUESTIONS, step_weights=[0, 1, 1, 1]
    )
    return [item for item in read_source(source, seed=0, for_benchmark=True) if isinstance(item, Question)]


def ours(model: AnsweringModel, questions: Sequence[Question], specs: Sequence[ForcingSpec]) -> dict[Key, ForcingState]:
    """One trace per question, carried on at every point."""
    states: dict[Key, ForcingState] = {}

    def keep(job: Job, result: CurveResult) -> None:
        states.update({(job.question.id, state.spec.name): state for state in result.states})

    model.decode([Job(question, 0, tuple(specs)) for question in questions], seed=0, on_done=keep)
    return states


def reference(
    model: AnsweringModel, questions: Sequence[Question], specs: Sequence[ForcingSpec]
) -> dict[Key, ForcingState]:
    """A run per point, a batch per round."""
    prompts = {question.id: tuple(model.prompt_ids(question, mode="thinking")) for question in questions}
    states: dict[Key, ForcingState] = {}
    for spec in specs:
        run = {
            name: begin(spec, model.tokens, room=model.engine.max_context - len(prompt))
            for name, prompt in prompts.items()
        }
        while active := {name: state for name, state in run.items() if state.step is not None}:
            run |= _round(model, prompts, active)
        states |= {(name, spec.name): state for name, state in run.items()}
    return states


def _round(
    model: AnsweringModel, prompts: Mapping[str, tuple[int, ...]], active: Mapping[str, ForcingState]
) -> dict[str, ForcingState]:
    """One step of every run that is not at its end; the barrier is that all must have come back."""
    completions: dict[str, Completion] = {}

    def take(completion: Completion) -> list[Request]:
        completions[completion.request.group] = completion
        return []

    model.engine.generate(
        [
            Request(
                group=name,
                prompt_ids=prompts[name] + state.token_ids,
                min_new_tokens=state.step.min_new_tokens,
                max_new_tokens=state.step.max_new_tokens,
                stop_ids=state.step.stop_ids,
            )
            for name, state in active.items()
            if state.step is not None
        ],
        on_finish=take,
    )
    return {
        name: active[name].feed(completion.token_ids, completion.finish, stop_id=completion.stop_id)
        for name, completion in completions.items()
    }


def measure(url: str, model: AnsweringModel, way: Callable[[], dict[Key, ForcingState]]) -> Outcome:
    """Run one way from an empty prefix cache."""
    client = model.engine
    assert isinstance(client, VllmClient)
    if httpx.post(f"{url}/reset_prefix_cache", timeout=60).status_code != httpx.codes.OK:
        print("the prefix cache could not be emptied: start the server with VLLM_SERVER_DEV_MODE=1")
    before, num_before, began = _counters(url), client.counts.num_requests, time.monotonic()
    states = way()
    seconds = time.monotonic() - began
    spent = {name: value - before[name] for name, value in _counters(url).items()}
    return Outcome(
        states=states,
        num_requests=client.counts.num_requests - num_before,
        decoded=spent["decoded"],
        computed=spent["prompt"] - spent["cached"],
        cached=spent["cached"],
        seconds=seconds,
    )


def _counters(url: str) -> dict[str, int]:
    lines = httpx.get(f"{url}/metrics", timeout=60).text.splitlines()
    return {
        name: int(
            sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith((metric + "{", metric + " ")))
        )
        for name, metric in _COUNTERS.items()
    }


def count_differences(
    first: Outcome, second: Outcome, *, prompts: Mapping[str, Sequence[int]], judge: NearTies
) -> tuple[int, int]:
    """How many generations differ, and how many of them not at a near tie."""
    num_different = num_real = 0
    for key, state in first.states.items():
        one, other = state.token_ids, second.states[key].token_ids
        if one == other:
            continue
        num_different += 1
        num_real += not judge.is_tie(prompts[key[0]], one, other, stops=state.tokens.think_stops)
    return num_different, num_real


def accuracies(
    outcome: Outcome, model: AnsweringModel, questions: Sequence[Question], specs: Sequence[ForcingSpec]
) -> dict[str, float]:
    """Share of right answers at every point."""

    def is_right(question: Question, spec: ForcingSpec) -> bool:
        state = outcome.states[question.id, spec.name]
        text = "".join(part.text for part in model.segments(state) if part.phase == "answer")
        return state.outcome == "answered" and bool(grade(extract_answer(text), question))

    return {spec.name: sum(is_right(question, spec) for question in questions) / len(questions) for spec in specs}


def print_table(rows: Mapping[str, Outcome]) -> None:
    """Costs, and how many times more the reference's way takes."""
    head = ("requests", "decoded", "computed", "cached", "seconds")
    print(f"{'':24}" + "".join(f"{name:>12}" for name in head))
    table = {name: (row.num_requests, row.decoded, row.computed, row.cached, row.seconds) for name, row in rows.items()}
    for name, values in table.items():
        print(f"{name:24}" + "".join(f"{value:12,}" for value in values[:-1]) + f"{values[-1]:12,.1f}")
    one, other = table.values()
    ratios = [second / first if first else float("nan") for first, second in zip(one, other, strict=True)]
    print(f"{'ratio':24}" + "".join(f"{ratio:11.2f}x" for ratio in ratios))


def sweep(folder: Path, url: str, *, chat: ChatParams, num_questions: int) -> bool:
    """Measure both ways and print; whether scores agree and every difference is a near tie."""
    model = load_model(folder, engine=POINTS.engine, chat=chat, urls=[url])
    assert isinstance(model.engine, VllmClient)
    questions = make_questions(num_questions)
    specs = settings_of(POINTS, max_thinking_tokens=MAX_THINKING_TOKENS)
    ours(model, questions[:2], specs)  # the server's first requests are slower
    rows = {
        "ours": measure(url, model, lambda: ours(model, questions, specs)),
        "the reference's way": measure(url, model, lambda: reference(model, questions, specs)),
    }
    print(f"{len(questions)} questions, {len(specs)} points, one vLLM server ({', '.join(model.engine.versions)})")
    print_table(rows)
    scores = [accuracies(row, model, questions, specs) for row in rows.values()]
    print(f"\n{'accuracy':24}" + "".join(f"{spec.name:>9}" for spec in specs))
    for name, of_way in zip(rows, scores, strict=True):
        print(f"{name:24}" + "".join(f"{of_way[spec.name]:9.1%}" for spec in specs))
    prompts = {question.id: model.prompt_ids(question, mode="thinking") for question in questions}
    judge = NearTies.load(folder, num_token_ids=len(model.chat_format.tokenizer))
    num_different, num_real = count_differences(*rows.values(), prompts=prompts, judge=judge)
    total = len(rows["ours"].states)
    print(f"\n{num_different} of {total} generations differ, {num_real} of them not at a near tie (below {TOLERANCE})")
    return num_real == 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse arguments, start a server, measure."""
    parser = argparse.ArgumentParser(prog="python -m bench.sweep", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--model", type=Path, default=Path("models/train/tuned"), help="folder of the tuned nano model")
    parser.add_argument("--questions", type=int, default=100)
    options = parser.parse_args(arguments)
    chat = load_params(Path("params.yaml")).chat
    with ExitStack() as stack:
        folder = options.model
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        if config["hidden_size"] // config["num_attention_heads"] < HEAD_SIZE:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="s1-sweep-")))
            widen(options.model, folder)
        # Lets the prefix cache be emptied between the two ways.
        environment = {**os.environ, "VLLM_SERVER_DEV_MODE": "1"}
        [url] = stack.enter_context(vllm_servers(folder, dtype="float32", environment=environment))
        return 0 if sweep(folder, url, chat=chat, num_questions=options.questions) else 1


if __name__ == "__main__":
    sys.exit(main())
