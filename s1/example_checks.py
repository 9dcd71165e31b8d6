"""Training examples held against what a GPU would be wasted on, before one starts.

Every check names the questions, how many there are, and what to do. Knows examples, the chat format that they were
rendered with and the selection that they came from; leaks of answers are found by ``s1.leaks``, lengths are the
``tokenize`` stage's.

Example::

    check_selection(selection)
    check_examples(examples, selection=selection, chat_format=chat_format)      # ExampleError: 2 of 1,000 examples …
"""

import unicodedata
from collections.abc import Iterable, Sequence
from itertools import islice

from s1.chat import ChatFormat
from s1.records import Example, SelectedQuestion, normalize_text

_SHOWN_IDS = 5
_WHY = "`make why Q=<id>` tells where a question comes from"


class ExampleError(ValueError):
    """Examples that should not be trained on; the message names them and what to do."""


def refuse(bad: Iterable[str], total: int, *, what: str, advice: str) -> None:
    """Refuse when there are bad examples.

    Args:
        bad: ids of their questions.

    Raises:
        ExampleError: there are some; the message tells the first of them, how many there are, and the advice.
    """
    ids = list(bad)
    if ids:
        shown = ", ".join(ids[:_SHOWN_IDS]) + (", …" if len(ids) > _SHOWN_IDS else "")
        raise ExampleError(f"{len(ids):,} of {total:,} examples {what}: {shown}. {advice} ({_WHY}).")


def check_selection(selection: Sequence[SelectedQuestion]) -> None:
    """Check what was selected before it is rendered.

    Raises:
        ExampleError: nothing was selected, a question was selected twice, or a trace has no thinking.
    """
    if not selection:
        raise ExampleError(
            "the selection is empty, so there is nothing to train on: the funnel (`make funnel`) shows where the "
            "questions left, and data/select/ledger.jsonl why each one did"
        )
    refuse(
        _repeated(selection),
        len(selection),
        what="hold a question that is there already, and would count twice",
        advice="Equal questions leave in `curate`: remove data/select and run `dvc repro`",
    )
    refuse(
        (item.question_id for item in selection if not item.thinking.strip()),
        len(selection),
        what="have no thinking, so a model would learn to answer without any",
        advice="Leave such traces out in `select`, or distill these questions again",
    )


def _repeated(selection: Sequence[SelectedQuestion]) -> Iterable[str]:
    seen: set[str] = set()
    for item in selection:
        text = normalize_text(item.question)
        if text in seen or item.question_id in seen:
            yield item.question_id
        seen.update((text, item.question_id))


def check_examples(
    examples: Sequence[Example], *, selection: Sequence[SelectedQuestion], chat_format: ChatFormat
) -> None:
    """Check the tokens that are trained on, before any of them are cut.

    Raises:
        ExampleError: an example trains no token, lacks the token that ends an answer, or has lost its thinking.
    """
    end = chat_format.turn_end_ids
    refuse(
        (example.question_id for example in examples if sum(example.loss_mask[1:]) == 0),
        len(examples),
        what="train no token",
        advice="Look at one with `make preview`; the chat template and the section chat decide the mask",
    )
    refuse(
        (example.question_id for example in examples if not _ends_with(example, end)),
        len(examples),
        what=f"do not end in the trained tokens {end}, with which the chat template ends an answer",
        advice="A model would not learn to stop; use the tokenizer and the template of the model that is trained",
    )
    thinking = {item.question_id: _bare(item.thinking) for item in selection}
    texts = ((item.question_id, _bare(chat_format.trained_text(item))) for item in examples)
    refuse(
        (question_id for question_id, text in texts if thinking[question_id] not in text),
        len(examples),
        what="have lost their thinking on the way to tokens",
        advice="The tokenizer cannot write these texts, or the template takes thinking out; choose another model",
    )


def _ends_with(example: Example, end: Sequence[int]) -> bool:
    count = len(end)
    return example.input_ids[-count:] == list(end) and all(example.loss_mask[-count:])


def _bare(text: str) -> str:
    """What has to come back; white space and composed letters may differ."""
    return "".join(unicodedata.normalize("NFC", text).split())


def check_share_over(over: Sequence[str], total: int, *, max_length: int, max_share: float, policy: str) -> None:
    """Check how many examples are longer than the limit.

    Args:
        over: ids of the questions whose examples are.
        policy: what happens to them, ``drop`` or ``cut``.

    Raises:
        ExampleError: more than the share that is allowed.
    """
    if len(over) > max_share * total:
        done = "dropped" if policy == "drop" else "cut, most before their answer"
        shown = ", ".join(islice(over, _SHOWN_IDS))
        raise ExampleError(
            f"{len(over):,} of {total:,} examples ({len(over) / total:.1%}) are longer than tokenize.max_length "
            f"{max_length:,} and would be {done}; tokenize.max_cut_share allows {max_share:.1%}. Longest first: {shown}"
            ". Raise max_length as far as the model's context goes, select shorter traces, or raise max_cut_share"
        )
