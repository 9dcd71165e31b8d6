"""Stage ``tokenize``: selected questions become training sequences with loss masks.

What would waste the training is refused here, with ids, counts and advice (``s1.example_checks``, ``s1.leaks``);
``decisions.jsonl`` says of every selected question whether it is trained on.

Example::

    run(stage, tokenize=params.tokenize, chat=params.chat)
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import fmean, median

from s1.artifacts import ArtifactWriter, iterate_jsonl, read_jsonl
from s1.chat import ChatFormat
from s1.config import ChatParams, TokenizeParams
from s1.controls.texts import add_sentence, class_sentences, step_sentence, token_sentence
from s1.decisions import Decision
from s1.example_checks import check_examples, check_selection, check_share_over, refuse
from s1.leaks import Leak, find_leak
from s1.records import Example, Question, SelectedQuestion
from s1.training.examples import write_examples
from tasks.paths import CURATED, EXAMPLES, LARGE_MODEL, SELECTION, TOKENIZE_DECISIONS
from tasks.stage import Metrics, StageContext

_EVERY = 100
"""Examples between two reports of progress."""


def run(stage: StageContext, *, tokenize: TokenizeParams, chat: ChatParams) -> Metrics:
    """Tokenize the selection with the tokenizer of the model that is trained.

    Raises:
        ExampleError: the selection or its examples should not be trained on.
        ValueError: the tokenizer cannot carry the format, or an example is too long and the policy is ``fail``.
    """
    from s1.model_loading import load_tokenizer

    selection = read_jsonl(SELECTION, SelectedQuestion)
    check_selection(selection)
    leaks = find_leaks(selection)
    if tokenize.leaks == "fail":
        _refuse_leaks(leaks, len(selection))
    chat_format = ChatFormat.create(load_tokenizer(LARGE_MODEL), chat=chat)
    dropped = leaks.keys() if tokenize.leaks == "drop" else set()
    wanted = [item for item in selection if item.question_id not in dropped]
    if not wanted:
        _refuse_leaks(leaks, len(selection))
    sentences = control_sentences(wanted, tokenize=tokenize)
    rendered = _render(stage, wanted, sentences, chat_format=chat_format, tokenize=tokenize)
    check_examples(rendered, selection=wanted, chat_format=chat_format)
    examples = apply_length_limit(rendered, tokenize=tokenize)
    figures = measure(rendered, examples, tokenize=tokenize)
    with ArtifactWriter(EXAMPLES.parent) as artifact:
        write_examples(artifact.path(EXAMPLES.name), examples)
        decisions = decide(selection, leaks=leaks, rendered=rendered, examples=examples)
        artifact.write_jsonl(TOKENIZE_DECISIONS.name, decisions)
    controls = Counter(sentences.values())
    return {
        **figures,
        "num_selected": len(selection),
        "leaks": dict(sorted(Counter(leak.reason for leak in leaks.values()).items())),
        "reasons": dict(sorted(Counter(decision.reason for decision in decisions).items())),
        "template_keeps_thinking": chat_format.keeps_thinking(),
        **({"controls": dict(sorted(controls.items()))} if controls else {}),
    }


def _render(
    stage: StageContext,
    selection: Sequence[SelectedQuestion],
    sentences: Mapping[str, str],
    *,
    chat_format: ChatFormat,
    tokenize: TokenizeParams,
) -> list[Example]:
    rendered = []
    for number, item in enumerate(selection, start=1):
        example = chat_format.render_example(
            question_id=item.question_id,
            question=add_sentence(item.question, sentences.get(item.question_id)),
            thinking=item.thinking,
            answer=item.answer,
            marks_steps=tokenize.control == "steps",
        )
        rendered.append(example)
        if number % _EVERY == 0 or number == len(selection):
            stage.progress(number, len(selection), "tokenize")
    return rendered


def find_leaks(selection: Sequence[SelectedQuestion]) -> dict[str, Leak]:
    """Question id -> what gives its answer away, of the selected questions where something does."""
    selected = {item.question_id: item for item in selection}
    leaks = {}
    for question in iterate_jsonl(CURATED, Question):
        item = selected.get(question.id)
        if item is not None:
            leak = find_leak(question, solutions=[item.answer, item.thinking])
            if leak is not None:
                leaks[question.id] = leak
    return leaks


def _refuse_leaks(leaks: Mapping[str, Leak], total: int) -> None:
    first = next(iter(leaks.values()), None)
    shown = "" if first is None else f" (the first: {first.shown!r})"
    refuse(
        leaks,
        total,
        what=f"give their own answer away in the question{shown}",
        advice="Mend or remove these rows in their source, or set tokenize.leaks to drop or keep",
    )


def decide(
    selection: Sequence[SelectedQuestion],
    *,
    leaks: Mapping[str, Leak],
    rendered: Sequence[Example],
    examples: Sequence[Example],
) -> list[Decision]:
    """One decision for every selected question, in order: ``trained``, ``cut``, ``over_length``, or how it leaks.

    Args:
        rendered: examples as they were before the limit of length.
        examples: those that are trained on.
    """
    before = {example.question_id: len(example.input_ids) for example in rendered}
    kept = {example.question_id: len(example.input_ids) for example in examples}
    decisions = []
    for item in selection:
        leak, length = leaks.get(item.question_id), before.get(item.question_id)
        now = kept.get(item.question_id)
        reason, detail = "trained", "" if leak is None else f"{leak.reason}: {leak.shown}"
        if length is None and leak is not None:
            reason, detail = str(leak.reason), leak.shown
        elif now is None:
            reason, detail = "over_length", f"{length} tokens"
        elif now != length:
            reason, detail = "cut", f"{now} of {length} tokens"
        decisions.append(
            Decision(
                question_id=item.question_id,
                source=item.source,
                kept=now is not None,
                reason=reason,
                detail=detail,
            )
        )
    return decisions


def control_sentences(selection: Sequence[SelectedQuestion], *, tokenize: TokenizeParams) -> dict[str, str]:
    """What each question's prompt says about thinking, by question id; nothing where nothing is controlled."""
    if tokenize.control == "tokens":
        return {item.question_id: token_sentence(item.trace_length) for item in selection}
    if tokenize.control == "steps":
        return {item.question_id: step_sentence(item.thinking) for item in selection}
    if tokenize.control == "class":
        return class_sentences({item.question_id: item.trace_length for item in selection})
    return {}


