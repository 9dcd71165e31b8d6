r"""Finds the final answer in a response: what the writer marked as such, the last time it was marked.

Knows marks (boxes, ``Answer:``, "the answer is", a conclusion with one number) and thinking delimiters; sees neither
question nor reference, so it cannot lean towards the right answer. Whether that is right is ``s1.grading.verdict``.

Example::

    extract_answer("<think>5?</think> So the answer is 42.")    # '42'
    extract_answer("<think>The answer is 5, but")               # None: cut while thinking
"""

import re

from s1.grading.choices import find_choice, is_box_denied
from s1.records import AnswerKind

_BOX = re.compile(r"\\f?box(?:ed)?\s*\{")
_BRACE = re.compile(r"[{}]")
_BETWEEN_BOXES = re.compile(r"[\s$]*(?:,|and|or|,\s*and)[\s$]*")
_ANSWER_MARK = re.compile(r"(?:\b(?:Answer|ANSWER|answer)\s*(?:\*\*)?\s*:|####)\s*\**")
_PHRASE = re.compile(r"\banswer(?: to [^.\n:]{1,80})? (?:is|would be)(?: therefore)?[ \t]*:?\s*", re.I)
_OPINION = re.compile(r"\W*(?:in)?correct\W*|\W*(?:wrong|right)\W*", re.I)
"""What "this answer is correct" says of an answer: nothing that could be the answer."""
_DISPLAY = re.compile(r"\s*(?:\\\[(.*?)\\\]|\$\$(.*?)\$\$)", re.DOTALL)
_SENTENCE_END = re.compile(r"(?<!\.)(?<!\bMrs)(?<!\bMr)(?<!\bMs)(?<!\bDr)[.!?](?=\s|$|\*\*)|\n")
_SPECIAL_TOKEN = re.compile(r"<\|[a-z_]+\|>")
_SPACES = re.compile(r"\s{3,}")
_MARKS = re.compile(r"([*_$`\"'“(\[])\1{3,}")
_NEXT_QUESTION = re.compile(r"\n\s*(?:(?:Question|Problem|Q|Human|User)\s*\d*\s*:|You are an? (?:\w+ )?assistant\b)")
_SUMMARY = re.compile(
    r"\n\s*(?:(?:Now|Next|Finally)\b,?\s*)?(?:that I have |let['’]s\s*|we can |I can )?"
    r"(?:(?:combin|summari[sz]|consider|compil|provid)[a-z]*|总结)\s*"
    r"(?:(?:all|of|the|these|my)\s+|以上|所有|的|问题)*(?:answers?|questions?|答案)",
    re.IGNORECASE,
)
"""A model that has answered examples in its prompt may go on to sum up "all the answers"; those are not asked for."""
_CONCLUSION = re.compile(r"^\W*(?:therefore|thus|hence|so|in total|in conclusion|finally)\b", re.I)
_STEP = re.compile(r"^\W*step \d+\s*:\s*", re.I)
_LETTERS = re.compile(r"[A-Za-z]{2,}")
_MIN_WORDS = 3
"""Words that a last sentence needs to count as one; a row of symbols is none."""
_NUM_LAST_SENTENCES = 3
"""So many sentences from the end a conclusion is looked for; remarks may follow it."""
_NUMBER_IN_TEXT = re.compile(r"(?<![\w.])-?\$?-?\d[\d,]*(?:\.\d+)?(?![\w]|\.\d)")
_IS = re.compile(
    r"\b(?:is|are|equals|be(?=\s+[-$\\\d]))(?: equal to)?(?: approximately| about| exactly| only)?[:\s]\s*"
    r"|(?<![=<>])=(?!=)"
)
_RESULT = re.compile(r"=\s*\$?(-?\d[\d,]*(?:\.\d+)?)(?![\w.]*\s*[-+*/×÷^=])")
_REMARK = re.compile(
    r"(?:(?<=[\d)}\]$%])\**\.|(?<=[a-z*\"'])(?<!\bMrs)(?<!\bMr)(?<!\bMs)(?<!\bDr)(?<!\bSt)[.!?])\**\s+"
    r"(?=[A-Z][a-z]|[A-Z] |[a-z]{2}|[*$\\\"(])"
)
"""Where a second sentence begins on a line; a sign such as ``5! + 1`` or ``p.m.`` ends none."""
_VALUE = re.compile(
    r"[\s*_\"'“(\[]*(?:[-+±−]?\s*(?:[$£€]|[$£€]?-?\.?\d)|[½¼¾√π]|\\(?![ ,;!])"
    r"|[A-Za-z]\w?(?:\([a-z]\))?\s*(?:[=^+*/]|-[ \d]))"
)
"""A number or a formula begins here."""
_REASON = re.compile(r"[,;:]?\s+\(?(?:because|since|where|which|as|so)\b|[,;]\s+(?:and\s+)?(?:this|that|it|we)\b", re.I)
_VERB = re.compile(
    r"[,;]?\s+(?:is|are|was|were|equals|will|would|can|did|has|have)\b(?: equal to| exactly| only)?\s*", re.I
)
_ONE_VALUE = re.compile(r"\$[^$]+\$|\\\(.*?\\\)|\([^()]*\)|\\[A-Za-z]+(?:\{[^{}]*\})*")
_PARENTHESIS = re.compile(r"\s*\((?:rounded|correct|to |up to|approx)[^()]*\)", re.I)
_MIN_SENTENCE_WORDS = 6
"""Words from which on a marked line is a sentence, whose answer stands behind its last "is"."""
_MAX_SEARCHED = 20_000
"""Characters from the end in which an answer in words is looked for; boxes are found anywhere."""
_MAX_PHRASE = 200
"""Characters of an answer behind "the answer is"; more is no short answer."""
_MAX_CONCLUDED = 60
"""Characters of an answer that only a conclusion's "is" marks."""


