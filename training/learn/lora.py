"""LoRA: training low-rank adapters in place of all weights. Only this file imports peft.

The result is an ordinary model: the adapters are merged into the weights, and nothing of peft is left.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from training.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from training.recipe import Recipe


@contextmanager
def adapted(model: Any, recipe: Recipe) -> Iterator[None]:
    """Inside, only the adapters are trained; on exit they are merged into the weights."""
    if recipe.method != "lora":
        yield
        return
    lora_model = _attach(model, recipe)
    yield
    lora_model.merge_and_unload()
    model.requires_grad_(True)  # noqa: FBT003  torch's own signature


def count_trainable(model: Any, recipe: Recipe) -> int:
    """The number of weights that will be trained, before adapters are attached."""
    if recipe.method != "lora":
        return sum(weight.numel() for weight in model.parameters())
    from torch.nn import Embedding

    layers = (part for part in model.modules() if not isinstance(part, Embedding))
    matrices = (getattr(part, "weight", None) for part in layers if part is not model.get_output_embeddings())
    return recipe.lora_rank * sum(sum(one.shape) for one in matrices if one is not None and one.dim() > 1)


def _attach(model: Any, recipe: Recipe) -> Any:
    """Attach adapters to every matrix of the layers; token and position embeddings are not trained."""
    try:
        from peft import LoraConfig, LoraModel
    except ModuleNotFoundError as error:
        raise ModelError(
            f'method is "lora" and {error.name} is not installed: '
            "pip install 'mynah-bot[lora]', or set method to \"full\"."
        ) from error
    is_transposed = any(type(module).__name__ == "Conv1D" for module in model.modules())  # as in GPT-2
    config = LoraConfig(
        r=recipe.lora_rank,
        lora_alpha=recipe.lora_alpha,
        lora_dropout=0.0,  # the recipe's dropout is in the model already
        target_modules="all-linear",
        fan_in_fan_out=is_transposed,
        task_type="CAUSAL_LM",  # leaves the head out
    )
    return LoraModel(model, config, "default")
