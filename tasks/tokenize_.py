"""Stage ``tokenize``: selected questions become training sequences with loss masks.

Example::

    run(stage, tokenize=params.tokenize, chat=params.chat)
"""

from collections import Counter
from collections.abc import Sequence
from statistics import fmean, median

from s1.artifacts import ArtifactWriter, read_jsonl
from s1.chat import ChatFormat
from s1.config import ChatParams, TokenizeParams
from s1.controls.texts import add_sentence, class_sentences, step_sentence, token_sentence
from s1.records import Example, SelectedQuestion
from s1.training.examples import write_examples
from tasks.paths import EXAMPLES, LARGE_MODEL, SELECTION
from tasks.stage import Metrics, StageContext


def run(stage: StageContext, *, tokenize: TokenizeParams, chat: ChatParams) -> Metrics:
    """Tokenize the selection with the tokenizer of the model that is trained."""
    from s1.model_loading import load_tokenizer

    selection = read_jsonl(SELECTION, SelectedQuestion)
    tokenizer = load_tokenizer(LARGE_MODEL)
    chat_format = ChatFormat.create(tokenizer, chat=chat)
    sentences = control_sentences(selection, tokenize=tokenize)
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
        if number % 100 == 0 or number == len(selection):
            stage.progress(number, len(selection), "tokenize")
    examples = apply_length_limit(rendered, tokenize=tokenize)
    with ArtifactWriter(EXAMPLES.parent) as artifact:
        write_examples(artifact.path(EXAMPLES.name), examples)
    controls = Counter(sentences.values())
    figures = measure(rendered, examples, tokenize=tokenize)
    return {**figures, "controls": dict(sorted(controls.items()))} if controls else figures


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
        ValueError: an example is too long and the policy is ``fail``; or cutting leaves it without a target.
    """
    limit = tokenize.max_length
    kept = []
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
