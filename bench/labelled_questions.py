"""Real questions whose files state their subject, with the domains that the subject stands for.

Reads the data folder with the project's own adapters, so a text is what ``classify`` sees of it; what a subject means
in domains is declared in ``bench/subjects.yaml``. Knows no classifier.

Example::

    questions = read_labelled(Path(os.environ["S1_DATA"]))
    questions[0].text, questions[0].label, questions[0].codes       # '…', 'Counting & Probability', {'05', '60'}
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict

from s1.classification.taxonomy import DOMAINS
from s1.records import normalize_text
from s1.sources.adapters import ADAPTERS
from s1.sources.formats import RawRow, read_raw
from s1.sources.rows import BadRowError

TABLE = Path(__file__).parent / "subjects.yaml"
_MMLU_PRO_PREFIX = "ori_mmlu-"
_MAX_PATHS = 2
"""Omni-MATH's rows with more subjects than this say little."""


@dataclass(frozen=True, slots=True)
class LabelledQuestion:
    """A question and what its source says about its subject."""

    source: str
    text: str
    stem: str
    """Normalised, without options: the same in all copies of a question."""
    label: str
    codes: frozenset[str]
    """Domains that the label stands for; one of them is right."""
    held_out: bool = False
    """Never trained on."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LabelledFiles(_Strict):
    """Files of one source, and where their rows state a subject."""

    source: str
    adapter: str
    scheme: str
    paths: list[str]
    columns: list[str] = []
    file: str | None = None
    """Finds the label in the file's name."""
    prefix: str = ""
    held_out: bool = False


class Part(_Strict):
    """Part of an Omni-MATH subject."""

    part: str
    codes: str


class Hint(_Strict):
    """Wording that tells one code of a set."""

    code: str
    pattern: str


class Subjects(_Strict):
    """The whole of ``subjects.yaml``."""

    sets: dict[str, str]
    files: list[LabelledFiles]
    schemes: dict[str, dict[str, str]]
    parts: list[Part]
    hints: list[Hint]

    def codes_of(self, label: str, *, scheme: str) -> frozenset[str] | None:
        """The domains that a label stands for; None where the scheme does not know it."""
        if scheme == "omni-math":
            written: str | None = next((part.codes for part in self.parts if part.part in label), None)
        else:
            written = self.schemes[scheme].get(label)
        return None if written is None else frozenset(self.sets.get(written, written).split())

    def narrowed(self, codes: frozenset[str], text: str) -> frozenset[str]:
        """The one code of a set that the wording tells, else the set."""
        if len(codes) > 1:
            for hint in self.hints:
                if hint.code in codes and re.search(hint.pattern, text, re.IGNORECASE):
                    return frozenset({hint.code})
        return codes


def read_subjects(path: Path = TABLE) -> Subjects:
    """The declared table.

    Raises:
        ValueError: it names a code that the taxonomy does not have.
    """
    subjects = Subjects.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    used = [subjects.sets.get(codes, codes) for scheme in subjects.schemes.values() for codes in scheme.values()]
    used += [part.codes for part in subjects.parts] + [hint.code for hint in subjects.hints]
    if strange := {code for codes in used for code in codes.split()} - DOMAINS.keys():
        raise ValueError(f"{path} names the codes {sorted(strange)}, which taxonomy.csv does not have; correct one")
    return subjects


def read_labelled(data: Path, subjects: Subjects) -> list[LabelledQuestion]:
    """All questions with a label that the table knows; of each source, each pair of stem and label once."""
    found: dict[tuple[str, str, str], LabelledQuestion] = {}
    for files in subjects.files:
        for question in _read_files(files, data, subjects):
            found.setdefault((question.source, question.stem, question.label), question)
    return list(found.values())


def _read_files(files: LabelledFiles, data: Path, subjects: Subjects) -> Iterator[LabelledQuestion]:
    adapter = ADAPTERS[files.adapter]
    for path in files.paths:
        for row in read_raw(data / path, shown=path, layout=adapter.layout):
            if not isinstance(row, RawRow):
                continue
            try:
                parts = adapter.read(row.values)
            except BadRowError:
                continue
            label, codes = _label(files, row, subjects)
            if codes:
                stem = normalize_text(f"{parts.above} {parts.question}")
                yield LabelledQuestion(files.source, parts.text, stem, label, codes, files.held_out)


def _label(files: LabelledFiles, row: RawRow, subjects: Subjects) -> tuple[str, frozenset[str]]:
    """The row's first label that its scheme knows; an empty set where there is none."""
    if files.scheme == "omni-math":
        return _omni_label(row.values.get("domain"), subjects)
    in_file = re.search(files.file, row.file) if files.file else None
    candidates = [*_texts(row.values, files.columns), files.prefix + in_file[1] if in_file else "*"]
    for candidate in candidates:
        label = candidate.removeprefix(_MMLU_PRO_PREFIX)
        codes = subjects.codes_of(label, scheme=files.scheme)
        if codes:
            return label, codes
    return "", frozenset()


def _omni_label(domains: object, subjects: Subjects) -> tuple[str, frozenset[str]]:
    paths = [str(path) for path in domains] if isinstance(domains, list) else []
    codes = [subjects.codes_of(path, scheme="omni-math") for path in paths]
    if not 0 < len(paths) <= _MAX_PATHS or None in codes:
        return "", frozenset()
    union = frozenset[str]().union(*(one for one in codes if one))
    return " ".join(sorted(union)), union


def _texts(values: Mapping[str, object], columns: Sequence[str]) -> list[str]:
    return [value for name in columns if isinstance(value := values.get(name), str)]
