"""``python -m flows.plan``: what it prints, and how it refuses."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from flows import plan as entry
from infra import cluster as clusters
from s1.planning.lengths import standin
from s1.training.examples import write_examples
from tests.training.tiny import make_examples

PROJECT = Path(__file__).resolve().parents[2]
QWEN = {
    "model_type": "qwen2",
    "hidden_size": 5120,
    "intermediate_size": 27648,
    "num_hidden_layers": 64,
    "num_attention_heads": 40,
    "num_key_value_heads": 8,
    "vocab_size": 152064,
}
TWO_NODES = """
num_nodes: 2
processes_per_node: 8
device: cuda
launcher: ssh
hosts: [a, b]
gpu: H100-SXM-80GB
network_gbits_per_gpu: 400
max_tokens_per_rank: auto
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the paper's recipe in short, a 32B config, and the clusters ``two`` and ``laptop``."""
    text = (PROJECT / "profiles/nano.yaml").read_text(encoding="utf-8")
    for old, new in (("zero_stage: 2", "zero_stage: 3"), ("dtype: float32\n  zero", "dtype: bfloat16\n  zero")):
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "params.yaml").write_text(text.replace("num_epochs: 5", "num_epochs: 1"), encoding="utf-8")
    (tmp_path / "config.json").write_text(json.dumps(QWEN))
    folder = tmp_path / "clusters"
    folder.mkdir()
    (folder / "two.yaml").write_text(TWO_NODES)
    (folder / "laptop.yaml").write_text((PROJECT / "infra/clusters/laptop.yaml").read_text(encoding="utf-8"))
    monkeypatch.setattr(entry, "load_cluster", lambda name: clusters.load_cluster(name, folder=folder))
    monkeypatch.delenv("S1_CLUSTER", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def printed(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert entry.main(["--config", "config.json", *argv]) == 0
    return capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert entry.main(["--config", "config.json", *argv]) == 1
    return capsys.readouterr().err


def test_a_plan_shows_minutes_dollars_memory_and_every_rank_of_a_step(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = printed(capsys, "--cluster", "two", "--lengths", "s1k-short", "--usd", "2.89", "--steps", "1")
    assert text.startswith("63 steps on 2 nodes x 8 H100-SXM-80GB at 400 Gb/s each: a model of 32.76 B parameters")
    for word in ("at $2.89 per GPU-hour", "MFU", "break-even", "weights, gradients and optimizer take 36.9 GB"):
        assert word in text
    assert "FSDP, one example per GPU, everything recomputed: 4." in text
    first = text[text.index("step 1 (") :]
    ids = [f"{number:06d}" for number in range(1000)]
    lengths = dict(zip(ids, standin("s1k-short"), strict=True))
    step = _first_step(ids)
    shown = sorted(int(word) for line in first.splitlines()[1:] for word in _lengths_of(line))
    assert shown == sorted(lengths[name] for name in step)


def _first_step(ids: list[str]) -> tuple[str, ...]:
    from s1.batching import plan_steps

    return plan_steps(ids, batch_size=16, num_epochs=1, seed=0)[0].example_ids


def _lengths_of(line: str) -> list[str]:
    return [word for word in line.partition(": ")[2].partition(" = ")[0].split() if word.isdecimal()]


def test_the_checkouts_own_run_is_planned_without_arguments(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    examples = Path("data/tokenize/examples.parquet")
    examples.parent.mkdir(parents=True)
    write_examples(examples, make_examples(20))
    text = printed(capsys, "--steps", "5")
    assert "2 steps on 2 CPU ranks" in text and "20 examples of 4 to 30 tokens" in text
    assert text.count("\nstep ") == 2 and text.count("rank 0: ") == 2
    assert "max/mean      1." in text


def test_traces_are_counted_with_a_tokenizer(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    words = Tokenizer(WordLevel({"w": 0, "[UNK]": 1}, unk_token="[UNK]"))
    words.pre_tokenizer = Whitespace()
    words.save("tokenizer.json")
    rows: list[dict[str, Any]] = [{"question": "w w", "reasoning": "w w w", "temperature": 1}, {"problem": "w"}]
    Path("t.jsonl.gz").write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    text = printed(capsys, "--lengths", "t.jsonl.gz", "--tokenizer", "tokenizer.json")
    assert "2 examples of 1 to 5 tokens" in text


def test_published_runs_are_shown_as_a_table_with_what_does_not_validate(capsys: pytest.CaptureFixture[str]) -> None:
    assert entry.main(["--published"]) == 0
    text = capsys.readouterr().out
    assert "| s1-32B, 16 H100, lengths s1k-short | minutes | 26.0 | 23.1 | -11.2% | |" in text.replace("|  |", "| |")
    assert "22 rows validate; the largest error is 15.4%." in text
    assert text.count("does not validate: ") == 9


def test_kinds_of_gpu_are_listed_with_their_sources(capsys: pytest.CaptureFixture[str]) -> None:
    assert entry.main(["--gpus"]) == 0
    assert "H200" in (text := capsys.readouterr().out) and "NVIDIA H100 datasheet" in text


def test_what_does_not_fit_is_refused_with_what_would(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("long.txt").write_text("900000\n")
    words = refused(capsys, "--cluster", "two", "--lengths", "long.txt", "--usd", "1")
    assert words.startswith("plan: this run does not fit: the longest example has 900000 tokens, and 2")
    assert "- 16 H200 with" not in words and "tokenize.max_length 2" in words


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ((), "there are no examples yet. Run `dvc repro tokenize`, or name lengths with --lengths"),
        (("--cluster", "three", "--lengths", "s1k-short"), "there is no cluster 'three'"),
        (("--cluster", "three", "--lengths", "s1k-short"), "set S1_CLUSTER or --cluster to one of: laptop, two"),
        (("--lengths", "s1k"), "s1k is missing; name a file of lengths, or one of: s1k-short, s1k-long, s1k-1.1"),
        (("--lengths", "clusters"), "clusters is a folder; name a file of lengths, or one of: s1k-short"),
        (("--config", "clusters", "--lengths", "s1k-short"), "clusters is a folder; name the config.json in it"),
        (("--lengths", "bad.jsonl", "--tokenizer", "none.json"), "none.json is missing; name a tokenizer.json"),
        (("--lengths", "bad.jsonl", "--tokenizer", "words.json"), "bad.jsonl, line 2 is not JSON"),
        (("--lengths", "bad.jsonl.gz", "--tokenizer", "words.json"), "bad.jsonl.gz cannot be read"),
    ],
)
def test_what_cannot_be_read_is_named(
    here: Path, capsys: pytest.CaptureFixture[str], argv: tuple[str, ...], message: str
) -> None:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel

    Tokenizer(WordLevel({"w": 0}, unk_token="w")).save("words.json")
    Path("bad.jsonl").write_text('{"question": "a"}\n{')
    Path("bad.jsonl.gz").write_text("no gzip")
    assert message in refused(capsys, *argv)


@pytest.mark.parametrize("argv", [("--usd", "-1"), ("--usd", "inf"), ("--usd", "much"), ("--steps", "-1")])
def test_prices_and_steps_that_cannot_be_are_refused(capsys: pytest.CaptureFixture[str], argv: tuple[str, str]) -> None:
    with pytest.raises(SystemExit):
        entry.main(argv)
    assert f"argument {argv[0]}: " in capsys.readouterr().err
