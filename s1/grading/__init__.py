r"""Extracts final answers and compares them with references, without a network and without a model.

Extraction never sees the reference and never falls back to a letter: no answer is ``None``, a state of its own.
Expressions are compared as text, then by math-verify; choices as letters; prose cannot be graded here. Knows no files.

Example::

    extract_answer("so \\boxed{\\frac{1}{2}}")              # '\\frac{1}{2}'
    extract_answer("the answer is (C).", kind="choice")     # 'C'
    grade("0.5", question)                                  # True where the reference is \frac{1}{2}
"""

from s1.grading.extraction import answer_part, extract_answer
from s1.grading.verdict import grade, reference_answer

__all__ = ["answer_part", "extract_answer", "grade", "reference_answer"]
