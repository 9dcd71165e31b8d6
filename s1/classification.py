"""The subject of a question, found from its text alone.

Knows classifiers, not files; never sees the solution or a source's own label.

Example::

    build_classifier(params.classify).classify("Which dial turned k+3 shows l=4?")      # 'dials'
"""

from typing import Protocol

from s1.config import ClassifyParams
from s1.nano.questions import classify_text

UNKNOWN_DOMAIN = "unknown"


class Classifier(Protocol):
    """Finds the domain of one question."""

    @property
    def name(self) -> str:
        """Recorded with every label."""
        ...

    def classify(self, text: str) -> str:
        """The domain's name; ``unknown`` when the text fits none."""
        ...


class ProceduralClassifier:
    """Reads the domain of a procedural question from its wording."""

    name = "procedural"

    def classify(self, text: str) -> str:
        """The domain of ``s1.nano`` whose words the text holds, else ``unknown``."""
        return classify_text(text)


def build_classifier(params: ClassifyParams) -> Classifier:
    """The classifier that ``classify.classifier`` names."""
    match params.classifier.kind:
        case "procedural":
            return ProceduralClassifier()
