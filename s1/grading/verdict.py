r"""Whether an answer is right: the reference of a question, and the comparison by the question's kind.

Knows references, letters and options; symbolic equivalence is ``s1.grading.equivalence``, numbers with units and
tolerances are ``s1.grading.quantities``. Does not look for answers in responses (``s1.grading.extraction``).

Example::

    grade("0.5", question)          # True where the reference is \frac{1}{2}
    grade(None, question)           # False: no answer is wrong
"""

from s1.grading.choices import read_choice
from s1.grading.equivalence import are_equivalent, normalize_answer, value_of
from s1.grading.extraction import extract_answer
from s1.grading.quantities import same_quantity, tolerance_of, unit_of
from s1.records import Question

_MAX_SHORT_SOLUTION = 40
"""A solution of one line and at most so many characters is taken as the answer itself."""


def reference_answer(question: Question) -> str | None:
    """The short answer that responses are compared with; None where the source states none.

    It is the question's ``answer``, else what its solution marks as the answer, else a solution that is one short line;
    of a question answered in prose the whole solution. Of a choice it must be letters, or the text of one option: an
    index or another text names no option.
    """
    reference = _stated_reference(question)
    if question.answer_kind == "choice" and reference is not None and _letters_of(reference, question) is None:
        return None
    return reference


def _stated_reference(question: Question) -> str | None:
    if question.answer is not None and question.answer.strip():
        return question.answer.strip()
    if question.answer_kind == "prose":
        return question.solution.strip() or None
    marked = extract_answer(question.solution, kind=question.answer_kind)
    if marked is not None:
        return marked
    solution = question.solution.strip()
    return solution if solution and "\n" not in solution and len(solution) <= _MAX_SHORT_SOLUTION else None


def grade(answer: str | None, question: Question) -> bool | None:
    """Whether an extracted answer is right; no answer is wrong.

    Returns:
        None where it cannot be told: the question has no reference answer, or its answer is prose.
    """
    reference = reference_answer(question)
    if reference is None or question.answer_kind == "prose":
        return None
    if answer is None:
        return False
    if question.answer_kind == "choice":
        return _is_same_choice(answer, reference, question)
    if question.answer_kind == "number":
        return _is_same_number(answer, reference, question)
    return are_equivalent(answer, reference)


def _is_same_number(answer: str, reference: str, question: Question) -> bool:
    """Within the question's tolerance, in its unit; what is no plain number is compared by its value, or as algebra."""
    tolerance = tolerance_of(question.metadata)
    same = same_quantity(answer, reference, unit=unit_of(question.metadata), tolerance=tolerance)
    if same is not None:
        return same
    one, other = value_of(answer), value_of(reference)
    if one is not None and other is not None:
        return tolerance.allows(one, other)
    return are_equivalent(answer, reference)


def _is_same_choice(answer: str, reference: str, question: Question) -> bool:
    chosen = _letters_of(answer, question)
    return chosen is not None and chosen == _letters_of(reference, question)


def _letters_of(text: str, question: Question) -> str | None:
    return read_choice(text) or _option_with_text(text, question)


def _option_with_text(answer: str, question: Question) -> str | None:
    """The letter of the one option that says exactly what the answer says."""
    options = question.metadata.get("options")
    if not isinstance(options, list):
        return None
    wanted = normalize_answer(answer)
    same = [number for number, option in enumerate(options) if normalize_answer(str(option)) == wanted]
    return chr(ord("A") + same[0]) if len(same) == 1 else None
