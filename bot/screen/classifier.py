"""The door to a classifier of the operator's own, which may keep a draft in. torch is loaded behind it, not before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.errors import ConfigError, ModelError, training_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


def opened(folder: Path, labels: Sequence[str], threshold: float) -> Callable[[str], str]:
    """Which of the labels a text has, in words; empty if none."""
    from training.models.text_classifier import Classifier

    with training_errors(ModelError, about="screen.classifier: "):
        found = Classifier.open(folder)
    if unknown := [label for label in labels if label not in found.labels]:
        raise ConfigError(
            f"screen.classifier_labels: {folder} has no {', '.join(unknown)}; it knows {', '.join(found.labels)}"
        )
    return lambda text: found.why_not(text, labels, threshold)
