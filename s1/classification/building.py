"""Which classifier the parameters name.

Example::

    build_classifier(params.classify.classifier, archive_folder=stage.archive_folder)
"""

import os
from collections.abc import Mapping
from pathlib import Path

from s1 import config
from s1.classification.procedural import ProceduralClassifier
from s1.classification.protocol import Classifier


def build_classifier(
    params: config.Classifier, *, archive_folder: Path, environment: Mapping[str, str] = os.environ
) -> Classifier:
    """The classifier that ``classify.classifier`` names.

    Args:
        archive_folder: the archive of paid responses; a language model's replies lie in its folder ``classify``.
        environment: says where a language model is (``s1.classification.llm``).
    """
    match params:
        case config.ProceduralClassifier():
            return ProceduralClassifier()
        case config.LocalClassifier():
            from s1.classification.local import LocalClassifier

            return LocalClassifier()
        case config.LlmClassifier():
            from s1.classification.llm import LlmClassifier
            from s1.teacher.archive import Archive

            return LlmClassifier(params.model, archive=Archive(archive_folder / "classify"), environment=environment)
