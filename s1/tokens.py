"""Counts tokens as one model's tokenizer does; knows model folders, nothing of chats or special tokens.

Example::

    count_tokens = load_token_counter(Path("models/base/large"))
    count_tokens(["Which dial", ""])        # [2, 0]
"""

from collections.abc import Callable, Sequence
from pathlib import Path

TokenCounter = Callable[[Sequence[str]], list[int]]
"""Number of tokens of each text, special tokens not added."""


def load_token_counter(folder: Path) -> TokenCounter:
    """The token counter of a model folder.

    Raises:
        ValueError: the folder holds no tokenizer that can be loaded.
    """
    serialized = folder / "tokenizer.json"
    if not serialized.is_file():
        return _load_by_transformers(folder)
    # The fast tokenizer's own file gives the same tokens without the seconds that importing transformers takes.
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(serialized))
    except Exception as error:  # the library raises bare Exception
        raise ValueError(f"{serialized} is not a tokenizer ({error}). Make the model folder again.") from error
    tokenizer.no_padding()
    tokenizer.no_truncation()

    def count(texts: Sequence[str]) -> list[int]:
        return [len(encoding.ids) for encoding in tokenizer.encode_batch(list(texts), add_special_tokens=False)]

    return count


def _load_by_transformers(folder: Path) -> TokenCounter:
    from s1.model_loading import load_tokenizer

    try:
        tokenizer = load_tokenizer(folder)
    except (OSError, ValueError) as error:
        raise ValueError(f"{folder} holds no tokenizer that can be loaded ({error}). Run the stage `base`.") from error

    def count(texts: Sequence[str]) -> list[int]:
        return [len(ids) for ids in tokenizer(list(texts), add_special_tokens=False)["input_ids"]] if texts else []

    return count
