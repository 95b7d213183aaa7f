"""Opens the operator's own text classifier, which may refuse a draft. Imports torch, so only inside the function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.errors import ConfigError, ModelError, training_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


def open_classifier(folder: Path, labels: Sequence[str], threshold: float) -> Callable[[str], str]:
    """Return a function that names the labels a text has, joined in one string; empty if it has none."""
    from training.models.text_classifier import Classifier

    with training_errors(ModelError, about="screen.classifier: "):
        model = Classifier.open(folder)
    if unknown := [label for label in labels if label not in model.labels]:
        raise ConfigError(
            f"screen.classifier_labels: {folder} has no label {', '.join(unknown)}; "
            f"its labels are {', '.join(model.labels)}"
        )
    return lambda text: model.why_not(text, labels, threshold)
