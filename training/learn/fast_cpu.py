"""The same function by a shorter way, while a model learns on a processor; the model is as it was afterwards.

LOG: 2026-11-21, speed. It is for GPT-2's family, where it was measured, and does not know what is learnt.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

FAMILY = frozenset({"gpt2"})


@contextmanager
def fast_cpu(model: Any) -> Iterator[None]:
    """Attention written out, for torch's kernel is made for rows longer than tweets; GELU in one pass, not in seven."""
    if model.device.type != "cpu" or model.config.model_type not in FAMILY:
        yield
        return
    attention = model.config._attn_implementation  # noqa: SLF001  transformers has no other word for it
    slow = [
        (parent, name, child)
        for parent in model.modules()
        for name, child in parent.named_children()
        if type(child).__name__ == "NewGELUActivation"  # "gelu_new" in config.json, as in OpenAI's GPT-2
    ]
    model.set_attn_implementation("eager")
    for parent, name, _ in slow:
        setattr(parent, name, torch.nn.GELU(approximate="tanh"))
    try:
        yield
    finally:
        model.set_attn_implementation(attention)
        for parent, name, child in slow:
            setattr(parent, name, child)