def answer_part(text: str, *, think_start: str = "<think>", answer_start: str = "</think>") -> str | None:
    """The part of a transcript behind its thinking; all of it where it holds no thinking.

    Returns:
        None where thinking began and did not end: such a response was cut and gave no answer.
    """
    _, found, rest = text.rpartition(answer_start)
    if found:
        return rest
    return None if think_start in text else text


def extract_answer(text: str, *, kind: AnswerKind = "expression") -> str | None:
    r"""Find the final answer behind a response's thinking (``<think>...</think>``), if it has some.

    The last ``\boxed{...}`` with balanced braces, else the last ``Answer:`` (or ``####``) line, else what follows the
    last "the answer is", else the one number of a last sentence that begins with a word such as "therefore". Where
    nothing follows a mark on its line, the next line with text is taken.

    Args:
        kind: of a ``choice`` the letters are looked for (``C``, or ``ABD`` where several options are marked).

    Returns:
        The answer without surrounding white space, ``**`` and a final full stop, or None where there is none.
    """
    part = answer_part(text)
    if part is None:
        return None
    part = _tidy(part)
    # A model that runs on asks itself another question; what it answers there is not asked here.
    first = _NEXT_QUESTION.split(part, maxsplit=1)[0]
    first = _SUMMARY.split(first, maxsplit=1)[0] if kind == "choice" else first
    answer = _find(first, kind) if first.strip() else None
    return answer if answer is not None or len(first) == len(part) else _find(part, kind)


def _tidy(text: str) -> str:
    """Special tokens and runs of white space and marks taken down, so that no pattern walks through long ones."""
    text = _SPACES.sub(lambda match: "\n\n" if "\n" in match[0] else "  ", _SPECIAL_TOKEN.sub("\n", text))
    return _MARKS.sub(r"\1\1\1", text)


def _find(text: str, kind: AnswerKind) -> str | None:
    boxed = last_boxed(text)
    text = text[-_MAX_SEARCHED:]
    if kind == "choice":
        boxed = None if boxed is not None and is_box_denied(text) else boxed
        return find_choice(text, boxed=boxed) or boxed or _marked(text)
    return boxed or _marked(text) or _phrased(text) or _concluded(text)


def last_boxed(text: str) -> str | None:
    r"""What the last ``\boxed{...}`` with balanced braces and something in it holds; None where there is none.

    Boxes joined by a comma or "and" are one answer: ``\boxed{2} and \boxed{3}`` is ``2, 3``.
    """
    answers: list[str] = []
    start = len(text)
    closing = _closing_braces(text)
    for match in reversed(list(_BOX.finditer(text))):
        end = closing.get(match.end() - 1)
        if end is None or not text[match.end() : end - 1].strip():
            continue
        if answers and not _BETWEEN_BOXES.fullmatch(text[end:start]):
            break
        answers.insert(0, text[match.end() : end - 1].strip())
        start = match.start()
    return ", ".join(dict.fromkeys(answers)) or None


def _closing_braces(text: str) -> dict[int, int]:
    """Behind which position each opening brace is closed; one pass, for a cut model may repeat boxes endlessly."""
    opened: list[int] = []
    closing: dict[int, int] = {}
    for match in _BRACE.finditer(text):
        if match[0] == "{":
            opened.append(match.start())
        elif opened:
            closing[opened.pop()] = match.end()
    return closing


