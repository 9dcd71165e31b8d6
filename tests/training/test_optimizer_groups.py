"""Weight decay reaches matrices and embeddings, never norms and biases."""

import torch
from torch import nn

from s1.training.engine import optimizer_groups


class _Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(3, 2)
        self.q_proj = nn.Linear(2, 2)
        self.input_layernorm = nn.RMSNorm(2)


def test_norms_and_biases_do_not_decay() -> None:
    block = _Block()
    decayed, free = optimizer_groups(block, weight_decay=0.1)
    assert (decayed["weight_decay"], free["weight_decay"]) == (0.1, 0.0)
    assert decayed["params"] == [block.embed_tokens.weight, block.q_proj.weight]
    assert [tuple(parameter.shape) for parameter in free["params"]] == [torch.Size([2]), torch.Size([2])]
