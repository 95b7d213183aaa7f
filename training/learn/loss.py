"""The loss of each token of a batch, without ever computing the logits of padding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
from torch.nn.functional import cross_entropy, linear
from torch.utils.checkpoint import checkpoint

if TYPE_CHECKING:
    from training.learn.batches import Batch
    from training.learn.sampled_softmax import SampledVocabulary

# Logits held at once: 256 MB in fp32, or 1,335 tokens of GPT-2's vocabulary, more than the reference's block has.
# LOG: recomputing them took 15 % of a step where a step was split in four.
CHUNK = 2**26
MEASURED: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()  # per model, whether its head is plain


def has_plain_head(model: Any) -> bool:
    """Whether the logits are the last hidden state times the head, with nothing before, between or after.

    Measured once for each model, with a head whose outputs are exchanged: caps and scales then show at any size.
    """
    if model not in MEASURED:
        MEASURED[model] = _measure_head(model)
    return MEASURED[model]


def token_losses(model: Any, batch: Batch, sampled: SampledVocabulary | None = None) -> torch.Tensor:
    """The negative log-likelihood in nats of every target, padding left out: (tokens,) in fp32.

    With a sampled vocabulary, which needs a plain head, an estimate from its pieces.
    """
    targets = batch.targets.flatten()[batch.positions]  # (tokens,)
    if not has_plain_head(model):  # soft caps, scales or a bias, which only the model itself applies
        logits = model(input_ids=batch.inputs, use_cache=False).logits.flatten(0, 1)[batch.positions]
        return cross_entropy(logits.float(), targets, reduction="none")
    states = model.base_model(input_ids=batch.inputs, use_cache=False).last_hidden_state  # (rows, length, width)
    hidden = states.flatten(0, 1)[batch.positions]  # (tokens, width)
    table, bonus = model.get_output_embeddings().weight, None  # (pieces, width)
    if sampled:
        table, bonus, targets = table.index_select(0, sampled.ids), sampled.bonus, sampled.positions[targets]
    rows = max(1, CHUNK // len(table))
    if len(targets) <= rows:
        return _chunk_losses(table, bonus, hidden, targets)
    chunks = zip(hidden.split(rows), targets.split(rows), strict=True)  # the backward pass recomputes logits
    return torch.cat([checkpoint(_chunk_losses, table, bonus, *chunk, use_reentrant=False) for chunk in chunks])


def _chunk_losses(
    table: torch.Tensor, bonus: torch.Tensor | None, hidden: torch.Tensor, targets: torch.Tensor
) -> torch.Tensor:
    logits = linear(hidden, table).float()
    return cross_entropy(logits if bonus is None else logits + bonus, targets, reduction="none")


@torch.no_grad()
def _measure_head(model: Any) -> bool:
    head, body = model.get_output_embeddings(), model.base_model
    if head is None or body is model or getattr(head, "bias", None) is not None:
        return False
    states: dict[str, torch.Tensor] = {}

    def exchange(_: Any, inputs: tuple[torch.Tensor], outputs: torch.Tensor) -> torch.Tensor:
        states["head"] = inputs[0]
        return _ramp(outputs)

    def keep(_: Any, __: Any, outputs: Any) -> None:
        states["body"] = getattr(outputs, "last_hidden_state", outputs)

    hooks = [head.register_forward_hook(exchange), body.register_forward_hook(keep)]
    was_training = model.training
    try:
        logits = model.eval()(input_ids=torch.arange(3, device=model.device)[None], use_cache=False).logits
    finally:
        model.train(was_training)
        for hook in hooks:
            hook.remove()
    if "head" not in states or states["head"].shape != states["body"].shape:
        return False
    return torch.equal(states["head"], states["body"]) and torch.equal(logits, _ramp(logits))


def _ramp(logits: torch.Tensor) -> torch.Tensor:
    """Numbers that no cap or scale leaves as they are, in the shape of `logits`."""
    numbers = torch.linspace(-1e3, 1e3, logits.shape[-1], device=logits.device)
    return numbers.to(logits.dtype).expand_as(logits)
