"""Budget forcing (paper section 3.1) as a pure state machine over token ids.

Knows delimiters, budgets, what to append and when to answer. Knows no engine and no tokenizer: ids come in, ids go out.
Each request advances by itself; nothing waits for a batch.

What happens, as in the reference: the prompt ends in the start of thinking (the caller's part). *Natural end*: the
model samples a stop, the start of the answer is appended. *Minimum and Wait*: while the thinking is shorter than its
minimum, or Waits are left, the stop is dropped and ``Wait`` appended straight after the text. *Maximum*: at the budget
a newline (unless the text ends in one), the start of the answer and ``Final Answer:`` are appended. Each round of
thinking samples at least one token. Further: a minimum equal to the maximum makes thinking *exactly* so long; *other
texts* may stand for Wait, several in turn, or nothing, with the end only forbidden for one token; Wait may depend on
how *probable* the end was; thinking that goes in *circles* is ended without an answer.

The reference's slips, not copied:

- A Wait round gets the full budget and its result is cut afterwards, ids without text. Here it gets what is left of
  the budget, and appended tokens count as thinking.
- A Wait is appended where it finds no place any more. Here only where it and one sampled token fit; else the thinking
  ends naturally. (Below a minimum the end is then suppressed without a text.)
- The newline test reads the uncut text, and empty text at a length end crashes. Here the text as cut is read, and empty
  thinking gets a newline.
- Newline, delimiter and Wait are not reserved. Here room for prompt, budget, newline, delimiter and answer is checked
  before anything is decoded; where it lacks, the request ends at once as ``cut_at_context``, and the budget is never
  silently lowered.
- Every round is a barrier for the batch. Here each request goes on alone.

Deliberate differences besides:

- An answer has a limit of its own (``max_answer_tokens``); the reference gives it ``max_gen_toks`` again, whatever the
  context still holds.
- The maximum ``auto`` is the context less the longest prompt of all questions, the delimiters and the answer's limit;
  the reference's is ``max_gen_toks`` less the longest prompt of the batch, the delimiters and 100.
- The first round too samples at least one token, so that every smaller budget or Wait count is a prefix of a larger.
- Thinking is looked at for loops when its length passes multiples of ``LoopParams.check_every``, counted from its start
  whatever the budget; a budget reached at the same token comes first.
- Where marks of steps are expected, the stop that opens them ends thinking only if the answer's name follows.

Example::

    state = begin(ForcingSpec(name="max-64", max_thinking_tokens=64, max_answer_tokens=16), tokens, room=900)
    while state.step is not None:                       # decode what the step asks for
        state = state.feed(sampled_ids, "stop")
    state.outcome                                       # 'answered'
"""

from s1.forcing.loops import loop_period
from s1.forcing.machine import Finish, ForcingState, Step, TokenRun, begin, to_segments
from s1.forcing.settings import (
    auto_thinking_tokens,
    check_room,
    control_setting,
    direct_setting,
    of_sample,
    settings_of,
)
from s1.forcing.spec import ForcingError, ForcingSpec, ForcingTokens, num_needed

__all__ = [
    "Finish",
    "ForcingError",
    "ForcingSpec",
    "ForcingState",
    "ForcingTokens",
    "Step",
    "TokenRun",
    "auto_thinking_tokens",
    "begin",
    "check_room",
    "control_setting",
    "direct_setting",
    "loop_period",
    "num_needed",
    "of_sample",
    "settings_of",
    "to_segments",
]
