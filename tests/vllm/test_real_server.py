"""Against a real vLLM server on this machine's processor: same tokens as the local engine, and nothing lost with it.

The server needs an environment of its own (``make vllm``); without it these tests fail. The local engine decodes the
nano model of ``tests.vllm.nano_model``; the server has the same function with wider heads (``bench.widened``), because
vLLM's kernels for processors do not know the nano model's.
"""

import json
import os
import shlex
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
import torch

from bench import sweep
from bench.near_ties import NearTies
from bench.widened import widen
from infra.vllm_servers import vllm_python, vllm_servers
from s1.artifacts import ArtifactWriter, read_jsonl
from s1.config import EngineParams, GenerateParams, LocalEngine, VllmEngine
from s1.engine.local import LocalEngine as LocalDecoder
from s1.engine.local import load_engine
from s1.engine.model import AnsweringModel, load_model
from s1.engine.protocol import Completion, Request
from s1.engine.vllm import VllmClient
from s1.engine.vllm_pool import VllmError
from s1.forcing import ForcingSpec
from s1.records import Generation
from tasks import generate
from tasks.journal import Journal
from tasks.paths import BENCHMARKS, GENERATIONS, LARGE_MODEL, TUNED_MODEL
from tasks.stage import StageContext
from tests.delimiters import S1_DELIMITERS
from tests.points import curve_points
from tests.vllm.nano_model import NUM_TOKENS, save_nano_model

pytestmark = pytest.mark.slow

STOPS = (256, 257, 258)
SPECS = [
    *curve_points(budgets=[4, 12, 30], wait_counts=[0, 1, 3], max_thinking_tokens=60, max_answer_tokens=8),
    ForcingSpec(name="exact-20", max_thinking_tokens=20, min_thinking_tokens=20, max_answer_tokens=8),
    ForcingSpec(name="unsure-2", max_thinking_tokens=60, num_waits=2, only_below=0.5, max_answer_tokens=8),
]


