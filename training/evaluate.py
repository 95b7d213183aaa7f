"""How well a model foresees tweets that it has not seen. It does not know how the model was made."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from training.batches import encode
from training.finetune import total_surprise

if TYPE_CHECKING:
    from collections.abc import Sequence

BATCH_TOKENS = 4_096  # only speed and memory depend on it


def bits_per_character(model: Any, tokenizer: Any, texts: Sequence[str], *, context: int) -> float:
    """Each tweet alone, from its start, its end included, as the bot speaks; comparable between tokenizers."""
    rows = encode(tokenizer, texts, context)
    if not rows:
        return math.nan
    nats, _ = total_surprise(model, rows, BATCH_TOKENS)
    # a tweet cut at the context counts with the characters that were read
    characters = sum(len(tokenizer.decode(row, skip_special_tokens=True)) for row in rows)
    return nats / math.log(2) / characters
