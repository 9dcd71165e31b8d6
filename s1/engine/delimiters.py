"""From a chat format to what budget forcing needs: ids to append, ids to stop at, and a test for newlines.

Example::

    tokens = forcing_tokens(ChatFormat.create(tokenizer, chat=params.chat))
    tokens.wait                     # ids of 'Wait'
"""

from functools import cache
from typing import cast

from s1.chat import ChatFormat
from s1.forcing import ForcingTokens


def forcing_tokens(chat_format: ChatFormat) -> ForcingTokens:
    """Resolve the delimiters of forced decoding.

    Thinking stops at the configured stops and at whatever ends a turn or a text in this tokenizer; so does an answer.
    The start of the answer and ``Final Answer:`` are tokenized in one piece, as in the reference.
    """
    tokenizer, chat, ids = chat_format.tokenizer, chat_format.chat, chat_format.delimiters
    stops = {*ids.think_stops, ids.end_of_turn}
    if tokenizer.eos_token_id is not None:
        stops.add(cast(int, tokenizer.eos_token_id))
    final = cast(list[int], tokenizer.encode(chat.answer_start + chat.final_answer, add_special_tokens=False))

    @cache
    def ends_in_newline(token_id: int) -> bool:
        return cast(str, tokenizer.decode([token_id])).endswith("\n")

    return ForcingTokens(
        newline=ids.newline,
        wait=ids.wait,
        answer_start=ids.answer_start,
        final_answer_start=tuple(final),
        think_stops=frozenset(stops),
        answer_stops=frozenset(stops),
        ends_in_newline=ends_in_newline,
    )
