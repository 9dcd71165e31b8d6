"""Small tokenizers of models that think between ``<think>`` and ``</think>``, with the templates' ways of doing so."""

from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from transformers import PreTrainedTokenizerFast

from s1.config import ChatParams

THINK_DELIMITERS = ChatParams(
    think_start="<think>\n",
    answer_start="</think>\n\n",
    final_answer="Final Answer:",
    wait="Wait",
    think_stops=["</think>"],
    direct_start="<think>\n\n</think>\n\n",
)

R1_TEMPLATE = (
    "{{ '<s>' }}{% for message in messages %}{% if message.role == 'user' %}{{ '<|User|>' + message.content }}"
    "{% else %}{{ '<|Assistant|>' + message.content.split('</think>')[-1] + '</s>' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|Assistant|><think>\\n' }}{% endif %}"
)
"""The generation prompt opens the thinking; a finished turn shows none."""
_TURNS = (
    "{% for message in messages %}{{ '<|im_start|>' + message.role + '\\n' }}"
    "{% if message.role == 'assistant' %}{{ EMPTY }}{% endif %}{{ message.content + '<|im_end|>\\n' }}{% endfor %}"
)
QWQ_TEMPLATE = (
    _TURNS.replace("EMPTY", "''")
    + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n<think>\\n' }}{% endif %}"
)
"""As R1's, with the turns of Qwen."""
QWEN3_TEMPLATE = (
    _TURNS.replace("EMPTY", "'<think>\\n\\n</think>\\n\\n'")
    + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
"""The model opens the thinking itself; a finished turn shows thinking, empty if need be."""

_make_tokenizer: Any = PreTrainedTokenizerFast
"""Its constructor is untyped."""


def think_tokenizer(template: str, *, end: str) -> Any:
    """Bytes; delimiters that are added tokens but no special ones; turns that are special."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Tokenizer(BPE(vocab={piece: number for number, piece in enumerate(alphabet)}, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    special = ("<s>", "</s>", "<|User|>", "<|Assistant|>", "<|im_start|>", "<|im_end|>")
    backend.add_special_tokens([AddedToken(text, special=True) for text in special])
    backend.add_tokens([AddedToken(text, special=False, normalized=False) for text in ("<think>", "</think>")])
    return _make_tokenizer(tokenizer_object=backend, eos_token=end, chat_template=template)
