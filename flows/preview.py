r"""Shows one training example before a GPU starts: ``python -m flows.preview``, what ``make preview`` does.

Read from ``data/tokenize/examples.parquet``, so it shows the very tokens that training gets: what is masked (the
question) and what is trained on (thinking and answer) apart, by colour on a terminal and in double brackets elsewhere,
counts, and the tokens around the border one by one. Collected text is shown, never interpreted: control characters are
written as ``\x1b``.

Example::

    python -m flows.preview             # the first example
    python -m flows.preview 17          # the 17th
    python -m flows.preview 1f0c2a      # the one whose question id begins so
    python -m flows.preview --longest --full
"""

import argparse
import sys
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from infra.failures import EXIT_FAILED, explain
from s1.artifacts import ArtifactError
from s1.records import Example
from s1.training.examples import read_examples
from tasks.paths import EXAMPLES, LARGE_MODEL

_DIM, _PLAIN, _BOLD = "\x1b[2m", "\x1b[0m", "\x1b[1;32m"
_SHOWN = 1500
"""Characters of each end of a long part; ``--full`` shows all."""
_BORDER = 8
"""Tokens shown one by one on each side of the border."""


def main(argv: Sequence[str]) -> int:
    """Show an example and return the exit code."""
    arguments = _parse(argv)
    colours = sys.stdout.isatty() if arguments.colour is None else arguments.colour
    try:
        examples = read_examples(arguments.examples)
        number = _longest(examples) if arguments.longest else find_example(examples, arguments.example)
        text = render_example(
            examples[number], _Decoder(arguments.tokenizer), colours=colours, most=None if arguments.full else _SHOWN
        )
        print(f"Example {number + 1:,} of {len(examples):,}, question {examples[number].question_id}\n\n{text}")
    except (OSError, ValueError) as error:
        print(f"preview: {explain(error).message}", file=sys.stderr)
        return EXIT_FAILED
    return 0


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m flows.preview", description="Show one training example.")
    parser.add_argument("example", nargs="?", default="1", help="its number, or the beginning of its question's id (1)")
    parser.add_argument("--longest", action="store_true", help="the longest one")
    parser.add_argument("--full", action="store_true", help="long texts in full")
    parser.add_argument(
        "--colour", action=argparse.BooleanOptionalAction, help="colours or brackets (colours on a terminal)"
    )
    parser.add_argument("--examples", metavar="FILE", type=Path, default=EXAMPLES, help=f"examples ({EXAMPLES})")
    parser.add_argument(
        "--tokenizer", metavar="FOLDER", type=Path, default=LARGE_MODEL, help=f"whose tokens they are ({LARGE_MODEL})"
    )
    return parser.parse_args(argv)


def find_example(examples: Sequence[Example], wanted: str) -> int:
    """Place of an example by its number, counted from 1, or by the beginning of its question's id.

    Raises:
        ArtifactError: there is none, or several questions begin so.
    """
    if wanted.isdecimal() and 1 <= int(wanted) <= len(examples):
        return int(wanted) - 1
    found = [number for number, example in enumerate(examples) if example.question_id.startswith(wanted.lower())]
    if len(found) == 1:
        return found[0]
    how_many = "none" if not found else f"{len(found):,}"
    raise ArtifactError(
        f"{how_many} of the {len(examples):,} examples is called {wanted!r}: give a number from 1 to {len(examples):,} "
        "or as many digits of a question's id as tell it apart"
    )


def _longest(examples: Sequence[Example]) -> int:
    return max(range(len(examples)), key=lambda number: len(examples[number].input_ids))


class _Decoder:
    """Tokens as text."""

    def __init__(self, folder: Path) -> None:
        from s1.model_loading import load_tokenizer

        self._tokenizer = load_tokenizer(folder)

    def __call__(self, ids: Sequence[int]) -> str:
        """The text of tokens, special ones included, control characters written out."""
        text: str = self._tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False)
        return "".join(
            character if character.isprintable() or character == "\n" else repr(character)[1:-1] for character in text
        )


def render_example(example: Example, decode: _Decoder, *, colours: bool, most: int | None) -> str:
    """An example with its masked and its trained tokens apart, its counts and its border.

    Args:
        colours: dim and green instead of double brackets around what is trained on.
        most: characters shown of each end of a part; None: all.
    """
    position, parts, borders = 0, [], []
    for is_trained, group in groupby(zip(example.input_ids, example.loss_mask, strict=True), key=lambda pair: pair[1]):
        ids = [token for token, _ in group]
        if position:
            borders.append(_border(example, position, decode))
        position += len(ids)
        text = _shorten(decode(ids), most)
        if colours:
            parts.append(f"{_BOLD if is_trained else _DIM}{text}{_PLAIN}")
        else:
            parts.append(f"[[{text}]]" if is_trained else text)
    key = "green: trained on, dim: masked" if colours else "in [[double brackets]]: trained on; the rest is masked"
    num_tokens, num_trained = len(example.input_ids), sum(example.loss_mask)
    counts = f"{num_tokens:,} tokens: {num_tokens - num_trained:,} masked, {num_trained:,} trained on ({key})"
    end = " ".join(_token(token, decode) for token in example.input_ids[-_BORDER:])
    return "\n\n".join(["".join(parts), counts, *borders, f"last tokens: {end}"])


def _shorten(text: str, most: int | None) -> str:
    if most is None or len(text) <= 2 * most:
        return text
    return f"{text[:most]}\n  ... {len(text) - 2 * most:,} characters more (--full shows them) ...\n{text[-most:]}"


def _border(example: Example, position: int, decode: _Decoder) -> str:
    before = example.input_ids[max(0, position - _BORDER) : position]
    behind = example.input_ids[position : position + _BORDER]
    words = ("masked", "trained") if example.loss_mask[position] else ("trained", "masked")
    lines = [
        f"{word}: {' '.join(_token(token, decode) for token in ids)}"
        for word, ids in zip(words, (before, behind), strict=True)
    ]
    return f"border at token {position:,}\n  " + "\n  ".join(lines)


def _token(token: int, decode: _Decoder) -> str:
    return f"{token}:{decode([token])!r}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
