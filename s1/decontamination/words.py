"""Words as the reference counts them: what white space separates in the lower-cased text, punctuation kept.

Example::

    word_ngrams("find the least prime", size=3)        # ['find the least', 'the least prime']
"""


def word_ngrams(normalized_text: str, *, size: int) -> list[str]:
    """All runs of ``size`` words of a normalised text, in order; none when it has fewer words."""
    words = normalized_text.split(" ")
    return [" ".join(words[start : start + size]) for start in range(len(words) - size + 1)]
