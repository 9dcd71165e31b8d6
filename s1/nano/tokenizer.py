"""The nano tokenizer: known words are one token, everything else falls back to bytes.

A nano model has no room to learn spelling, so every word of the nano questions and traces is one token. Being
lossless matters more than being small: any text, in any script, decodes back to itself, because a word outside the
vocabulary is spelled in byte characters.
"""

from __future__ import annotations

from typing import Final

from tokenizers import AddedToken, Regex, Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from transformers import PreTrainedTokenizerFast

from s1.nano.questions import LABELS, OPERATORS, WORDING
from s1.nano.solver import ROW_OPENERS, TRY, WAIT

START_TOKEN: Final = "<|im_start|>"
END_TOKEN: Final = "<|im_end|>"
PAD_TOKEN: Final = "<|fim_pad|>"
STOP_TOKEN: Final = "<|endoftext|>"
SPECIAL_TOKENS: Final = (STOP_TOKEN, START_TOKEN, END_TOKEN, PAD_TOKEN)

CHAT_TEMPLATE: Final = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
MODEL_MAX_LENGTH: Final = 1024

# A word with its leading space, a digit with its leading space, an operator with its operand, or one character.
_PIECE: Final = r" ?Answer:| ?[A-Za-z]+| ?[0-9]|[+\-*|=][0-9]|\s|."
_FORMAT_WORDS: Final = ("user", "assistant", "system", "think", "answer", "yes", "no", "Final", TRY, WAIT)


def _known_words() -> list[str]:
    """Every multi-character piece of nano text, in a fixed order, once."""
    digits = [str(digit) for digit in range(10)]
    words = [*_FORMAT_WORDS, "Answer:", *ROW_OPENERS, *WORDING]
    spaced = [" " + word for word in [*words, *digits, *LABELS]]
    operators = [operator + digit for operator in (*OPERATORS, "=") for digit in digits]
    return list(dict.fromkeys([*words, *spaced, *operators]))


def _byte_level(text: str) -> str:
    """Spell `text` in the printable stand-ins that byte-level tokenizers use (a space becomes a G with a dot)."""
    spell = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return "".join(piece for piece, _ in spell.pre_tokenize_str(text))


def build_tokenizer() -> PreTrainedTokenizerFast:
    """Build the tokenizer from the question wording; the same vocabulary in the same order every time."""
    pieces = [*sorted(pre_tokenizers.ByteLevel.alphabet()), *(_byte_level(word) for word in _known_words())]
    vocabulary = {piece: index for index, piece in enumerate(dict.fromkeys(pieces))}
    backend = Tokenizer(BPE(vocab=vocabulary, merges=[], ignore_merges=True))
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PIECE), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL_TOKENS])
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        eos_token=END_TOKEN,
        pad_token=PAD_TOKEN,
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
        model_max_length=MODEL_MAX_LENGTH,
    )
