r"""Letters of multiple-choice answers: reads one letter or several, and finds them in a response.

Knows how letters are written and marked; has no default letter. ``A`` and ``I`` are also words, so a bare letter
counts only where it is marked as the answer.

Example::

    read_choice("(C) 4 metres")         # 'C'
    read_choice("A, B and D")           # 'ABD'
    find_choice("The correct option is **(B)**, since")     # 'B'
"""

import re

_WRAPPER = re.compile(r"\\(?:text|textbf|mathrm|mathbf|bf|rm)\s*\{([^{}]*)\}|\\(?:mathrm|text|mathbf|bf|rm)\b")
_OPTION_WORD = re.compile(r"^(?:the\s+)?(?:correct\s+)?(?:options?|choices?|answers?|statements?)\s*:?\s*", re.I)
_ONE = re.compile(r"[(\[]?([A-Za-z])[)\]]?")
_WITH_TEXT = re.compile(r"(?:[(\[]([A-Za-z])[)\]]|([A-Z])(?:[.:)]|\s+[-–—]\s))(?=\W|\s|$).*", re.DOTALL)
_SEVERAL = re.compile(r"[(\[]?[A-J][)\]]?(?:(?:\s*,?\s*(?:and|&|;|/)\s*|\s*,\s*|\s+)[(\[]?[A-J][)\]]?)+")
_RUN = re.compile(r"[(\[]?([A-J]{2,6})[)\]]?")
_LETTER = re.compile(r"[A-J]")
_MAX_SENTENCE = 1000
"""Characters; a longer line is a loop, and concludes nothing."""

