"""A sequence classifier from a local folder, in the format of transformers: which of its labels fit a text?

Nothing is downloaded, and no code from the folder is run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from training.errors import ModelError, first_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MULTI_LABEL = "multi_label_classification"  # transformers' problem_type


class Classifier:
    def __init__(self, model: Any, tokenizer: Any) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self.labels: tuple[str, ...] = tuple(model.config.id2label[number] for number in range(model.config.num_labels))

    @classmethod
    def open(cls, folder: Path) -> Self:
        """From config.json, model.safetensors and the tokenizer's files."""
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        if not (folder / "config.json").is_file():
            raise ModelError(f"{folder} is not a classifier folder: it has no config.json.")
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, **local)
            model, info = AutoModelForSequenceClassification.from_pretrained(
                folder, use_safetensors=True, output_loading_info=True, **local
            )
        except Exception as error:  # whatever transformers raises for a file from outside
            raise ModelError(f"{folder} is not a readable classifier: {first_line(error)}") from error
        if missing := sorted(info["missing_keys"]):  # they would be random numbers
            raise ModelError(f"{folder} is not a trained classifier: it lacks {', '.join(missing[:3])}.")
        return cls(model.eval(), tokenizer)

    def likelihoods(self, text: str) -> dict[str, float]:
        """The probability of each label, from 0 to 1."""
        import torch

        with torch.inference_mode():
            rows = self._tokenizer(text, return_tensors="pt", truncation=True)
            scores = self._model(**rows).logits[0].float()
        is_multi_label = self._model.config.problem_type == MULTI_LABEL or len(self.labels) == 1
        probabilities = scores.sigmoid() if is_multi_label else scores.softmax(-1)
        if not bool(torch.isfinite(probabilities).all()):
            raise ModelError("the classifier's output is not a number")
        return dict(zip(self.labels, probabilities.tolist(), strict=True))

    def why_not(self, text: str, labels: Sequence[str], threshold: float) -> str:
        """The likeliest of the `labels` and its probability, if that reaches the threshold; else an empty string."""
        likelihoods = self.likelihoods(text)
        label = max(labels, key=likelihoods.__getitem__)
        return f"{label} {likelihoods[label]:.2f}" if likelihoods[label] >= threshold else ""