def apply_length_limit(examples: Sequence[Example], *, tokenize: TokenizeParams) -> list[Example]:
    """Fail on, drop or cut what is longer than the limit.

    Raises:
        ExampleError: more of them are than ``tokenize.max_cut_share`` allows.
        ValueError: an example is too long and the policy is ``fail``; or cutting leaves it without a target.
    """
    limit = tokenize.max_length
    kept = []
    if tokenize.over_length != "fail":
        over = sorted((example for example in examples if len(example.input_ids) > limit), key=_length, reverse=True)
        check_share_over(
            [example.question_id for example in over],
            len(examples),
            max_length=limit,
            max_share=tokenize.max_cut_share,
            policy=tokenize.over_length,
        )
    for example in examples:
        length = len(example.input_ids)
        if length <= limit:
            kept.append(example)
        elif tokenize.over_length == "fail":
            raise ValueError(
                f"question {example.question_id} has {length} tokens where tokenize.max_length allows {limit}; raise "
                "it, or set tokenize.over_length to drop or cut"
            )
        elif tokenize.over_length == "cut":
            if sum(example.loss_mask[1:limit]) == 0:
                raise ValueError(
                    f"question {example.question_id}: its prompt alone fills tokenize.max_length {limit}, so cutting "
                    "leaves nothing to learn; raise it, or set tokenize.over_length to drop"
                )
            kept.append(
                Example(
                    question_id=example.question_id,
                    input_ids=example.input_ids[:limit],
                    loss_mask=example.loss_mask[:limit],
                )
            )
    return kept


def _length(example: Example) -> int:
    return len(example.input_ids)


def measure(rendered: Sequence[Example], examples: Sequence[Example], *, tokenize: TokenizeParams) -> Metrics:
    """Figures of the stage; lengths are of what is trained on.

    Raises:
        ValueError: nothing is left.
    """
    if not examples:
        raise ValueError(
            f"none of {len(rendered)} examples is left after tokenize.max_length {tokenize.max_length}; raise it, or "
            "look at the selection"
        )
    lengths = [len(example.input_ids) for example in examples]
    num_over = sum(len(example.input_ids) > tokenize.max_length for example in rendered)
    return {
        "num_examples": len(examples),
        "num_dropped": len(rendered) - len(examples),
        "num_cut": num_over if tokenize.over_length == "cut" else 0,
        "num_tokens": sum(lengths),
        "num_target_tokens": sum(example.num_targets for example in examples),
        "length": {"min": min(lengths), "mean": fmean(lengths), "median": median(lengths), "max": max(lengths)},
    }
