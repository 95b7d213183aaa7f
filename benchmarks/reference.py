"""The recipe behind the bots of the model cards, with today's Trainer of transformers.

All tweets four times in one line, cut into blocks as long as the model's context, one block a step, fp32, dropout .1,
AdamW at 1.372e-4 with cosine decay. The other programs here compare with it.

To match that recipe, three things must be set explicitly: the scheduler (one that is replaced afterwards is discarded,
and the rate falls linearly), the optimizer (today's default is fused) and the blocks (the tokenizer has no maximum
length). The pad token stays unset: if it were the end token, the model would not learn to end.
"""

from __future__ import annotations

import random
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers import TrainerCallback

END = "<|endoftext|>"
PASSES = 4
LEARNING_RATE = 1.372e-4
DROPOUT = 0.1


@dataclass(frozen=True, slots=True)
class Reference:
    """The recipe, and what a user might change in it."""

    block: int = 1024
    batch: int = 1  # blocks a step
    dropout: float = DROPOUT
    learning_rate: float = LEARNING_RATE


def blocks(tokenizer: Any, texts: Sequence[str], *, block: int, seed: int, passes: int = PASSES) -> list[torch.Tensor]:
    """Cuts all texts, joined in random order, into blocks; the last incomplete block is dropped."""
    rng = random.Random(seed)
    order = [text for _ in range(passes) for text in rng.sample(texts, len(texts))]
    ids = tokenizer(END + END.join(order) + END, add_special_tokens=False, verbose=False).input_ids
    return [torch.tensor(ids[start : start + block]) for start in range(0, len(ids) - block + 1, block)]


def train(
    model: Any, rows: Sequence[torch.Tensor], recipe: Reference, *, seed: int, watch: Sequence[TrainerCallback] = ()
) -> None:
    """One pass over the blocks, on the device of the model."""
    from transformers import PrinterCallback, Trainer, TrainingArguments

    set_dropout(model, recipe.dropout)
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=recipe.batch,
            gradient_accumulation_steps=1,
            num_train_epochs=1,
            learning_rate=recipe.learning_rate,
            lr_scheduler_type="cosine",
            warmup_steps=0,
            optim="adamw_torch",
            weight_decay=0.0,
            max_grad_norm=1.0,
            logging_steps=5,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            seed=seed,
            use_cpu=model.device.type == "cpu",
            dataloader_pin_memory=model.device.type != "cpu",
        )
        data: Any = [{"input_ids": row, "labels": row} for row in rows]
        trainer = Trainer(model=model, args=arguments, train_dataset=data, callbacks=list(watch))
        trainer.remove_callback(PrinterCallback)  # the tables are ours to print
        trainer.train()
    model.eval()


def set_dropout(model: Any, share: float) -> None:
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = share
