r"""What the model reads and writes as text and as tokens: prompts, delimiters, training sequences, loss masks.

Knows the chat template of the model's own tokenizer and the delimiters of ``ChatParams``; does not know decoding
(``s1.forcing``) or where examples are stored. Everything is checked once, when a ``ChatFormat`` is made, so that a
tokenizer that cannot carry the format fails before any token is spent.

Example::

    chat_format = ChatFormat.create(tokenizer, chat=params.chat)
    chat_format.prompt_ids("2+2?", mode="thinking")         # … <|im_start|>assistant\n<|im_start|>think
    example = chat_format.render_example(question_id="1f0c", question="2+2?", thinking="2+2 = 4", answer="4")
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from s1.config import ChatParams
from s1.records import Example

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

PromptMode = Literal["direct", "thinking"]
"""Whether the model answers at once, as a base model does, or starts in the thinking phase."""

_ANSWER_MARK = "Answer:"
_PROBE = "s1-probe"


@dataclass(frozen=True, slots=True)
class DelimiterIds:
    """Token ids of everything that budget forcing appends or watches."""

    think_start: tuple[int, ...]
    answer_start: tuple[int, ...]
    final_answer: tuple[int, ...]
    wait: tuple[int, ...]
    newline: tuple[int, ...]
    think_stops: tuple[int, ...]
    """Each entry is one stop token (not a sequence)."""
    end_of_turn: int
    """The token that ends an assistant's turn in the template."""


@dataclass(frozen=True, slots=True)
class ChatFormat:
    """The chat format of one tokenizer, checked; make it with ``create``."""

    tokenizer: "PreTrainedTokenizerBase"
    chat: ChatParams
    turn_end: str
    """What the template writes after an assistant's text, ``<|im_end|>\\n`` for Qwen2.5."""
    delimiters: DelimiterIds
    special_tokens: tuple[str, ...]
    """Texts that the tokenizer reads as one special token; they may not occur in questions and traces."""

    @classmethod
    def create(cls, tokenizer: "PreTrainedTokenizerBase", *, chat: ChatParams) -> "ChatFormat":
        """Check that a tokenizer carries the format, and resolve the delimiters.

        Raises:
            ValueError: the tokenizer has no chat template, its template does not end in an assistant start, or a stop
                token is not one token.
        """
        turn_end = _find_turn_end(tokenizer)
        special = _special_tokens(tokenizer)
        return cls(
            tokenizer=tokenizer,
            chat=chat,
            turn_end=turn_end,
            delimiters=_resolve(tokenizer, chat, turn_end, special=special),
            special_tokens=tuple(special),
        )

    def prompt_text(self, question: str, *, mode: PromptMode) -> str:
        """The text in front of what the model writes; in mode ``thinking`` it ends in the thinking delimiter."""
        prompt = _render(self.tokenizer, [{"role": "user", "content": question}], add_generation_prompt=True)
        return prompt + self.chat.think_start if mode == "thinking" else prompt

    def prompt_ids(self, question: str, *, mode: PromptMode) -> list[int]:
        """Token ids of ``prompt_text``.

        Raises:
            ValueError: the question holds a special token, which would end or open a turn.
        """
        self._refuse_special_tokens("question", question, owner=repr(question[:60]))
        return _encode(self.tokenizer, self.prompt_text(question, mode=mode))

    def assistant_text(self, *, thinking: str, answer: str) -> str:
        """Thinking and answer between their delimiters, as the reference's tokenization script joins them."""
        answer = answer.strip()
        if _ANSWER_MARK not in answer:
            answer = f"{_ANSWER_MARK} {answer}"
        return f"{self.chat.think_start}\n{thinking.strip()}\n{self.chat.answer_start}\n{answer}"

    def render_example(self, *, question_id: str, question: str, thinking: str, answer: str) -> Example:
        """Render one training sequence; loss is on the assistant's tokens, the template's final newline included.

        The whole text is tokenized at once, as at the reference, and the prompt's tokens must come out unchanged in
        front: otherwise the model would be trained on another prompt than it is asked with.

        Raises:
            ValueError: a text holds a special token, or a token reaches across the start of the assistant's text.
        """
        for name, text in (("question", question), ("thinking", thinking), ("answer", answer)):
            self._refuse_special_tokens(name, text, owner=question_id)
        prompt = self.prompt_text(question, mode="direct")
        prompt_ids = _encode(self.tokenizer, prompt)
        input_ids = _encode(
            self.tokenizer, prompt + self.assistant_text(thinking=thinking, answer=answer) + self.turn_end
        )
        if input_ids[: len(prompt_ids)] != prompt_ids:
            raise ValueError(
                f"question {question_id}: a token reaches from the prompt into the assistant's text; let "
                f"chat.think_start (now {self.chat.think_start!r}) begin with a special token of the tokenizer"
            )
        num_targets = len(input_ids) - len(prompt_ids)
        return Example(
            question_id=question_id, input_ids=input_ids, loss_mask=[0] * len(prompt_ids) + [1] * num_targets
        )

    def _refuse_special_tokens(self, name: str, text: str, *, owner: str) -> None:
        for token in self.special_tokens:
            if token in text:
                raise ValueError(
                    f"question {owner}: its {name} holds the special token {token!r}, which would be read as a "
                    "delimiter; remove the row or the token in its source"
                )


