"""Every hyperparameter, its default, and the reason or the measurement behind it (LOG: `training/LOG.md`).

It knows numbers only.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Shape:
    """The size of a model that is made from nothing, and how long a tweet may be for any model."""

    # LOG: with 1,000 pieces every fourth word is none; with 6,000 the held-out tweets cost a tenth more bits.
    vocabulary: int = 3_000
    # Tokens. 280 characters are about 75 of these pieces; longer notes are cut. The rest is room for a prompt.
    context: int = 160
    # LOG: 4 layers of 192 take twice the time of 2 layers of 128 for each token, and it is steps that are short.
    layers: int = 2
    width: int = 128
    heads: int = 4


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a model learns. The defaults are those of "scratch", a model made from nothing out of the tweets alone."""

    shape: Shape = field(default_factory=Shape)
    # Mash-ups for each tweet among the lessons. LOG: without them it quotes or babbles; 4 mix more boldly than 2.
    mashups: float = 4.0
    # Tokens a step. LOG: 2,048 take about as long for each token and leave a quarter of the steps.
    batch_tokens: int = 512
    # How often each lesson is seen. LOG: for 650 tweets and their mash-ups these are 1,385 steps.
    epochs: float = 8
    # The bound on time, since nothing here reads a clock: 1,400 x 460 tokens are 43 s at 15,000 tokens/s.
    max_steps: int = 1_400
    # LOG: without mash-ups 4e-3 was at the edge of learning nothing; with them 3e-3 mixes more boldly than 2e-3.
    learning_rate: float = 3e-3
    warmup: float = 0.05  # share of the steps, until AdamW's averages mean something; not varied yet
    floor: float = 0.0  # share of the rate at the end of the cosine
    weight_decay: float = 0.1  # on matrices only; not varied yet
    betas: tuple[float, float] = (0.9, 0.98)  # 0.98 looks 50 steps back; 0.999 would look back over the whole run
    clip: float = 1.0  # the reference's
    # LOG: without mash-ups 0 knows the tweets by heart; with them nothing is seen often enough for that.
    dropout: float = 0.0
    looks: int = 10  # at the held-out tweets
    # 0 leaves them to torch. LOG: on a busy machine two threads wait for each other ten times longer than they work,
    # and a small model gains little from the second on a quiet one. One also makes the same model on any machine.
    threads: int = 1
    # From nothing the held-out loss is best before the model can spell (LOG): its last weights are the ones to hear.
    keep_best: bool = False


SCRATCH = Recipe()

# The base in this package. LOG, 2026-11-20, the base: what was tried. A minute of one core for 700 tweets.
TINY = replace(
    SCRATCH,
    mashups=0.0,  # LOG: it knows how a sentence goes on; one for each tweet costs time and gains nothing
    batch_tokens=1_024,
    epochs=8,
    max_steps=1_000,
    learning_rate=6e-4,  # LOG: 1e-3 and 2e-3 end a little higher, 4e-4 takes longer
    dropout=0.1,
    keep_best=True,
)

# The reference's own values, chosen there by a sweep; ours are to be measured when a pretrained base is at hand.
FINETUNE = replace(
    SCRATCH,
    shape=replace(SCRATCH.shape, context=256),  # GPT-2's pieces are single bytes in many scripts
    mashups=0.0,  # it knows how a sentence goes on
    batch_tokens=1_024,
    epochs=4,
    max_steps=2_000,  # 3,200 tweets four times are about 330
    learning_rate=1.372e-4,
    warmup=0.0,
    weight_decay=0.0,
    betas=(0.9, 0.999),
    dropout=0.1,
    threads=0,
    keep_best=True,  # the reference stopped blindly after four epochs
)


@dataclass(frozen=True, slots=True)
class Pretraining:
    """How the base in the package was made (LOG: 2026-11-20, the base); `python -m training pretrain` does it again."""

    # 5.3 million weights, two fifths of them the table of pieces: 10.7 MB in fp16
    shape: Shape = Shape(vocabulary=8_192, context=256, layers=4, width=256, heads=4)
    tokenizer_reads_every: int = 5  # lines: 20 MB of 100 give the pieces in six seconds
    steps: int = 4_350  # an hour of two busy cores; `cool-down` in training/pretrain.py decides it while it runs
    cooling: float = 0.3  # the last share of the steps: the rate falls, and short lines alone are read
    parts: int = 2  # batches a step
    part_tokens: int = 2_048  # the logits of so many fit into one chunk of training/loss.py
    pool: int = 32  # steps whose documents are sorted by length together
    save_every: int = 2  # pools between checkpoints: a minute or two
    warmup: int = 100  # steps
    learning_rate: float = 3e-3
    weight_decay: float = 0.1  # on the matrices between the layers
    betas: tuple[float, float] = (0.9, 0.95)
    clip: float = 1.0


def recipe_for(base_model: str) -> Recipe:
    """What fits a base: "scratch" has all to learn, "tiny" knows a little English, any other model knows more."""
    return {"scratch": SCRATCH, "tiny": TINY}.get(base_model, FINETUNE)
