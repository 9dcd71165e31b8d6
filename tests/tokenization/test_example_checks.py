"""What would waste a training run is refused before one starts, with ids, counts and advice."""

from collections.abc import Sequence

import pytest

from s1.chat import ChatFormat
from s1.example_checks import ExampleError, check_examples, check_selection, check_share_over
from s1.nano.tokenizer import build_tokenizer
from s1.records import Example, SelectedQuestion
from tests.chat.test_chat import byte_tokenizer
from tests.delimiters import S1_DELIMITERS

FORMAT = ChatFormat.create(build_tokenizer(), chat=S1_DELIMITERS)
STRIPPING = (
    "{% for message in messages %}{{ '<|im_start|>' + message.role + '\\n' + "
    "message.content.split('<|im_start|>answer')[-1] + '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
"""Takes the thinking out of an assistant's text, as the templates of R1, QwQ and Qwen3 do."""


def select(number: int = 0, *, thinking: str = "two and two", question: str | None = None) -> SelectedQuestion:
    return SelectedQuestion(
        question_id=f"q{number}",
        question=question or f"What is {number}?",
        source="pool",
        domain="sums",
        thinking=thinking,
        answer="4",
        reason="random",
        trace_length=3,
    )


def render(item: SelectedQuestion, chat_format: ChatFormat = FORMAT) -> Example:
    return chat_format.render_example(
        question_id=item.question_id, question=item.question, thinking=item.thinking, answer=item.answer
    )


def check(examples: Sequence[Example], selection: Sequence[SelectedQuestion]) -> None:
    check_examples(examples, selection=selection, chat_format=FORMAT)


def test_good_examples_pass() -> None:
    selection = [select(number, thinking=f"two and two\n\n\tis  é {number} 🦊") for number in range(3)]
    check_selection(selection)
    check([render(item) for item in selection], selection)


def test_an_empty_selection_is_refused() -> None:
    with pytest.raises(ExampleError, match="the selection is empty.*make funnel"):
        check_selection([])


def test_a_question_that_is_there_twice_is_refused_by_id_whatever_its_case() -> None:
    with pytest.raises(ExampleError, match=r"1 of 3 examples hold a question that is there already.*: q2\."):
        check_selection([select(0, question="What is IT?"), select(1), select(2, question="what  is it?")])


def test_a_trace_without_thinking_is_refused_by_id() -> None:
    with pytest.raises(ExampleError, match=r"1 of 2 examples have no thinking.*: q1\..*make why Q=<id>"):
        check_selection([select(0), select(1, thinking=" \n")])


def test_an_example_that_trains_no_token_is_refused() -> None:
    item = select()
    good = render(item)
    masked = good.model_copy(update={"loss_mask": [1] + [0] * (len(good.input_ids) - 1)})
    with pytest.raises(ExampleError, match=r"1 of 1 examples train no token: q0\. Look at one with `make preview`"):
        check([masked], [item])


def test_an_example_without_the_token_that_ends_an_answer_is_refused() -> None:
    item = select()
    good = render(item)
    cut = good.model_copy(update={"input_ids": good.input_ids[:-2], "loss_mask": good.loss_mask[:-2]})
    with pytest.raises(ExampleError, match=r"do not end in the trained tokens .*: q0\..*learn to stop"):
        check([cut], [item])
    unlearned = good.model_copy(update={"loss_mask": [*good.loss_mask[:-2], 0, 0]})
    with pytest.raises(ExampleError, match="do not end in the trained tokens"):
        check([unlearned], [item])


def test_an_example_that_has_lost_its_thinking_is_refused() -> None:
    item = select(thinking="two and two")
    other = render(select(thinking="something else"))
    with pytest.raises(ExampleError, match=r"1 of 1 examples have lost their thinking on the way to tokens: q0\."):
        check([other], [item])


def test_a_template_that_strips_thinking_is_told_and_takes_none_from_the_examples() -> None:
    chat_format = ChatFormat.create(byte_tokenizer(STRIPPING), chat=S1_DELIMITERS)
    assert (FORMAT.keeps_thinking(), chat_format.keeps_thinking()) == (True, False)
    item = select(thinking="two and two")
    check_examples([render(item, chat_format)], selection=[item], chat_format=chat_format)


def test_only_the_first_ids_of_many_are_shown_and_all_are_counted() -> None:
    with pytest.raises(ExampleError, match=r"9 of 9 examples have no thinking.*: q0, q1, q2, q3, q4, …\."):
        check_selection([select(number, thinking="") for number in range(9)])


def test_a_share_over_the_limit_is_refused_and_one_at_it_is_not() -> None:
    check_share_over(["a"], 10, max_length=100, max_share=0.1, policy="drop")
    with pytest.raises(ExampleError, match=r"2 of 10 examples \(20.0%\) are longer than .* 100 and would be dropped"):
        check_share_over(["a", "b"], 10, max_length=100, max_share=0.1, policy="drop")
