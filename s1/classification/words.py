r"""What the local classifier sees of a text: which words it holds, how often.

Words are Latin ones of two letters on, LaTeX commands, lengths of numbers, and pairs of Chinese characters (which are
written without spaces). Knows nothing of domains.

Example::

    words_of(r"Find \sin 30 degrees")           # ['find', '\\sin', '<2 digits>', 'degrees']
"""

import re

_WORD = re.compile(r"\\[a-z]+|[a-z]{2,}|[0-9]+|[\u4e00-\u9fff]+")
_MOST_DIGITS = 4


def words_of(text: str) -> list[str]:
    """The text's words in order, in lower case."""
    words: list[str] = []
    for word in _WORD.findall(text.lower()):
        if word[0] >= "\u4e00":
            words.extend(word[index : index + 2] for index in range(len(word) - 1))
        elif word[0].isdigit():
            words.append(f"<{min(len(word), _MOST_DIGITS)} digits>")
        else:
            words.append(word)
    return words
