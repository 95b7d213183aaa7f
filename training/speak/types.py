"""Sampled texts and how they are sampled, whatever engine computes them. Loads no model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from training.models.model_dir import MAX_NEW_TOKENS

if TYPE_CHECKING:
    from collections.abc import Callable


RUN = 8  # tokens: a phrase. LOG: 2026-11-30, sense


@dataclass(frozen=True, slots=True)
class Sample:
    """One text, the prompt included."""

    text: str
    likelihood: float  # mean log-likelihood per new token in nats, the end included, before any filter
    finished: bool  # the model ended it; False: cut off at a limit
    weakest: float | None = None  # the least mean log-likelihood of RUN tokens in a row; None if it was not measured


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are drawn, and when a text ends besides at the end token."""

    temperature: float = 1.0  # 0 takes the likeliest token each time
    top_p: float = 0.95
    max_tokens: int = MAX_NEW_TOKENS
    one_line: bool = False  # the first line break ends a text
    no_mentions: bool = False  # a token that would begin a mention of somebody is drawn again
    # Says of an unfinished text whether it is too long already: it is then cut off. Checked every few tokens; a text
    # that is too long must stay so whatever is added.
    too_long: Callable[[str], bool] | None = None
