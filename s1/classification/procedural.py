"""Domains of procedural questions, from their wording.

Knows ``s1.nano``; other texts are ``unknown``.

Example::

    ProceduralClassifier().classify(["Which dial turned k+3 shows l=4?"]).verdicts[0].domain        # 'dials'
"""

from collections.abc import Sequence

from s1.classification.protocol import Classification, Progress, Verdict, unknown
from s1.classification.taxonomy import UNKNOWN_DOMAIN
from s1.nano.questions import classify_text


class ProceduralClassifier:
    """Reads the domain of a procedural question from its wording."""

    name = "procedural"

    def classify(self, texts: Sequence[str], *, progress: Progress | None = None) -> Classification:
        """The domain of ``s1.nano`` whose words each text holds, else ``unknown``."""
        domains = [classify_text(text) for text in texts]
        if progress is not None:
            progress(len(texts), len(texts))
        return Classification(
            [unknown("no_words") if domain == UNKNOWN_DOMAIN else Verdict(domain) for domain in domains]
        )
