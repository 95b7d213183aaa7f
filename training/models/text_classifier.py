"""A classifier of texts that somebody else has trained, from a folder on this machine: which of its labels fit?

It knows what transformers calls a sequence classifier, and nothing of what its labels mean. Nothing is downloaded and
no code of the folder is run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from training.errors import ModelError, first_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MANY = "multi_label_classification"  # transformers' name for labels that do not exclude each other


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
            raise ModelError(f"{folder} is no folder of a classifier: it has no config.json.")
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, **local)
            model, found = AutoModelForSequenceClassification.from_pretrained(
                folder, use_safetensors=True, output_loading_info=True, **local
            )
        except Exception as error:  # whatever transformers says of a file from outside
            raise ModelError(f"{folder} is no classifier that can be read: {first_line(error)}") from error
        if lacking := sorted(found["missing_keys"]):  # they would be random numbers, and so would its verdicts
            raise ModelError(f"{folder} is no trained classifier: it lacks {', '.join(lacking[:3])}.")
        return cls(model.eval(), tokenizer)

    def likelihoods(self, text: str) -> dict[str, float]:
        """How sure it is of each of its labels, from 0 to 1."""
        import torch

        with torch.inference_mode():
            rows = self._tokenizer(text, return_tensors="pt", truncation=True)
            scores = self._model(**rows).logits[0].float()
        several = self._model.config.problem_type == MANY or len(self.labels) == 1
        shares = scores.sigmoid() if several else scores.softmax(-1)
        if not bool(torch.isfinite(shares).all()):
            raise ModelError("the classifier's answer is no number")
        return dict(zip(self.labels, shares.tolist(), strict=True))

    def why_not(self, text: str, labels: Sequence[str], threshold: float) -> str:
        """The likeliest of the `labels` that is as likely as that; empty if none is."""
        found = self.likelihoods(text)
        label = max(labels, key=found.__getitem__)
        return f"{label} {found[label]:.2f}" if found[label] >= threshold else ""
