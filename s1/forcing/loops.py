"""Whether a text of tokens goes in circles: the same stretch again and again, up to its very end.

Knows ids only. What counts as a loop is ``LoopParams``; a stretch repeated with the smallest change is none.

Example::

    loop_period([1, 2, 3] * 200, LoopParams())      # 3
"""

from collections.abc import Sequence

from s1.config import LoopParams


def loop_period(token_ids: Sequence[int], loops: LoopParams) -> int | None:
    """Length of the shortest stretch that is repeated at the end of ``token_ids``; None where nothing is."""
    longest = max(loops.max_period * loops.min_repeats, loops.min_tokens)
    tail = tuple(token_ids[-longest:])
    for period in range(1, loops.max_period + 1):
        length = max(period * loops.min_repeats, loops.min_tokens)
        if length > len(tail):
            # What a longer period needs is not shorter.
            return None
        # The last token decides for most periods, before anything is copied.
        if tail[-1] == tail[-1 - period] and tail[-length:-period] == tail[period - length :]:
            return period
    return None
