"""Whose words are they? How many of some texts hold a long run of words out of others, or are one of them.

It knows only texts: the same question is asked of what a model says and of what its author said later. That is why it
is not the screen's (memory.py), though both count words alike. The screen lets pass what the person says over and over,
for it judges one draft; here it counts, in the model's share and in the author's own, which the gate takes off. Nor
do halves of tweets and handles count here: a run of eight is what others count, and needs no index that may be wrong.
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


def share_with_run(texts: Sequence[str], learnt: Iterable[str]) -> float:
    """The share of `texts` that hold `RUN` words in a row which stand so in one of the `learnt`."""
    runs = [_runs(text) for text in texts]
    wanted = set[tuple[str, ...]]().union(*runs)
    known: set[tuple[str, ...]] = set()
    for text in learnt:  # kept small: only the runs that are asked for
        known |= wanted & _runs(text)
    return sum(not known.isdisjoint(own) for own in runs) / max(len(runs), 1)


def share_exact(texts: Sequence[str], learnt: Iterable[str]) -> float:
    """The share of `texts` that are one of the `learnt`, up to case, spaces and the punctuation around them."""
    known = set(map(normalise, learnt))
    return sum(normalise(text) in known for text in texts) / max(len(texts), 1)


def words(text: str) -> list[str]:
    """Without links, case and punctuation."""
    return WORD.findall(unicodedata.normalize("NFKC", LINK.sub(" ", text)).casefold())


def _runs(text: str) -> set[tuple[str, ...]]:
    own = spell(LINK.sub(" ", text))
    return {tuple(own[begin:end]) for begin, end in spans(own, weigh(own), length=RUN)}
