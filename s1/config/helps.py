"""The help of every key of ``params.yaml``: the sentence under its field, read from the source when a form is made.

Pydantic can read them too (``use_attribute_docstrings``), but does so at every import, which each stage would pay with
20 ms and more for texts that only forms show.

Example::

    field_helps()["TrainParams"]["num_epochs"]      # 'Passes over the selection (5 in the paper).'
"""

import ast
import inspect
from functools import cache
from itertools import pairwise

from s1.config import choosing, decoding, kinds, params, sections


@cache
def field_helps() -> dict[str, dict[str, str]]:
    """Class -> field -> help in one line; the sections of ``Params`` say in their class's docstring what they are."""
    return {
        node.name: _helps_of(node)
        for module in (kinds, choosing, decoding, sections, params)
        for node in ast.parse(inspect.getsource(module)).body
        if isinstance(node, ast.ClassDef)
    }


def _helps_of(section: ast.ClassDef) -> dict[str, str]:
    return {
        field.target.id: " ".join(inspect.cleandoc(text.value.value).split())
        for field, text in pairwise(section.body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant) and isinstance(text.value.value, str)
    }
