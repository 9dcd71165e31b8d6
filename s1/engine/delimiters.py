"""From a chat format to what budget forcing needs: ids to append, ids to stop at, and a test for newlines.

Example::

    tokens = forcing_tokens(ChatFormat.create(tokenizer, chat=params.chat))
    tokens.wait                     # ids of 'Wait'
"""

from collections.abc import Sequence
from functools import cache
from typing import cast

from s1.chat import ChatFormat
from s1.forcing import ForcingError, ForcingTokens


def forcing_tokens(chat_format: ChatFormat, *, ends: Sequence[int] = ()) -> ForcingTokens:
    """Resolve the delimiters of forced decoding.

    Thinking stops at the configured stops and at whatever ends a turn or a text; an answer at the latter, and at the
    stop that opens a turn's parts (``<|im_start|>``): a second ``</think>`` ends no answer. The start of the answer and
    ``Final Answer:`` are tokenized in one piece, as in the reference.

    Args:
        ends: further tokens that end a text, as the model's generation settings say.
    """
    tokenizer, chat, ids = chat_format.tokenizer, chat_format.chat, chat_format.delimiters
    final = cast(list[int], tokenizer.encode(chat.answer_start + chat.final_answer, add_special_tokens=False))
    text_ends = {ids.end_of_turn, *ends}
    if tokenizer.eos_token_id is not None:
        text_ends.add(cast(int, tokenizer.eos_token_id))
    think_stops = frozenset({*ids.think_stops, *text_ends})
    # Where there is one, answer_start begins with it.
    opener = ids.answer_start[0] if chat_format.step_opener else None

    @cache
    def ends_in_newline(token_id: int) -> bool:
        return cast(str, tokenizer.decode([token_id])).endswith("\n")

    @cache
    def encode(text: str) -> tuple[int, ...]:
        encoded = tuple(cast(list[int], tokenizer.encode(text, add_special_tokens=False)))
        if not think_stops.isdisjoint(encoded):
            raise ForcingError(
                f"generate.settings: the text {text!r} holds a token that ends thinking; take the delimiter out of it"
            )
        return encoded

    return ForcingTokens(
        newline=ids.newline,
        wait=ids.wait,
        answer_start=ids.answer_start,
        final_answer_start=tuple(final),
        think_stops=think_stops,
        answer_stops=frozenset(text_ends if opener is None else {*text_ends, opener}),
        ends_in_newline=ends_in_newline,
        encode=encode,
        step_mark=opener if len(ids.answer_start) > 1 else None,
    )