_LETTERS_AHEAD = (
    r"(?:[(\[]?[A-J][)\]]?(?:\s*(?:,|and|or|&|;|/)+\s*(?:and\s+|or\s+)?[(\[]?[A-J][)\]]?(?![\w'’]))+"
    r"|[(\[][A-Ja-j][)\]]|[A-J]{2,5}(?![\w'’])|[A-J](?![\w'’]|\s+[a-z])|[A-J](?=\s+(?:is|because|since|and|as|with)\b))"
    r"(?!\s*=)"
)
_DECORATION = r"[\s*_$`\"'“(\[]*?(?:\\(?:text|textbf|mathrm|mathbf|boxed)\s*\{\s*)?"
_STATED = re.compile(
    r"(?:\banswers?\b(?:\s+(?:choice|option|here|to [^.\n:]{1,80}))?\s*(?:\*\*)?"
    r"\s*(?:is|are|would be|will be|must be|should be|:|=)(?:\s*\*\*)?(?:\s+(?:therefore|thus|likely|probably))?\s*:?"
    r"|\b(?:correct|right|best|closest|final)\s+(?:options?|choices?|statements?|ones?|match)\s*(?:\*\*)?"
    r"\s*(?:is|are|would be|:)(?:\s*\*\*)?\s*:?)"
    rf"\s*(?:(?:the\s+)?(?:options?|choices?|statements?)\s*:?\s*)?{_DECORATION}({_LETTERS_AHEAD})",
    re.IGNORECASE,
)
"""Case matters for the letters only; that is checked on what was found."""
_TAKEN_BACK = re.compile(
    r"[)\]*}$.\"' ]*(?:\?|(?:is|are)\s+(?:\w+\s+)?(?:wrong|incorrect|false|not)\b)"
    r"|[^\n]{0,80}?\b(?:(?:Wait|wait|Actually),|No,\s+(?:the\s+|it(?:'s|\s+is)\s+)?(?:options?\b|choice\b|answer\b|\(?[A-J]\b))"
)
"""Behind letters: they are asked about, called wrong, or taken back."""
_OR = re.compile(r"\bor\b|/", re.IGNORECASE)
_VERB = re.compile(
    rf"(?<!none of the )\b(?:options?|choices?|statements?)\s*{_DECORATION}({_LETTERS_AHEAD})[)*\]}}$\"']*"
    r"\s*(?:is|are)\s+(?:(?:the|also|indeed|therefore|thus|only|most)\s+)*(?:correct|right|true|best|answer)\b",
    re.IGNORECASE,
)
_MARK_LINE = re.compile(r"\banswer\s*(?:\*\*)?\s*:\s*(?:\*\*)?\s*([^\n]+)", re.IGNORECASE)
_SENTENCE = re.compile(r"[^\n]+?(?:(?<=[.!?])(?=\s)|\n|$)")
_CONCLUSION = re.compile(
    r"\b(?:therefore|thus|hence|so|in conclusion|conclude|finally|correct|closest|corresponds?|matches|best|options?|"
    r"statements?)\b",
    re.IGNORECASE,
)
_NO = re.compile(
    r"\b(?:not|none|no|neither|incorrect|cannot|false|wrong|or|excluded?|eliminate)\b|n't\b", re.IGNORECASE
)
_IS = re.compile(r"\b(?:is|are|be|options?|choices?|statements?|answers?)\b(?:\s*\((?:are|s)\))?", re.IGNORECASE)
_WRAPPED = re.compile(
    r"[(\[]\s*(?:\\(?:mathrm|text|mathbf)\{)?([A-J])\}?\s*[)\]]|\b(?:[Oo]ption|[Cc]hoice)\s+([A-J])\b"
    r"|\*\*\(?([A-J])(?:[.):]|\*\*)|\b(?:is|was|by|are|from|for|as|with|called)\s+\**([A-J])[.:]\s+\S"
)
_RIGHT = r"(?:correct|right|best|most|only|accurate|true|appropriate|answer)\b"
_MAKING = re.compile(
    rf"\bmaking\s+{_DECORATION}(?:[Oo]ption\s+)?[*(\"']*([A-J])\b[^.\n]{{0,80}}?\b(?:is\s+)?(?:the|a)\s+(?:\w+\s+)?{_RIGHT}"
)
_SUBJECT = re.compile(
    rf"(?:\*\*|\(|\b[Oo]ption\s+)\(?([A-J])[.):]?[^*\n.]{{0,80}}?[)*]*\s+(?:is|as)\s+(?:the|a)\s+{_RIGHT}"
)
_OPTION_LINE = re.compile(r"^[\s*_#>-]*\(?([A-J])[.)]\**\s+\S.{0,200}$", re.MULTILINE)
_MARKED_LETTER = re.compile(r"\(([A-J])\)")
_VERDICT_LINE = (
    r"[^\S\n]*[-*]*[^\S\n]*\(?([A-J])[).:]*\**[^\S\n]*(?:is[^\S\n]+)?\**(true|false|correct|incorrect)\b\**[^\S\n]*\.?"
)
_VERDICTS = re.compile(
    rf"(?:^|\n){_VERDICT_LINE}(?:\s*\n{_VERDICT_LINE}|\s*\n[^\S\n]*\(?[A-J]\)[^\n]*)+\s*$", re.IGNORECASE
)
_VERDICT = re.compile(rf"^{_VERDICT_LINE}", re.IGNORECASE | re.MULTILINE)
_LISTED = re.compile(
    r"\b(?:options?|statements?|choices?|answers?)\s*\**\s*are\s*\**\s*:\s*\**\s*\n((?:\s*(?:[-*]\s*)?\**\(([A-J])\)[^\n]*(?:\n|$))+)"
)
"""Options one under the other, behind "the correct options are:"."""
_CONTRADICTED = re.compile(
    r"\banswer is \(([A-J])\)\.?(?=\s*\n\s*\**Final answer\**\s*:\s*(?:The answer is\s*:?)?\s*\**\(?([A-J])\b)",
    re.IGNORECASE,
)
"""A stated answer, and right behind it, without a word between, a "Final Answer" of another letter."""
_DENIED_BOX = re.compile(r"\b(?:is|are)\s+not\s*\$*\s*\\boxed(?![\s\S]*\\boxed)")
"""The last box holds what the answer is not."""
_BOLD_OPTION = re.compile(r"\*\*\(?([A-J])[.)]\s[^*\n]{1,160}\*\*|\*\*(?:[Oo]ption\s+)?\(?([A-J])\)?\*\*")


def read_choice(text: str) -> str | None:
    r"""``C`` of ``C``, ``(c)``, ``C) 4``, ``\text{(C)}``; ``ABD`` of ``A, B and D``; None for anything else."""
    plain = _WRAPPER.sub(lambda match: match[1] or "", text).strip().strip("$*{}. \t")
    plain = _OPTION_WORD.sub("", plain).strip("* ")
    if match := _ONE.fullmatch(plain):
        return match[1].upper()
    if (match := _RUN.fullmatch(plain)) and _are_options(match[1]):
        return match[1]
    if _SEVERAL.fullmatch(plain):
        return "".join(sorted(set(_LETTER.findall(plain))))
    if match := _WITH_TEXT.fullmatch(plain):
        return (match[1] or match[2]).upper()
    return None


def find_choice(text: str, *, boxed: str | None) -> str | None:
    r"""The letter or letters that a response ends on.

    Args:
        boxed: what its last ``\boxed{...}`` holds; letters there go before everything else.
    """
    letters = _all_marked(boxed) or read_choice(boxed) if boxed is not None else None
    if letters is not None:
        return letters
    return _listed(text) or _stated(text) or _in_conclusion(text) or _called_right(text) or _shown_alone(text)


def is_box_denied(text: str) -> bool:
    r"""Whether the last box of a response holds what the answer is not (``the answer is not \boxed{C}``)."""
    return _DENIED_BOX.search(text) is not None