@pytest.fixture(scope="module")
def nano(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The nano model as it is."""
    folder = tmp_path_factory.mktemp("nano")
    save_nano_model(folder)
    return folder


@pytest.fixture(scope="module")
def folder(nano: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The widened model, where the tuned one lies in a workspace."""
    folder = tmp_path_factory.mktemp("vllm") / TUNED_MODEL
    widen(nano, folder)
    return folder


class Server:
    """A server that tests may stop."""

    def __init__(self, folder: Path, *, names: Sequence[Path] = ()) -> None:
        environment = {name: value for name, value in os.environ.items() if name != "S1_VLLM_URLS"}
        if names:
            environment["S1_VLLM_ARGS"] = shlex.join(["--served-model-name", *map(str, names)])
        self._stack = ExitStack()
        [self.url] = self._stack.enter_context(
            vllm_servers(folder, dtype="float32", log_folder=folder.parent / "logs", environment=environment)
        )

    def stop(self) -> None:
        """Stop it; harmless when stopped."""
        self._stack.close()


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    server = Server(folder)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def judge(nano: Path) -> NearTies:
    return NearTies.load(nano, num_token_ids=NUM_TOKENS)


@pytest.fixture
def client(server: Server, folder: Path) -> VllmClient:
    return VllmClient([server.url], model_name=str(folder), num_token_ids=NUM_TOKENS)


@pytest.fixture(scope="module")
def local(nano: Path) -> LocalDecoder:
    return load_engine(nano, dtype="float32", batch_size=16, num_token_ids=NUM_TOKENS)


def load(folder: Path, *urls: str) -> AnsweringModel:
    engine: EngineParams = LocalEngine(kind="local", dtype="float32", batch_size=16)
    if urls:
        engine = VllmEngine(kind="vllm", dtype="float32")
    return load_model(folder, engine=engine, chat=S1_DELIMITERS, urls=urls)


def prompts(folder: Path, num: int) -> list[tuple[int, ...]]:
    model = load(folder)
    return [tuple(model.prompt_ids(question, mode="thinking")) for question in sweep.make_questions(num)]


def run(engine: VllmClient | LocalDecoder, requests: Sequence[Request]) -> list[Completion]:
    found: dict[str, Completion] = {}

    def take(completion: Completion) -> list[Request]:
        found[completion.request.group] = completion
        return []

    engine.generate(requests, on_finish=take)
    return [found[request.group] for request in requests]


def test_both_engines_give_the_nano_models_curves_up_to_near_ties(
    nano: Path, folder: Path, server: Server, judge: NearTies
) -> None:
    questions = sweep.make_questions(12)
    ours, theirs = load(folder, server.url), load(nano)
    on_server, here = (sweep.ours(model, questions, SPECS) for model in (ours, theirs))
    assert on_server.keys() == here.keys()
    assert len(on_server) == 12 * len(SPECS)
    num_equal = 0
    for key, state in here.items():
        question = next(question for question in questions if question.id == key[0])
        if on_server[key].token_ids == state.token_ids:
            assert on_server[key].outcome == state.outcome
            num_equal += 1
            continue
        prompt = theirs.prompt_ids(question, mode="thinking")
        assert judge.is_tie(prompt, on_server[key].token_ids, state.token_ids, stops=state.tokens.think_stops), key
    assert num_equal > 0.8 * len(here)
    # The comparison is about something: ends, Waits, cuts and unknown ids all occurred.
    assert {state.thinking_end for state in here.values()} == {"natural", "budget"}
    assert {state.num_waits for state in here.values()} >= {0, 1, 2}
    assert isinstance(ours.engine, VllmClient)
    assert ours.engine.counts.num_unknown_ids > 0


def test_ids_that_the_tokenizer_does_not_have_are_replaced_by_the_best_it_has(
    nano: Path, client: VllmClient, local: LocalDecoder, judge: NearTies
) -> None:
    requests = [
        Request(group=str(number), prompt_ids=prompt, max_new_tokens=24, stop_ids=frozenset(STOPS))
        for number, prompt in enumerate(prompts(nano, 12))
    ]
    pairs = list(zip(run(client, requests), run(local, requests), strict=True))
    assert client.counts.num_unknown_ids > 0
    for served, here in pairs:
        assert all(token < NUM_TOKENS for token in served.token_ids)
        assert served.token_ids == here.token_ids or judge.is_tie(
            served.request.prompt_ids, served.token_ids, here.token_ids, stops=STOPS
        )


def test_the_probability_of_a_stop_is_the_models(nano: Path, client: VllmClient, judge: NearTies) -> None:
    requests = [
        Request(
            group=str(number),
            prompt_ids=prompt,
            max_new_tokens=60,
            min_new_tokens=1,
            stop_ids=frozenset(STOPS),
            wants_stop_probability=True,
        )
        for number, prompt in enumerate(prompts(nano, 20))
    ]
    completions = run(client, requests)
    stopped = [completion for completion in completions if completion.finish == "stop"]
    assert len(stopped) >= 10
    for completion in stopped:
        token_ids = torch.tensor([[*completion.request.prompt_ids, *completion.token_ids]])
        with torch.inference_mode():
            # Ids without a token count here: the server knows nothing of tokenizers. Other models give them nothing.
            probabilities = judge.model(input_ids=token_ids, use_cache=False).logits[0, -1].softmax(-1)
        assert completion.stop_probability == pytest.approx(float(probabilities[list(STOPS)].sum()), abs=1e-4)
    assert {completion.stop_probability for completion in completions if completion.finish == "length"} <= {None}


def test_a_seed_decides_the_draws(client: VllmClient) -> None:
    requests = [
        Request(
            group=str(number),
            prompt_ids=(5, 6),
            max_new_tokens=20,
            stop_ids=frozenset(STOPS),
            temperature=1.0,
            seed=seed,
        )
        for number, seed in enumerate([1, 1, 2, 3])
    ]
    first, again, *others = [completion.token_ids for completion in run(client, requests)]
    assert first == again
    assert {first}.isdisjoint(others)


def test_a_server_that_dies_costs_no_finished_question(
    folder: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last test of this module: it stops the server."""
    workspace = folder.parents[len(TUNED_MODEL.parts) - 1]
    monkeypatch.setenv("S1_VLLM_PYTHON", str(vllm_python()))  # of this checkout, also from another folder
    monkeypatch.chdir(workspace)
    shutil.copytree(folder, LARGE_MODEL)
    questions = sweep.make_questions(8)
    with ArtifactWriter(BENCHMARKS.parent) as artifact:
        artifact.write_jsonl(BENCHMARKS.name, questions)
    params = GenerateParams(
        engine=VllmEngine(kind="vllm", dtype="float32"),
        benchmarks=["nano-test"],
        budgets=[4, 30],
        wait_counts=[0, 2],
        max_thinking_tokens=60,
        max_answer_tokens=8,
        temperature=0.0,
        num_samples=1,
    )
    kept: list[str] = []
    add = Journal.add

    def note(journal: Journal[generate.Decoded], key: str, records: Sequence[generate.Decoded]) -> None:
        add(journal, key, records)
        if key.startswith("nano-test"):  # not what is noted for run.json
            kept.append(key)
        if len(kept) == 3:
            server.stop()

    stage = StageContext("generate", workspace / "work", lambda *_: None, lambda _, work: work(), lambda *_: None)
    monkeypatch.setattr(Journal, "add", note)
    defaults = VllmClient.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "patience_seconds", 1.0)
    monkeypatch.setitem(defaults, "max_concurrent", 2)  # else all questions may end before the server does
    monkeypatch.setenv("S1_VLLM_URLS", server.url)
    with pytest.raises(VllmError, match="run again to go on"):
        generate.run(stage, generate=params, chat=S1_DELIMITERS, seed=0)
    assert not GENERATIONS.exists()
    num_before = len(kept)
    assert 3 <= num_before < 8

    again = Server(folder, names=[folder, LARGE_MODEL.absolute()])
    try:
        kept.clear()
        monkeypatch.setenv("S1_VLLM_URLS", again.url)
        generate.run(stage, generate=params, chat=S1_DELIMITERS, seed=0)
    finally:
        again.stop()
    assert len(kept) == 8 - num_before + 8  # what was left of the tuned model, and all of the base model
    assert set(stage.gpus) == {None}  # somebody else's, so their cost is not known
    rows = read_jsonl(GENERATIONS, Generation)
    assert [row.question_id for row in rows if row.setting == "wait-2"] == [question.id for question in questions]
    assert {row.state for row in rows} <= {"answered", "cut_at_length"}
    identity = json.loads((GENERATIONS.parent / "run.json").read_text())
    assert (identity["engine"]["kind"], identity["engine"]["version"]) == ("vllm", "0.32.0")
