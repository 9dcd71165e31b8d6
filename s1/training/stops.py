"""Where a tuned model stops, and what it is padded with: its tokenizer and generation settings agree with its chats.

Base models often say ``<|endoftext|>`` where a chat's turn ends in ``<|im_end|>``; a model tuned on chats would then
never stop. Knows chat templates and transformers' settings; does not know weights.

Example::

    settle_stops(model, tokenizer)
    model.generation_config.eos_token_id        # [151645, 151643]
"""

import logging
from typing import Any, cast

from transformers import GenerationConfig, PreTrainedModel

logger = logging.getLogger(__name__)

_make_settings: Any = GenerationConfig  # its constructor is untyped

_PROBE = "s1-probe"
_PADS = ("<|fim_pad|>", "<|reserved_special_token_5|>")
"""What the reference pads with, for Qwen2.5 and for Llama 3 (its train/sft.py): tokens that end nothing."""


def end_of_turn(tokenizer: Any) -> int | None:
    """The token that ends an assistant's turn in the tokenizer's chat template; None where the template shows none."""
    if not tokenizer.chat_template:
        return None
    turns = [{"role": "user", "content": "question"}, {"role": "assistant", "content": _PROBE}]
    _, found, behind = cast(str, tokenizer.apply_chat_template(turns, tokenize=False)).rpartition(_PROBE)
    ids: list[int] = tokenizer.encode(behind, add_special_tokens=False) if found and behind else []
    return ids[0] if ids and ids[0] in tokenizer.added_tokens_decoder else None


def settle_stops(model: PreTrainedModel, tokenizer: Any) -> None:
    """Let a model stop where its chats do, and pad with a token that ends nothing.

    What ended a text before ends it still, and the base model's settings for sampling stay.
    """
    settings: GenerationConfig = getattr(model, "generation_config", None) or _make_settings()
    end = end_of_turn(tokenizer)
    if end is not None:
        tokenizer.eos_token = tokenizer.convert_ids_to_tokens(end)
        before = settings.eos_token_id
        others = [] if before is None else before if isinstance(before, list) else [before]
        settings.eos_token_id = [end, *(other for other in others if other != end)]
        model.config.eos_token_id = end
    pad = _pad_token(tokenizer)
    if pad is not None:
        tokenizer.pad_token = pad
        settings.pad_token_id = model.config.pad_token_id = tokenizer.convert_tokens_to_ids(pad)
    model.generation_config = _writable(settings)


def _pad_token(tokenizer: Any) -> str | None:
    added = {token.content for token in tokenizer.added_tokens_decoder.values()}
    own = tokenizer.pad_token
    candidates = [*(pad for pad in _PADS if pad in added), *([own] if own and own != tokenizer.eos_token else [])]
    return next(iter(candidates), None)


def _writable(settings: GenerationConfig) -> GenerationConfig:
    """Settings that transformers agrees to write.

    It refuses changed ones that contradict themselves, as those of some published models do (a temperature without
    sampling), and does so at the end of the training, which would be lost.
    """
    for changes in ({}, {"do_sample": True}):
        candidate: GenerationConfig = GenerationConfig.from_dict({**settings.to_dict(), **changes})
        try:
            candidate.validate(strict=True)
        except ValueError as error:
            logger.warning("the base model's generation settings contradict themselves: %s", error)
        else:
            return candidate
    plain: GenerationConfig = _make_settings(eos_token_id=settings.eos_token_id, pad_token_id=settings.pad_token_id)
    return plain
