"""An adapter: what LoRA has added to a base, in the format of peft, a few megabytes beside or in place of the weights.

Its files have names of their own: transformers takes a folder with `adapter_config.json` for an adapter alone.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from training.errors import ModelError, first_line

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import torch

FILE = "adapter.safetensors"  # peft's adapter_model.safetensors
CONFIG = "adapter.json"  # peft's adapter_config.json
PREFIX = "base_model.model."  # of every name in peft's files


@dataclass(frozen=True, slots=True)
class Adapter:
    """For each matrix, by name, (rank, inputs) and (outputs, rank): their product is added, times alpha / rank.

    In bf16, to which they were rounded before they were merged and judged.
    """

    rank: int
    alpha: int
    factors: Mapping[str, tuple[torch.Tensor, torch.Tensor]]

    def files(self, base: str, model_type: str) -> dict[str, bytes]:
        """The content of both files; `base` is the model that it is added to."""
        from safetensors.torch import save

        tensors = {}
        for name, (down, up) in self.factors.items():
            tensors[f"{PREFIX}{name}.lora_A.weight"] = down.contiguous()
            tensors[f"{PREFIX}{name}.lora_B.weight"] = up.contiguous()
        config = {
            "peft_type": "LORA",
            "task_type": "CAUSAL_LM",
            "base_model_name_or_path": base,
            "r": self.rank,
            "lora_alpha": self.alpha,
            "lora_dropout": 0.0,
            "target_modules": sorted({name.rpartition(".")[2] for name in self.factors}),
            "fan_in_fan_out": model_type == "gpt2",  # whose matrices are stored transposed
            "inference_mode": True,
        }
        return {FILE: save(tensors, {"format": "pt"}), CONFIG: (json.dumps(config, indent=2) + "\n").encode()}

    @classmethod
    def open(cls, folder: Path) -> Adapter | None:
        """The adapter in a model folder; None where it was made without."""
        from safetensors.torch import load_file

        if not (folder / FILE).is_file():
            return None
        try:
            config: Any = json.loads((folder / CONFIG).read_bytes())
            tensors = load_file(folder / FILE)
            ends = ".lora_A.weight", ".lora_B.weight"
            names = [key.removeprefix(PREFIX).removesuffix(ends[0]) for key in tensors if key.endswith(ends[0])]
            factors = {name: (tensors[PREFIX + name + ends[0]], tensors[PREFIX + name + ends[1]]) for name in names}
            return cls(int(config["r"]), int(config["lora_alpha"]), factors)
        except Exception as error:  # safetensors has errors of its own
            raise ModelError(f"The adapter in {folder} does not load ({first_line(error)}): train it again.") from error

    def merge(self, model: Any) -> None:
        """Add it to the weights of its base, in place."""
        import torch

        with torch.no_grad():
            for name, (down, up) in self.factors.items():
                matrix = model.get_submodule(name)
                product = (self.alpha / self.rank) * up.float() @ down.float()
                matrix.weight += product.T if type(matrix).__name__ == "Conv1D" else product


def digest(model: Any) -> str:
    """The sha256 of a base's weights, whatever file they came from."""
    import torch

    sha256 = hashlib.sha256()
    for weight in model.parameters():
        sha256.update(weight.detach().cpu().contiguous().view(torch.uint8).numpy())
    return sha256.hexdigest()
