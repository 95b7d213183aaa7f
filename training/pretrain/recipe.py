"""The hyperparameters of pretraining, each with its reason or measurement (LOG: `training/LOG.md`)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from training.recipe import Shape

SHAPE = Shape(vocabulary=8_192, context=256, layers=4, width=256, heads=4)


@dataclass(frozen=True, slots=True)
class Pretraining:
    """How the base in the package was made: this run, the next one, and the mean of their weights.

    `python -m training.pretrain pretrain` does it again; LOG: 2026-11-21, the base, longer, has the three commands.
    """

    # 5.3 million weights, two fifths of them the table of pieces: 10.7 MB in fp16. LOG: 6 layers of 192 with twice the
    # pieces learn faster for minutes, and end no better after an hour.
    shape: Shape = SHAPE
    tokenizer_reads_every: int = 5  # lines: 20 of 100 MB are enough for the tokenizer, and take six seconds
    steps: int = (
        4_350  # an hour of two busy cores; `cool-down` in training/pretrain/pretrain.py decides it while it runs
    )
    cooling: float = 0.3  # the last share of the steps: the rate falls, and only short lines are read
    parts: int = 2  # batches a step
    part_tokens: int = 2_048  # the logits of so many fit into one chunk of training/learn/loss.py
    pool: int = 32  # steps whose documents are sorted by length together
    save_every: int = 2  # pools between checkpoints: a minute or two
    warmup: int = 100  # steps
    learning_rate: float = 3e-3
    weight_decay: float = 0.1  # on the matrices between the layers
    betas: tuple[float, float] = (0.9, 0.95)
    clip: float = 1.0


PRETRAINING = Pretraining()
# The second run, from the weights of the first. LOG: a cool-down of only 700 steps recovers what the high rate cost,
# and the mean with the first run is better than both.
PRETRAINING_ON = replace(PRETRAINING, steps=1_400, cooling=0.5)
