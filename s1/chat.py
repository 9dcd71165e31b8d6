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
from s1.controls.texts import mark_steps
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

    answer_start: tuple[int, ...]
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
    opens_thinking: bool
    """Whether the template's generation prompt already ends in the thinking delimiter, as R1's and QwQ's do."""
    delimiters: DelimiterIds
    special_tokens: tuple[str, ...]
    """Texts that the tokenizer reads as one special or stop token; they may not occur in questions and traces."""

    @classmethod
    def create(cls, tokenizer: "PreTrainedTokenizerBase", *, chat: ChatParams) -> "ChatFormat":
        """Check that a tokenizer carries the format, and resolve the delimiters.

        Raises:
            ValueError: the tokenizer has no chat template, its template does not end in an assistant start, it cannot
                write a delimiter, a stop token is not one token, or thinking would not stop where the answer starts.
        """
        opening, turn_end = _find_turn(tokenizer, chat)
        special = _special_tokens(tokenizer)
        return cls(
            tokenizer=tokenizer,
            chat=chat,
            turn_end=turn_end,
            opens_thinking=opening.endswith(chat.think_start),
            delimiters=_resolve(tokenizer, chat, turn_end, special=special),
            special_tokens=tuple(dict.fromkeys([*special, *chat.think_stops])),
        )

    @property
    def step_opener(self) -> str:
        """The special token that opens both thinking and answer, and so the marks of steps; empty if there is none."""
        shared = (self.chat.think_start, self.chat.answer_start)
        return next((token for token in self.special_tokens if all(text.startswith(token) for text in shared)), "")

    @property
    def turn_end_ids(self) -> list[int]:
        """Tokens of what ends an assistant's turn; ``<|im_end|>`` and a newline for Qwen2.5."""
        return _encode(self.tokenizer, self.turn_end)

    def keeps_thinking(self) -> bool:
        """Whether the template itself shows an assistant's thinking, as ours does; those of R1, QwQ and Qwen3 do not.

        Examples are not rendered by it, so they keep their thinking either way; whoever renders with it loses it.
        """
        turn = self.assistant_text(thinking=_PROBE, answer="4")
        messages = [{"role": "user", "content": "question"}, {"role": "assistant", "content": turn}]
        return _PROBE in _render(self.tokenizer, messages, add_generation_prompt=False)

    def prompt_text(self, question: str, *, mode: PromptMode) -> str:
        """The text in front of what the model writes; in mode ``thinking`` it ends in the thinking delimiter."""
        prompt = self._assistant_start(question)
        return prompt + (self.chat.think_start if mode == "thinking" else self.chat.direct_start)

    def _assistant_start(self, question: str) -> str:
        prompt = _render(self.tokenizer, [{"role": "user", "content": question}], add_generation_prompt=True)
        return prompt.removesuffix(self.chat.think_start) if self.opens_thinking else prompt

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
        return f"{_line(self.chat.think_start)}{thinking.strip()}\n{_line(self.chat.answer_start)}{answer}"

    def render_example(
        self, *, question_id: str, question: str, thinking: str, answer: str, marks_steps: bool = False
    ) -> Example:
        """Render one training sequence; loss is on the assistant's tokens, the template's final newline included.

        The whole text is tokenized at once, as at the reference, and the prompt's tokens must come out unchanged in
        front: otherwise the model would be trained on another prompt than it is asked with.

        Args:
            marks_steps: introduce every step of the thinking by how many are left (``s1.controls.texts``).

        Raises:
            ValueError: a text holds a special token, or a token reaches across the start of the assistant's text.
        """
        for name, text in (("question", question), ("thinking", thinking), ("answer", answer)):
            self._refuse_special_tokens(name, text, owner=question_id)
        if marks_steps:  # our own special tokens, so after the check of the collected text
            thinking = mark_steps(thinking, opener=self.step_opener)
        prompt = self._assistant_start(question)
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

    def trained_text(self, example: Example) -> str:
        """What the tokens with loss say, special ones included."""
        pairs = zip(example.input_ids, example.loss_mask, strict=True)
        return self.decode([token for token, is_trained in pairs if is_trained])

    def decode(self, ids: list[int]) -> str:
        """Tokens as text, special ones included, nothing tidied."""
        return cast(str, self.tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False))

    def _refuse_special_tokens(self, name: str, text: str, *, owner: str) -> None:
        for token in self.special_tokens:
            if token in text:
                raise ValueError(
                    f"question {owner}: its {name} holds the special token {token!r}, which would be read as a "
                    "delimiter; remove the row or the token in its source"
                )


