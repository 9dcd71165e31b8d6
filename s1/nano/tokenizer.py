"""The nano tokenizer: known words are one token, everything else falls back to bytes.

A nano model has no room to learn spelling, so every word of the nano questions and traces is one token. Being
lossless matters more than being small: any text, in any script, decodes back to itself, because what is not a known
word is spelled in bytes.

The words are *added* tokens over a byte vocabulary without merges, rather than entries of the vocabulary behind an own
pre-tokenizer: `AutoTokenizer` sees the Qwen2 configuration of a model's folder and puts Qwen2's pre-tokenizer in place
of any other, which would cut the words to bytes. Added tokens survive that.
"""

from __future__ import annotations

from typing import Final

from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers
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
_FORMAT_WORDS: Final = ("user", "assistant", "system", "think", "answer", "Answer:", "Final", "yes", "no", TRY, WAIT)


def _known_words() -> list[str]:
    """Every multi-character piece of nano text, in a fixed order, once: words, spaced words, operators with operand."""
    digits = [str(digit) for digit in range(10)]
    words = [*_FORMAT_WORDS, *ROW_OPENERS, *WORDING]
    spaced = [" " + word for word in [*words, *digits, *LABELS]]
    operators = [operator + digit for operator in (*OPERATORS, "=") for digit in digits]
    return [word for word in dict.fromkeys([*words, *spaced, *operators]) if len(word) > 1]


def build_tokenizer() -> PreTrainedTokenizerFast:
    """Build the tokenizer from the question wording; the same vocabulary in the same order every time."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Tokenizer(BPE(vocab={piece: index for index, piece in enumerate(alphabet)}, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL_TOKENS])
    backend.add_tokens([AddedToken(word, special=False, normalized=False) for word in _known_words()])
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=backend,
        eos_token=END_TOKEN,
        pad_token=PAD_TOKEN,
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
        model_max_length=MODEL_MAX_LENGTH,
    )
