"""What the sweep rests on: a widened model is the same function, and near ties are told from errors."""

from pathlib import Path

import pytest
import torch

from bench.near_ties import NearTies
from bench.sweep import make_questions, ours, reference
from bench.widened import widen
from s1.config import LocalEngine
from s1.engine.model import load_model
from s1.model_loading import load_causal_model
from s1.nano.pretrain import NanoModelSpec, build_model
from s1.nano.tokenizer import build_tokenizer
from tests.delimiters import S1_DELIMITERS
from tests.points import curve_points


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nano")
    tokenizer = build_tokenizer()
    with torch.random.fork_rng():
        model = build_model(
            NanoModelSpec(hidden_size=96, num_layers=2, num_heads=4, intermediate_size=64), tokenizer, seed=0
        )
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))  # biases and norms are not left at their beginning
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_a_widened_model_computes_the_same_function(folder: Path, tmp_path: Path) -> None:
    widen(folder, tmp_path / "wide")
    narrow = load_causal_model(folder, dtype=torch.float64)
    wide = load_causal_model(tmp_path / "wide", dtype=torch.float64)
    assert (wide.config.hidden_size, wide.config.num_attention_heads) == (128, 4)
    token_ids = torch.arange(200)[None] * 7 % 437
    with torch.inference_mode():
        difference = (narrow(token_ids).logits - wide(token_ids).logits).abs().max()
        assert difference < 1e-4 * narrow(token_ids).logits.abs().max()  # the weights are kept in float32
    assert (tmp_path / "wide" / "tokenizer.json").is_file()


def test_a_model_with_larger_heads_is_refused(tmp_path: Path, folder: Path) -> None:
    widen(folder, tmp_path / "wide")
    text = (tmp_path / "wide" / "config.json").read_text()
    (tmp_path / "wide" / "config.json").write_text(text.replace('"num_attention_heads": 4', '"num_attention_heads": 2'))
    with pytest.raises(ValueError, match="heads of at most 32"):
        widen(tmp_path / "wide", tmp_path / "wider")


def test_a_run_per_point_and_a_batch_per_round_give_the_tokens_of_one_trace(folder: Path) -> None:
    model = load_model(folder, engine=LocalEngine(kind="local", dtype="float64", batch_size=4), chat=S1_DELIMITERS)
    questions = make_questions(3)
    specs = curve_points(budgets=[4, 12], wait_counts=[0, 1, 3], max_thinking_tokens=40, max_answer_tokens=6)
    together, apart = ours(model, questions, specs), reference(model, questions, specs)
    assert len(together) == 15
    assert {key: state.token_ids for key, state in together.items()} == {
        key: state.token_ids for key, state in apart.items()
    }


def test_the_margin_is_between_the_two_best_ids_that_may_follow(folder: Path) -> None:
    judge = NearTies.load(folder, num_token_ids=437)
    with torch.inference_mode():
        logits = judge.model(torch.tensor([[1, 2, 3]])).logits[0, -1, :437]
    best = logits.argsort(descending=True).tolist()
    assert judge.margin([1, 2, 3]) == pytest.approx(float(logits[best[0]] - logits[best[1]]))
    banned = [best[0], best[2]]
    assert judge.margin([1, 2, 3], banned=banned) == pytest.approx(float(logits[best[1]] - logits[best[3]]))


def test_two_decodings_part_at_a_near_tie_only_where_the_best_ids_are_as_good_as_equal(folder: Path) -> None:
    judge = NearTies.load(folder, num_token_ids=437)
    best = judge.margin([1, 2, 3])
    without = judge.margin([1, 2, 3], banned=[5])
    assert min(best, without) > 1e-4
    assert not judge.is_tie([1, 2], [3, 4, 4], [3, 5], stops={5})
    twins = judge.model.get_input_embeddings().weight.data  # tied: also what logits are made of
    twins[:437] = twins[0]
    assert judge.is_tie([1, 2], [3, 4, 4], [3, 5], stops={5})