def _line(delimiter: str) -> str:
    """A delimiter that ends its line."""
    return delimiter if delimiter.endswith("\n") else delimiter + "\n"


def _find_turn(tokenizer: "PreTrainedTokenizerBase", chat: ChatParams) -> tuple[str, str]:
    """What the template writes up to an assistant's text (the generation prompt), and behind it."""
    if not tokenizer.chat_template:
        raise ValueError(
            f"tokenizer {tokenizer.name_or_path!r} has no chat template; use an instruct model's tokenizer"
        )
    user = {"role": "user", "content": "question"}
    start = _render(tokenizer, [user], add_generation_prompt=True)
    bare = _render(tokenizer, [user], add_generation_prompt=False)
    whole = _render(tokenizer, [user, {"role": "assistant", "content": _PROBE}], add_generation_prompt=False)
    before, found, turn_end = whole.partition(_PROBE)
    # Templates of thinking models open the thinking in the generation prompt, or show an assistant's turn with
    # thinking that is empty or left out; what is asked is only that they begin the turn alike.
    opening = start.removesuffix(chat.think_start)
    between = before.removeprefix(opening)
    is_alike = before.startswith(opening) and (not between or between.startswith(chat.think_start.rstrip()))
    if start == bare or not found or not is_alike:
        raise ValueError(
            f"the chat template of tokenizer {tokenizer.name_or_path!r} does not end in the assistant's start when "
            f"asked for a generation prompt (it ends in {start[-40:]!r}), or changes the assistant's text; "
            "use a template where the assistant's text follows the generation prompt as it is"
        )
    return start, turn_end


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
    _delimiter_ids(tokenizer, "think_start", chat.think_start)
    delimiters = DelimiterIds(
        answer_start=_delimiter_ids(tokenizer, "answer_start", chat.answer_start),
        wait=tuple(_encode(tokenizer, chat.wait)),
        newline=tuple(_encode(tokenizer, "\n")),
        think_stops=tuple(_single_id(tokenizer, stop, special=special) for stop in chat.think_stops),
        end_of_turn=end_ids[0],
    )
    if delimiters.answer_start[:1] and delimiters.answer_start[0] not in delimiters.think_stops:
        raise ValueError(
            f"chat.answer_start {chat.answer_start!r} does not begin with one of chat.think_stops {chat.think_stops}: "
            "thinking would not stop where the answer starts; make it begin with the stop that the model writes there"
        )
    return delimiters


def _delimiter_ids(tokenizer: "PreTrainedTokenizerBase", key: str, text: str) -> tuple[int, ...]:
    """A delimiter's tokens; training would never show it to a model whose tokenizer drops it or does not know it."""
    ids = _encode(tokenizer, text)
    if text and (not ids or tokenizer.unk_token_id in ids):
        raise ValueError(
            f"chat.{key}: tokenizer {tokenizer.name_or_path!r} {'has unknown tokens in' if ids else 'drops'} {text!r}; "
            "set the section chat to delimiters that it can write"
        )
    return tuple(ids)


def _single_id(tokenizer: "PreTrainedTokenizerBase", text: str, *, special: dict[str, int]) -> int:
    # Special or not: the </think> of R1, QwQ and Qwen3 is an added token that is no special one.
    added = {token.content: number for number, token in tokenizer.added_tokens_decoder.items()}
    if text not in added:
        raise ValueError(
            f"chat.think_stops: {text!r} is no token of its own in tokenizer {tokenizer.name_or_path!r} (it becomes "
            f"{len(_encode(tokenizer, text))} tokens); a stop must be one added token. Set the section chat to the "
            "delimiters that this model was trained with (</think> for R1, QwQ and Qwen3), or choose a model that has "
            f"these; its special tokens are {sorted(special)}"
        )
    return added[text]


def _encode(tokenizer: "PreTrainedTokenizerBase", text: str) -> list[int]:
    return cast(list[int], tokenizer.encode(text, add_special_tokens=False))


def _render(
    tokenizer: "PreTrainedTokenizerBase", messages: list[dict[str, str]], *, add_generation_prompt: bool
) -> str:
    return cast(
        str, tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=add_generation_prompt)
    )
