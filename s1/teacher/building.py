"""Which teacher the parameters name.

Example::

    teacher = build_teacher(params.distill.teacher, count_tokens=counter, seed=params.seed, wanted=ids, open_file=open_)
"""

from collections.abc import Collection

from s1 import config
from s1.teacher.protocol import Teacher
from s1.teacher.replay import OpenFile, load_replay
from s1.teacher.solver import SolverTeacher
from s1.tokens import TokenCounter


def build_teacher(
    params: config.Teacher, *, count_tokens: TokenCounter, seed: int, wanted: Collection[str], open_file: OpenFile
) -> Teacher:
    """The teacher that ``distill.teacher`` names.

    Args:
        count_tokens: fills in the usage of teachers that report none.
        seed: global seed; the solver derives each question's from it.
        wanted: ids of the questions that it will be asked about.
        open_file: where a file that the parameters name lies.
    """
    match params:
        case config.SolverTeacher():
            return SolverTeacher(count_tokens=count_tokens, seed=seed)
        case config.ReplayTeacher():
            return load_replay(params, open_file=open_file, wanted=wanted, count_tokens=count_tokens)
