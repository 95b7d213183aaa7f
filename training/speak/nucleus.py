"""Which token comes next after each row of logits, and how likely it was: in numpy, for an engine without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

FIRST = 1e-3  # of the wanted mass: at most a thousand tokens have as much, and mostly they are all that is looked at


def choose(
    logits: Floats, temperature: float, top_p: float, dice: Sequence[Callable[[], float]]
) -> list[tuple[int, float]]:
    """The token of each row, and its log-likelihood before any filter. A die falls evenly in (0, 1]."""
    logits -= logits.max(-1, keepdims=True)
    mass = np.exp(logits)
    whole = np.log(mass.sum(-1))
    if temperature == 0:
        tokens = logits.argmax(-1).tolist()
    else:
        if temperature != 1:
            mass = np.exp(logits / np.float32(temperature))
        tokens = [_pick(row, top_p, die()) for row, die in zip(mass, dice, strict=True)]
    gains = logits[np.arange(len(logits)), tokens] - whole
    return list(zip(tokens, gains.tolist(), strict=True))


def likelihoods(logits: Floats, tokens: Sequence[int]) -> float:
    """The sum over the rows of how likely the token was, in nats."""
    logits = logits - logits.max(-1, keepdims=True)
    gains = logits[np.arange(len(logits)), np.asarray(tokens)] - np.log(np.exp(logits).sum(-1))
    return float(gains.sum(dtype=np.float64))


def _pick(mass: Floats, top_p: float, die: float) -> int:
    """From the fewest tokens, the likeliest, that have `top_p` of the mass."""
    tokens = np.flatnonzero(mass) if top_p >= 1 else _nucleus(mass, top_p)
    sums = mass[tokens].cumsum(dtype=np.float64)
    return int(tokens[np.searchsorted(sums, die * sums[-1])])


def _nucleus(mass: Floats, top_p: float) -> NDArray[Any]:
    whole = float(mass.sum(dtype=np.float64))
    wanted = top_p * whole
    for floor in (wanted * FIRST, (whole - wanted) / len(mass), 0.0):  # sorting the whole vocabulary takes far longer
        tokens = np.flatnonzero(mass >= floor)
        likeliest = np.sort(mass[tokens])[::-1]
        sums = likeliest.cumsum(dtype=np.float64)
        if len(sums) and sums[-1] >= wanted:  # what is below the second floor has too little mass to be missed
            break
    last = min(int(np.searchsorted(sums, wanted)), len(sums) - 1)
    return tokens[mass[tokens] >= likeliest[last]]