def _find_turn_end(tokenizer: "PreTrainedTokenizerBase") -> str:
    if not tokenizer.chat_template:
        raise ValueError(
            f"tokenizer {tokenizer.name_or_path!r} has no chat template; use an instruct model's tokenizer"
        )
    user = {"role": "user", "content": "question"}
    start = _render(tokenizer, [user], add_generation_prompt=True)
    bare = _render(tokenizer, [user], add_generation_prompt=False)
    whole = _render(tokenizer, [user, {"role": "assistant", "content": _PROBE}], add_generation_prompt=False)
    if start == bare or not whole.startswith(start + _PROBE):
        raise ValueError(
            f"the chat template of tokenizer {tokenizer.name_or_path!r} does not end in the assistant's start when "
            f"asked for a generation prompt (it ends in {start[-40:]!r}), or changes the assistant's text; "
            "use a template where the assistant's text follows the generation prompt as it is"
        )
    return whole[len(start) + len(_PROBE) :]


def _special_tokens(tokenizer: "PreTrainedTokenizerBase") -> dict[str, int]:
    # Not all_special_tokens: that names only those with a role (end, padding), not <|im_start|>.
    return {token.content: number for number, token in tokenizer.added_tokens_decoder.items() if token.special}


def _resolve(
    tokenizer: "PreTrainedTokenizerBase", chat: ChatParams, turn_end: str, *, special: dict[str, int]
) -> DelimiterIds:
    end_ids = _encode(tokenizer, turn_end)
    if not end_ids or end_ids[0] not in special.values():
        raise ValueError(
            f"the chat template ends an assistant's turn with {turn_end!r}, which does not begin with a special token; "
            "decoding could not tell where an answer ends"
        )
    return DelimiterIds(
        think_start=tuple(_encode(tokenizer, chat.think_start)),
        answer_start=tuple(_encode(tokenizer, chat.answer_start)),
        final_answer=tuple(_encode(tokenizer, chat.final_answer)),
        wait=tuple(_encode(tokenizer, chat.wait)),
        newline=tuple(_encode(tokenizer, "\n")),
        think_stops=tuple(_single_id(tokenizer, stop, special=special) for stop in chat.think_stops),
        end_of_turn=end_ids[0],
    )


def _single_id(tokenizer: "PreTrainedTokenizerBase", text: str, *, special: dict[str, int]) -> int:
    if text not in special:
        raise ValueError(
            f"chat.think_stops: {text!r} is no special token of tokenizer {tokenizer.name_or_path!r} (it becomes "
            f"{len(_encode(tokenizer, text))} tokens); a stop must be one special token, one of {sorted(special)}"
        )
    return special[text]


def _encode(tokenizer: "PreTrainedTokenizerBase", text: str) -> list[int]:
    return cast(list[int], tokenizer.encode(text, add_special_tokens=False))


def _render(
    tokenizer: "PreTrainedTokenizerBase", messages: list[dict[str, str]], *, add_generation_prompt: bool
) -> str:
    return cast(
        str, tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=add_generation_prompt)
    )
