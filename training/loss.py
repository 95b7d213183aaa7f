"""How surprised a causal model is by each token of a batch, without ever holding the logits of padding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import cross_entropy
from torch.utils.checkpoint import checkpoint

if TYPE_CHECKING:
    from training.batches import Batch

CHUNK = 2**24  # logits held at once: 64 MB in fp32, or 333 tokens of GPT-2's vocabulary
PLAIN_HEADS = frozenset({"gpt2"})  # whose logits are the head applied to the last hidden state, and no more


def surprise(model: Any, batch: Batch) -> torch.Tensor:
    """The negative log-likelihood in nats of every target, padding left out: (tokens,) in fp32."""
    targets = batch.targets.flatten()[batch.wanted]  # (tokens,)
    if model.config.model_type not in PLAIN_HEADS:  # soft caps, scales: the model knows its own head best
        logits = model(input_ids=batch.inputs, use_cache=False).logits.flatten(0, 1)[batch.wanted]
        return cross_entropy(logits.float(), targets, reduction="none")
    seen = model.base_model(input_ids=batch.inputs, use_cache=False).last_hidden_state  # (rows, length, width)
    hidden = seen.flatten(0, 1)[batch.wanted]  # (tokens, width)
    head = model.get_output_embeddings()
    rows = max(1, CHUNK // head.weight.shape[0])
    if len(targets) <= rows:
        return _surprise_of(head, hidden, targets)
    chunks = zip(hidden.split(rows), targets.split(rows), strict=True)  # logits are made again in the backward pass
    return torch.cat([checkpoint(_surprise_of, head, *chunk, use_reentrant=False) for chunk in chunks])


def _surprise_of(head: Any, hidden: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return cross_entropy(head(hidden).float(), targets, reduction="none")
