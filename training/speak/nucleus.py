"""Nucleus sampling: the next token of each row of logits, and its log-likelihood. In numpy, for every engine."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

# Of the nucleus's mass: tokens below are not sorted. With these, a token of "tiny" takes 60 microseconds; with 1e-3 or
# 1e-4 alone, as with rejection sampling in torch, it takes 100.
FLOORS = (3e-4, 3e-5)


def choose(
    logits: Floats, temperature: float, top_p: float, uniforms: Sequence[Callable[[], float]]
) -> list[tuple[int, float]]:
    """The token of each row, and its log-likelihood before any filter. `uniforms` draw evenly from (0, 1].

    Row by row, since one row's numbers stay in the processor's cache, and those of all rows do not.
    """
    return [_choose(row, temperature, top_p, uniform) for row, uniform in zip(logits, uniforms, strict=True)]


def log_likelihood(logits: Floats, tokens: Sequence[int]) -> float:
    """The sum over the rows of their tokens' log-likelihoods, in nats."""
    logits = logits - logits.max(-1, keepdims=True)
    nats = logits[np.arange(len(logits)), np.asarray(tokens)] - np.log(np.exp(logits).sum(-1))
    return float(nats.sum(dtype=np.float64))


def pick(mass: Floats, top_p: float, uniform: float, total: float | None = None) -> int:
    """A token drawn from the nucleus: the fewest, likeliest tokens that hold `top_p` of the mass.

    `total` is the whole mass, where `mass` holds only the likeliest tokens and at least `top_p` of it.
    """
    total = float(mass.sum()) if total is None else total
    if math.isnan(total):
        return 0  # a broken model: its likelihood is NaN too, so the caller can tell
    tokens = np.flatnonzero(mass) if top_p >= 1 else _nucleus(mass, top_p, total)
    sums = mass[tokens].cumsum(dtype=np.float64)
    return int(tokens[np.searchsorted(sums, uniform * sums[-1])])


def _choose(logits: Floats, temperature: float, top_p: float, uniform: Callable[[], float]) -> tuple[int, float]:
    shifted = logits - logits.max()
    mass = np.exp(shifted)
    total = float(mass.sum())
    if temperature == 0:
        token = int(logits.argmax())
    elif temperature == 1:
        token = pick(mass, top_p, uniform(), total)
    else:
        token = pick(np.exp(shifted / np.float32(temperature)), top_p, uniform())
    return token, float(shifted[token]) - math.log(total)


def _nucleus(mass: Floats, top_p: float, total: float) -> NDArray[Any]:
    """Only tokens above a floor are sorted: the whole vocabulary takes far longer."""
    needed = top_p * total
    # all tokens below the last but one have less mass than may be left out
    for floor in (*(needed * share for share in FLOORS), (total - needed) / len(mass), 0.0):
        tokens = np.flatnonzero(mass >= floor)
        kept = mass[tokens]
        if float(kept.sum()) >= needed:
            break
    likeliest = np.sort(kept)[::-1]
    sums = likeliest.cumsum(dtype=np.float64)
    last = min(int(np.searchsorted(sums, needed)), len(sums) - 1)
    return tokens[kept >= likeliest[last]]
