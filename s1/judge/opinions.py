"""A language model's second opinion on answers: Yes or No against the reference, behind any OpenAI-compatible server.

Address and key come from ``S1_JUDGE_URL`` (such as ``http://localhost:8000/v1``) and ``S1_JUDGE_API_KEY``. Every
response is kept in the archive of paid responses before it is used (``s1.teacher.archive``), so no opinion is paid for
twice, and a run whose opinions are all there needs no server. ``S1_JUDGE_PARALLEL`` requests are under way at once (8
without it). Knows nothing of stages and scores; the asking itself is ``s1.asking``.

Example::

    opinions = judge_answers(items, model="gpt-4.1-mini", archive=Archive(folder / "judge"))
    agreement_table(items, opinions)        # {'right': {'yes': 410, 'no': 3, 'unclear': 0}, 'wrong': {...}, ...}
"""

import hashlib
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from s1.asking.desk import Reply, ask_all
from s1.asking.server import PAUSES
from s1.grading import answer_part
from s1.judge.server import JudgeServer
from s1.records import Usage
from s1.teacher.archive import Archive

_TEMPLATE = (
    "Below are a question, its reference answer, and an attempt. Compare the attempt's final answer with the "
    "reference: they agree if they mean the same, however they are written. Do not solve the question yourself, and "
    "judge the final answer only. An attempt without a final answer does not agree.\n\n"
    "## Question\n{question}\n\n## Reference answer\n{reference}\n\n## Attempt\n{attempt}\n\n"
    "Explain in one or two sentences, then write Yes if they agree, or No, as the last word."
)
_MAX_ATTEMPT_CHARACTERS = 8000
"""Of a longer attempt its end is shown: there the final answer stands."""
_LAST_WORD = re.compile(r"(?<![^\W_])(yes|no)[\W_]*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class JudgeItem:
    """One answer to judge."""

    question: str
    reference: str
    attempt: str
    """The answer phase of a generation."""
    symbolic: bool | None
    """What the symbolic grader says; None where it cannot tell."""

    @property
    def prompt(self) -> str:
        """What the judge is asked; equal prompts share one opinion."""
        attempt = self.attempt[-_MAX_ATTEMPT_CHARACTERS:]
        return _TEMPLATE.format(question=self.question, reference=self.reference, attempt=attempt)


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the judge says about one answer."""

    agrees: bool | None
    """None where its reply does not end in Yes or No, or was cut."""
    reply: str
    usage: Usage
    is_new: bool
    """Asked for now, not found in the archive."""


def judge_answers(
    items: Sequence[JudgeItem],
    *,
    model: str,
    archive: Archive,
    environment: Mapping[str, str] = os.environ,
    pauses: Sequence[float] = PAUSES,
    progress: Callable[[int, int], None] | None = None,
    parameter: str = "score.judge",
) -> list[Opinion]:
    """Opinions on all items, in order; equal items are asked about once.

    Args:
        model: its name on the server.
        archive: where responses are found and kept.
        pauses: seconds before each further try of a request that failed in passing.
        progress: told how many of how many different items are judged.
        parameter: what names the judge in ``params.yaml``, for messages.

    Raises:
        JudgeError: the server is missing, refuses, or does not answer; finished opinions are kept.
        OSError: an opinion could not be kept; asking on would pay for what cannot be kept.
    """
    template = hashlib.sha256(_TEMPLATE.encode()).hexdigest()
    server = JudgeServer(model, template_hash=template, environment=environment, pauses=pauses, parameter=parameter)
    prompts = [item.prompt for item in items]
    replies = ask_all(prompts, server=server, archive=archive, environment=environment, progress=progress)
    return [_opinion(replies[prompt]) for prompt in prompts]


def _opinion(reply: Reply) -> Opinion:
    # What was cut may stop at a "no" in the middle of a sentence.
    verdict = None if reply.state == "truncated" else parse_verdict(reply.text)
    return Opinion(agrees=verdict, reply=reply.text, usage=reply.usage, is_new=reply.is_new)


def agreement_table(items: Sequence[JudgeItem], opinions: Sequence[Opinion]) -> dict[str, dict[str, int]]:
    """How many answers the symbolic grader (rows) and the judge (columns) put where."""
    table = {row: dict.fromkeys(("yes", "no", "unclear"), 0) for row in ("right", "wrong", "cannot_tell")}
    for item, opinion in zip(items, opinions, strict=True):
        row = {True: "right", False: "wrong", None: "cannot_tell"}[item.symbolic]
        table[row][{True: "yes", False: "no", None: "unclear"}[opinion.agrees]] += 1
    return table


def parse_verdict(reply: str) -> bool | None:
    """Yes or No as the last word behind a reply's thinking; None where the last word is another one."""
    verdict = _LAST_WORD.search(answer_part(reply) or "")
    return verdict[1].lower() == "yes" if verdict else None
