"""The delimiters of s1 (facts of the reference), for tests that need a chat format and none in particular."""

from s1.config import ChatParams

S1_DELIMITERS = ChatParams(
    think_start="<|im_start|>think",
    answer_start="<|im_start|>answer",
    final_answer="\nFinal Answer:",
    wait="Wait",
    think_stops=["<|im_start|>", "<|im_end|>"],
)
