"""Learning a small addition to a model in place of the model itself. It alone imports peft.

What comes out is an ordinary model: the addition is added to the weights, and nothing of peft is left in it.
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
    """Within, only the addition learns; behind it, what was learnt is part of the weights."""
    if recipe.method != "lora":
        yield
        return
    tuner = _attach(model, recipe)
    yield
    tuner.merge_and_unload()
    model.requires_grad_(True)  # noqa: FBT003  torch's own signature


def count_learnt(model: Any, recipe: Recipe) -> int:
    """The weights that will learn, before there is an addition."""
    if recipe.method != "lora":
        return sum(weight.numel() for weight in model.parameters())
    from torch.nn import Embedding

    layers = (part for part in model.modules() if not isinstance(part, Embedding))
    matrices = (getattr(part, "weight", None) for part in layers if part is not model.get_output_embeddings())
    return recipe.lora_rank * sum(sum(one.shape) for one in matrices if one is not None and one.dim() > 1)


def _attach(model: Any, recipe: Recipe) -> Any:
    """Beside every matrix of the layers; the tables of pieces and of places stay as they are."""
    try:
        from peft import LoraConfig, LoraModel
    except ModuleNotFoundError as error:
        raise ModelError(
            f'method is "lora" and {error.name} is not installed: '
            "pip install 'mynah-bot[lora]', or set method to \"full\"."
        ) from error
    turned = any(type(module).__name__ == "Conv1D" for module in model.modules())  # GPT-2 keeps its matrices turned
    config = LoraConfig(
        r=recipe.lora_rank,
        lora_alpha=recipe.lora_alpha,
        lora_dropout=0.0,  # the recipe's dropout is in the model already
        target_modules="all-linear",
        fan_in_fan_out=turned,
        task_type="CAUSAL_LM",  # so that the head is left out
    )
    return LoraModel(model, config, "default")
