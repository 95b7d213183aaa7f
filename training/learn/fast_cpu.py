"""Faster training on a processor, with the same results; the model is restored afterwards.

LOG: 2026-11-21, speed, for GPT-2; of the other known architectures only SmolLM2 was tried, with a small gain within the
noise of a busy machine. Unknown ones are left as they are.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from training.errors import UnknownArchitecture
from training.models import architecture

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def fast_cpu(model: Any) -> Iterator[None]:
    """Eager attention, since torch's kernel is made for rows longer than tweets; GELU in one pass instead of seven."""
    if model.device.type != "cpu" or not _is_known(model.config):
        yield
        return
    attention = model.config._attn_implementation  # noqa: SLF001  transformers has no public name for it
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


def _is_known(config: Any) -> bool:
    try:
        architecture.read(config)
    except UnknownArchitecture:
        return False
    return True