def _all_marked(text: str) -> str | None:
    """The letters in parentheses of a text that begins with one and holds several (``(A) 2 and (C) 3``)."""
    plain = _WRAPPER.sub(lambda match: match[1] or "", text).strip("$*{} \t")
    if not _MARKED_LETTER.match(plain):
        return None
    letters = set(_MARKED_LETTER.findall(plain)) - ({"I"} if "(II)" in plain else set())  # Roman numerals
    return "".join(sorted(letters)) if len(letters) > 1 else None


def _in_marked_line(line: str) -> str | None:
    """The letters of an ``Answer:`` line; of its sentences those count that deny nothing."""
    affirmed = " ".join(sentence for sentence in re.split(r"(?<=[.;])\s+", line) if not _NO.search(sentence))
    return _all_marked(affirmed) or _letters_in_sentence(line)


def _listed(text: str) -> str | None:
    """The letters of a response that ends on a list: of verdicts on each option, or of the right options."""
    if match := _VERDICTS.search(text):
        right = {letter.upper() for letter, said in _VERDICT.findall(match[0]) if said.lower() in ("true", "correct")}
        return "".join(sorted(right)) or None
    lists = list(_LISTED.finditer(text))
    if not lists or text[lists[-1].end() :].strip():
        return None
    return "".join(sorted(set(re.findall(r"^\W*\(([A-J])\)", lists[-1][1], re.MULTILINE))))


def _stated(text: str) -> str | None:
    """The letters behind the last "the answer is", or on the last ``Answer:`` line, whichever comes later.

    None where what stands there is taken back; an earlier statement is none either then. A last "Final Answer" that
    contradicts the statement right before it, without a word between, does not count: the earlier one was reasoned for.
    """
    contradicted = list(_CONTRADICTED.finditer(text))
    if contradicted and contradicted[-1][1].upper() != contradicted[-1][2].upper():
        return contradicted[-1][1].upper()
    matches = list(_STATED.finditer(text))
    found = [(match.start(), _letters_of(match[1])) for match in matches]
    lines = list(_MARK_LINE.finditer(text))
    if lines:
        found.append((lines[-1].start(), _in_marked_line(lines[-1][1])))
    stated = [item for item in sorted(found, key=lambda item: item[0]) if item[1] is not None]
    taken_back = [match.start() for match in matches if _TAKEN_BACK.match(text, match.end())]
    if not stated or (taken_back and taken_back[-1] >= stated[-1][0]):
        return None
    return stated[-1][1]


def _in_conclusion(text: str) -> str | None:
    """The letters in parentheses that a last sentence ends on."""
    sentences = [match[0] for match in _SENTENCE.finditer(text) if match[0].strip(" *_$\t\n")]
    if not sentences or not _CONCLUSION.search(sentences[-1]):
        return None
    return _letters_in_sentence(sentences[-1])


def _letters_in_sentence(sentence: str) -> str | None:
    """Letters in parentheses behind the last "is" or "option", or the only ones; none where something is denied."""
    if len(sentence) > _MAX_SENTENCE or _NO.search(
        re.sub(r"\b(?:false|incorrect|not)\b(?=[^.]{0,30}\b(?:is|are)\b)", "", sentence, flags=re.I)
    ):
        return None
    ends = [match.end() for match in _IS.finditer(sentence)]
    parts = [*(sentence[end:] for end in reversed(ends)), sentence]
    for part in parts:
        letters = sorted({next(filter(None, match.groups())) for match in _WRAPPED.finditer(part)})
        if letters:
            return "".join(letters)
    return None


def _called_right(text: str) -> str | None:
    """The one option that is called right, where no other is."""
    found = [match[1] for pattern in (_VERB, _MAKING, _SUBJECT) for match in pattern.finditer(text)]
    letters = {letter for item in found if (letter := _letters_of(item)) is not None}
    return letters.pop() if len(letters) == 1 else None


def _shown_alone(text: str) -> str | None:
    """The one option that is written in bold or on a line of its own, where no other is; or a bare last line."""
    for pattern in (_BOLD_OPTION, _OPTION_LINE):
        letters: set[str] = {next(filter(None, match.groups())) for match in pattern.finditer(text)}
        if len(letters) == 1:
            return letters.pop()
    lines = [line.strip(" *_$.()\t") for line in text.splitlines() if line.strip(" *_$.()\t")]
    return lines[-1] if lines and re.fullmatch(r"[A-J]", lines[-1]) else None


def _letters_of(found: str) -> str | None:
    """The letters of what a pattern that ignores case has found; a small bare letter is a word, "or" is no choice."""
    is_word = found.islower() and len(found) == 1
    return None if is_word or _OR.search(found) else read_choice(found)


def _are_options(run: str) -> bool:
    """Whether a run of capitals is options: each once, in order."""
    return list(run) == sorted(set(run))
