"""One row out of several examples, and its shards."""

import pytest
import torch
import torch.fx.experimental._config

from s1.records import Example
from s1.training.packing import NO_TARGET, PackedRow, count_targets, pack_row, shard, token_weights

A = Example(question_id="a", input_ids=[5, 6, 7], loss_mask=[1, 0, 1])
B = Example(question_id="b", input_ids=[8, 9, 10, 11], loss_mask=[0, 1, 1, 1])
_ = NO_TARGET


def pack(*, multiple_of: int = 1) -> PackedRow:
    """B is the step's third example and A its first; the second is elsewhere."""
    weights = token_weights([1, 50, 3], objective="example-mean")
    return pack_row([(2, B), (0, A)], token_weights=weights, multiple_of=multiple_of)


def test_examples_lie_end_to_end_and_positions_start_anew() -> None:
    row = pack()
    assert row.input_ids.tolist() == [[8, 9, 10, 11, 5, 6, 7]]
    assert row.position_ids.tolist() == [[0, 1, 2, 3, 0, 1, 2]]
    assert row.owners.tolist() == [2, 2, 2, 2, 0, 0, 0]
    assert row.cu_seq_lens.tolist() == [0, 4, 7]
    assert row.cu_seq_lens.dtype == torch.int32
    assert row.max_length == 4


def test_targets_are_the_tokens_under_the_mask_and_never_an_examples_first() -> None:
    # A's mask has its first token, which nothing predicts: least of all B's last.
    assert pack().targets.tolist() == [9, 10, 11, _, _, 7, _]
    assert [count_targets(A), count_targets(B)] == [1, 3]


def test_every_example_weighs_the_same_whatever_its_length() -> None:
    row = pack()
    ninth = 1 / (3 * 3)
    assert row.weights.tolist() == [ninth, ninth, ninth, 0, 0, 1 / 3, 0]
    assert row.shares.tolist() == [1 / 3, 1 / 3, 1 / 3, 0, 0, 1, 0]
    assert row.weights.dtype == torch.float64


def test_weights_of_the_token_mean_are_all_alike() -> None:
    assert token_weights([1, 50, 3], objective="token-mean") == [1 / 54] * 3
    assert token_weights([1, 50, 3], objective="example-mean") == [1 / 3, 1 / 150, 1 / 9]


def test_padding_is_a_segment_of_its_own_without_targets() -> None:
    row = pack(multiple_of=4)
    assert row.num_tokens == 8
    assert row.cu_seq_lens.tolist() == [0, 4, 7, 8]
    assert row.position_ids.tolist() == [[0, 1, 2, 3, 0, 1, 2, 0]]
    assert [int(row.owners[-1]), int(row.targets[-1]), float(row.weights[-1])] == [-1, _, 0.0]
    assert pack(multiple_of=7).num_tokens == 7


def test_a_row_without_examples_is_one_token_for_each_rank() -> None:
    row = pack_row([], token_weights=[0.5], multiple_of=4)
    assert row.num_tokens == 4
    assert row.cu_seq_lens.tolist() == [0, 4]
    assert row.target_places.tolist() == []
    assert shard(row, part=3, num_parts=4).input_ids.shape == (1, 1)


def test_shards_are_equal_and_a_shards_last_token_predicts_the_next_ones_first() -> None:
    row = pack(multiple_of=4)
    parts = [shard(row, part=part, num_parts=4) for part in range(4)]
    assert [part.input_ids.tolist() for part in parts] == [[[8, 9]], [[10, 11]], [[5, 6]], [[7, 0]]]
    assert [part.targets.tolist() for part in parts] == [[9, 10], [11, _], [_, 7], [_, _]]
    assert [part.position_ids.tolist() for part in parts] == [[[0, 1]], [[2, 3]], [[0, 1]], [[2, 0]]]
    assert torch.equal(torch.cat([part.weights for part in parts]), row.weights)
    # Attention sees the whole row.
    assert all(part.cu_seq_lens.tolist() == [0, 4, 7, 8] and part.max_length == 4 for part in parts)


def test_a_row_that_does_not_divide_is_not_cut() -> None:
    with pytest.raises(ValueError, match="a row of 7 tokens cannot be cut into 2 equal parts"):
        shard(pack(), part=0, num_parts=2)


def test_a_model_gets_its_targets_alone() -> None:
    inputs = pack().model_inputs
    assert inputs["target_places"].tolist() == [0, 1, 2, 5]
    assert inputs["targets"].tolist() == [9, 10, 11, 7]
    assert inputs["cu_seq_lens_q"] is inputs["cu_seq_lens_k"]
    assert (inputs["max_length_q"], inputs["max_length_k"]) == (4, 4)


def test_a_row_moves_with_all_its_tensors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.fx.experimental._config, "meta_nonzero_assume_all_nonzero", True)
    moved = pack().to("meta")
    assert {str(value.device) for value in moved.model_inputs.values() if isinstance(value, torch.Tensor)} == {"meta"}
    assert {str(moved.weights.device), str(moved.shares.device), str(moved.owners.device)} == {"meta"}
