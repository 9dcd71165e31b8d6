"""A tiny random Qwen2 model in float64, and plain decoding to compare with: one sequence, no cache, no batch."""

from collections.abc import Sequence
from functools import cache

import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

from s1.engine.forced import Curve, CurveResult, stream_curves
from s1.engine.protocol import Completion, Engine, Request
from s1.forcing import ForcingState, ForcingTokens

VOCAB_SIZE = 24
MAX_CONTEXT = 160
TEXT_IDS = {"h": 10, "a": 11}
"""Texts other than Wait are made of these letters."""
TOKENS = ForcingTokens(
    newline=(9,),
    wait=(7, 8),
    answer_start=(1, 5),
    final_answer_start=(1, 5, 9, 6),
    think_stops=frozenset({1, 2}),
    answer_stops=frozenset({2, 3}),
    ends_in_newline=lambda token: token == 9,
    encode=lambda text: tuple(TEXT_IDS[letter] for letter in text),
    step_mark=1,
)


def build_tiny_model(*, seed: int = 0, layers: int = 2, vocab_size: int = VOCAB_SIZE) -> Qwen2ForCausalLM:
    torch.manual_seed(seed)
    config = Qwen2Config(
        vocab_size=vocab_size,
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


@cache
@torch.inference_mode()
def plain_logits(model: Qwen2ForCausalLM, token_ids: tuple[int, ...]) -> torch.Tensor:
    """Logits behind some tokens, computed from scratch; remembered, as many settings share beginnings."""
    logits: torch.Tensor = model(input_ids=torch.tensor([token_ids]), use_cache=False).logits[0, -1]
    return logits


@torch.inference_mode()
def decode_plainly(model: Qwen2ForCausalLM, request: Request) -> Completion:
    """Greedy decoding from scratch at every token."""
    token_ids = list(request.prompt_ids)
    stop_ids = sorted(request.stop_ids)
    for num_sampled in range(request.max_new_tokens):
        logits = plain_logits(model, tuple(token_ids)).clone()
        if num_sampled < request.min_new_tokens:
            logits[stop_ids] = float("-inf")
        token = int(logits.argmax())
        if token in request.stop_ids:
            probability = float(torch.softmax(logits, -1)[stop_ids].sum())
            return Completion(
                request=request,
                token_ids=tuple(token_ids[len(request.prompt_ids) :]),
                finish="stop",
                stop_id=token,
                stop_probability=probability if request.wants_stop_probability else None,
            )
        token_ids.append(token)
    return Completion(request=request, token_ids=tuple(token_ids[len(request.prompt_ids) :]), finish="length")


def decode_curves(engine: Engine, curves: Sequence[Curve], tokens: ForcingTokens) -> list[list[ForcingState]]:
    """What ``stream_curves`` hands over, in order: for each curve the final states of its settings."""
    done: dict[str, list[ForcingState]] = {}

    def keep(result: CurveResult) -> None:
        done[result.curve.name] = list(result.states)

    stream_curves(engine, curves, tokens, on_done=keep)
    return [done[curve.name] for curve in curves]