def _marked(text: str) -> str | None:
    marks = list(_ANSWER_MARK.finditer(text))
    if not marks:
        return None
    rest = text[marks[-1].end() :]
    line = _displayed(rest) or next((line for line in rest.splitlines() if line.strip(" *\t")), "")
    phrases = list(_PHRASE.finditer(line))  # "Final Answer: The answer is 5"
    answer = line[phrases[-1].end() :] if phrases else line
    value = _leading_value(_first_sentence(answer))
    if len(_LETTERS.findall(line)) >= _MIN_SENTENCE_WORDS:
        result = _restated_result(value or line, text[: marks[-1].start()])
        if result is not None:
            return result
    return _trim(value or (answer if phrases else _stated_in_words(answer)))


def _phrased(text: str) -> str | None:
    for match in reversed(list(_PHRASE.finditer(text))):
        rest = text[match.end() :]
        end = _SENTENCE_END.search(rest)
        sentence = _displayed(rest) or (rest[: end.start()] if end else rest)
        answer = _trim(_leading_value(sentence) or _behind_is(sentence))
        if answer is not None and len(answer) <= _MAX_PHRASE and not _OPINION.fullmatch(answer):
            return answer
    return None


def _displayed(text: str) -> str | None:
    """The displayed formula that a text begins with."""
    match = _DISPLAY.match(text)
    return " ".join((match[1] or match[2] or "").split()) or None if match else None


def _first_sentence(line: str) -> str:
    """A line up to a remark behind its first sentence."""
    match = _REMARK.search(line)
    return line[: match.start()] if match else line


def _stated_in_words(line: str) -> str:
    """What stands behind the last "is" of a line; of its first sentence where only that states a number."""
    last, first = _behind_is(line), _behind_is(_first_sentence(line))
    return first if re.search(r"\d", first) and not re.search(r"\d", last) else last


def _leading_value(sentence: str) -> str | None:
    """The number or formula that a sentence begins with, without a reason or a remark behind it.

    Returns:
        None where it begins with words, or with a calculation whose result stands behind an "is".
    """
    if not _VALUE.match(sentence):
        return None
    value = _REASON.split(sentence, maxsplit=1)[0]
    verb = _VERB.search(value)
    if verb is None:
        return value
    is_calculation = len(re.findall(r"\d[\d,.]*", _ONE_VALUE.sub("1", value[: verb.start()]))) > 1
    return None if is_calculation and _VALUE.match(value, verb.end()) else value[: verb.start()]


def _behind_is(line: str) -> str:
    """Of a sentence such as "the weight of the gas is 4.31 kg" what stands behind its last "is"."""
    ends = [match.end() for match in _IS.finditer(line) if line[match.start()] != "="]
    if not ends or len(line.split()) < _MIN_SENTENCE_WORDS:
        return line
    return _PARENTHESIS.sub("", line[ends[-1] :])


def _concluded(text: str) -> str | None:
    """What the last conclusion states, else the last sentence, where it states one number or something is one."""
    sentences = [_STEP.sub("", part.strip()) for part in _SENTENCE_END.split(text) if part.strip()]
    for sentence in reversed(sentences[-_NUM_LAST_SENTENCES:]):
        if _CONCLUSION.search(sentence):
            return _stated_value(sentence, text)
    is_finished = text.rstrip("*$ \n").endswith((".", "!"))
    is_sentence = bool(sentences) and len(_LETTERS.findall(sentences[-1])) >= _MIN_WORDS
    return _stated_value(sentences[-1], text) if is_finished and is_sentence else None


def _stated_value(sentence: str, text: str) -> str | None:
    """What a sentence's calculation comes to, its one number, the result it restates, what its last "is" says."""
    results = _RESULT.findall(sentence)
    if results:
        return str(results[-1])
    sentence = _PARENTHESIS.sub("", sentence)
    numbers = {match[0].replace("$", "") for match in _NUMBER_IN_TEXT.finditer(sentence)}
    if len(numbers) == 1 and "\\" not in sentence:
        return numbers.pop()
    result = _restated_result(sentence, text[: max(text.rfind(sentence), 0)])
    if result is not None:
        return result
    tail = _trim(_IS.split(sentence)[-1])
    is_short = tail is not None and tail != sentence and len(tail) <= _MAX_CONCLUDED
    return tail if is_short and tail is not None and re.search(r"\d", tail) else None


def _restated_result(sentence: str, before: str) -> str | None:
    """Of a sentence's several numbers the one that the last calculation before it came to."""
    results = _RESULT.findall(before)
    numbers = {match[0].replace("$", "") for match in _NUMBER_IN_TEXT.finditer(sentence)}
    return results[-1] if results and results[-1] in numbers else None


def _trim(line: str) -> str | None:
    line = line.strip().strip("* \t")
    return (line[:-1].rstrip("* \t") if line.endswith(".") else line) or None
