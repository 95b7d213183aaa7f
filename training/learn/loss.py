"""The loss of each token of a batch, without ever computing the logits of padding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import cross_entropy, linear
from torch.utils.checkpoint import checkpoint

if TYPE_CHECKING:
    from training.learn.batches import Batch
    from training.learn.sampled_softmax import SampledVocabulary

# Logits held at once: 256 MB in fp32, or 1,335 tokens of GPT-2's vocabulary, more than the reference's block has.
# LOG: recomputing them took 15 % of a step where a step was split in four.
CHUNK = 2**26
PLAIN_HEADS = frozenset({"gpt2"})  # whose logits are the last hidden state times the head, with nothing after it


def has_plain_head(model: Any) -> bool:
    return model.config.model_type in PLAIN_HEADS


def token_losses(model: Any, batch: Batch, sampled: SampledVocabulary | None = None) -> torch.Tensor:
    """The negative log-likelihood in nats of every target, padding left out: (tokens,) in fp32.

    With a sampled vocabulary, which needs a plain head, an estimate from its pieces.
    """
    targets = batch.targets.flatten()[batch.positions]  # (tokens,)
    if not has_plain_head(model):  # soft caps or scales, which only the model itself applies
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
