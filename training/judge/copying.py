"""Copying: the share of texts that contain a long run of words of the training texts, or equal one of them.

The same measure is taken of the model's samples and of the author's later tweets, and the gate subtracts one from the
other. The screen (profile/memory.py) judges single drafts, so it differs: it ignores phrases that the person repeats,
and it counts halves of tweets and handles. Here exact runs of eight words count, without an approximate index.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from training.corpus.normalise import normalise
from training.profile.grams import spans, spell, weigh
from training.profile.memory import RUN

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LINK = re.compile(r"(?:https?://|www\.|pic\.twitter\.com/)\S+", re.IGNORECASE)
WORD = re.compile(r"\w+(?:['\u2019]\w+)*")


def share_with_run(texts: Sequence[str], train: Iterable[str]) -> float:
    """The share of `texts` that have a run of `RUN` words in common with one of the training texts."""
    runs = [_runs(text) for text in texts]
    candidates = set[tuple[str, ...]]().union(*runs)
    known: set[tuple[str, ...]] = set()
    for text in train:
        known |= candidates & _runs(text)  # not all runs of the training texts, to save memory
    return sum(not known.isdisjoint(own) for own in runs) / max(len(runs), 1)


def share_exact(texts: Sequence[str], train: Iterable[str]) -> float:
    """The share of `texts` that equal a training text, up to case, spaces and the punctuation around them."""
    known = set(map(normalise, train))
    return sum(normalise(text) in known for text in texts) / max(len(texts), 1)


def words(text: str) -> list[str]:
    """The words of a text, without links, case and punctuation."""
    return WORD.findall(unicodedata.normalize("NFKC", LINK.sub(" ", text)).casefold())


def _runs(text: str) -> set[tuple[str, ...]]:
    own = spell(LINK.sub(" ", text))
    return {tuple(own[begin:end]) for begin, end in spans(own, weigh(own), length=RUN)}
