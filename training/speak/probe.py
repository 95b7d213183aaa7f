"""Tries a base model before it is trained, so that one that cannot speak or learn is refused at once."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

from training.errors import ModelError, first_line
from training.learn.batches import pad
from training.learn.loss import token_losses
from training.learn.precision import autocast
from training.speak.torch_engine import engine_of, fastest

if TYPE_CHECKING:
    from training.speak.sampler import Engine

TOKENS = 3  # spoken by two rows that change places, so that all of a cache's operations are tried
ROWS = 2


def check_base(model: Any, tokenizer: Any, name: str) -> None:
    """A ModelError if the engine that would speak cannot speak with the model, or if it cannot learn from a text."""
    end = tokenizer.eos_token_id
    start = end if tokenizer.bos_token_id is None else tokenizer.bos_token_id
    was_training = model.training
    try:
        _speak(engine_of(model, fastest(model.device)), start, end)
        _learn(model, [start, *_text(tokenizer), end])
    except Exception as error:  # whatever an architecture raises that nobody has tried
        reason = first_line(error).rstrip(".")
        raise ModelError(f'base_model "{name}" cannot be used ({reason}): choose another base_model.') from error
    finally:
        model.train(was_training)


def _text(tokenizer: Any) -> list[int]:
    ids: list[int] = tokenizer.backend_tokenizer.encode("Good morning", add_special_tokens=False).ids
    return ids


def _speak(engine: Engine, start: int, end: int) -> None:
    batch = engine.begin([start], ROWS, TOKENS)
    for step in range(TOKENS):
        chosen = batch.sample([lambda: 0.5] * ROWS, 1.0, 0.95)
        if not all(math.isfinite(nats) for _, nats in chosen):
            raise ModelError("the likelihood of a token is not a number")
        if step < TOKENS - 1:
            batch.advance([token for token, _ in chosen][::-1], list(range(ROWS))[::-1])
    batch.advance([chosen[0][0]], [0])
    if not all(math.isfinite(nats) for nats in engine.log_likelihoods([start], [[end], [start, end]])):
        raise ModelError("the likelihood of a text is not a number")


def _learn(model: Any, row: list[int]) -> None:
    """The gradient of the first norm or bias alone: it takes the way back through all layers, and no memory."""
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    weight = next((one for one in trained if one.dim() == 1), trained[0])
    with torch.random.fork_rng(), autocast(model.device):  # dropout draws from the global generator
        loss = token_losses(model.train(), pad([row]).to(model.device)).mean()
        (gradient,) = torch.autograd.grad(loss, [weight], allow_unused=True)
    if gradient is None or not bool(torch.isfinite(gradient).all()):
        raise ModelError("it gets no gradient from a text")
