"""A tiny random Qwen2 model in float64, and plain decoding to compare with: one sequence, no cache, no batch."""

from collections.abc import Sequence

import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

from s1.engine.protocol import Completion, Request
from s1.forcing import ForcingTokens

VOCAB_SIZE = 24
MAX_CONTEXT = 160
TOKENS = ForcingTokens(
    newline=(9,),
    wait=(7, 8),
    answer_start=(1, 5),
    final_answer_start=(1, 5, 9, 6),
    think_stops=frozenset({1, 2}),
    answer_stops=frozenset({2, 3}),
    ends_in_newline=lambda token: token == 9,
)


def build_tiny_model(*, seed: int = 0, layers: int = 2) -> Qwen2ForCausalLM:
    torch.manual_seed(seed)
    config = Qwen2Config(
        vocab_size=VOCAB_SIZE,
        hidden_size=32,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=48,
        max_position_embeddings=MAX_CONTEXT,
        initializer_range=0.6,
        tie_word_embeddings=False,
    )
    return Qwen2ForCausalLM(config).double()


@torch.inference_mode()
def decode_plainly(model: Qwen2ForCausalLM, request: Request) -> Completion:
    """Greedy decoding from scratch at every token."""
    token_ids = list(request.prompt_ids)
    for num_sampled in range(request.max_new_tokens):
        logits = model(input_ids=torch.tensor([token_ids]), use_cache=False).logits[0, -1]
        if num_sampled < request.min_new_tokens:
            logits[sorted(request.stop_ids)] = float("-inf")
        token = int(logits.argmax())
        if token in request.stop_ids:
            return _completion(request, token_ids, by_stop=True)
        token_ids.append(token)
    return _completion(request, token_ids, by_stop=False)


def _completion(request: Request, token_ids: Sequence[int], *, by_stop: bool) -> Completion:
    sampled = tuple(token_ids[len(request.prompt_ids) :])
    return Completion(request=request, token_ids=sampled, finish="stop" if by_stop else "length")
