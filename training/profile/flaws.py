"""What a reader stumbles over in a text, found by its form alone: a repeated clause, an end in mid-sentence."""

from __future__ import annotations

import re

CLAUSE, RUN = 3, 5  # words: as short a clause, or as short a run of words, counts when it comes twice
WORD = re.compile(r"\w+(?:['\u2019-]\w+)*")
BREAK = re.compile(r"[.!?,;:\u2026\u2014()\n]+|\s[-\u2013]+\s")
# A text that ends with one of these is cut off; "to", "for" and "with" do end English sentences.
HANGING = frozenset(
    ("a", "an", "and", "because", "but", "every", "if", "my", "nor", "of", "or", "our", "than", "the", "their", "your")
)
OPEN_END = re.compile(r"(?:[,;([{&+/=\u2013\u2014-]|\s[\"\u201c])\s*$")


def is_cut_off(text: str) -> bool:
    """Whether the text ends with a mark or a word after which more must follow."""
    words = WORD.findall(text)
    ends_with_word = bool(words) and text.rstrip().endswith(words[-1])
    return OPEN_END.search(text) is not None or (ends_with_word and words[-1].casefold() in HANGING)


def repeats_clause(text: str) -> bool:
    """Whether a clause, or a run of words, comes twice."""
    clauses = [tuple(WORD.findall(part.casefold())) for part in BREAK.split(text)]
    long = [clause for clause in clauses if len(clause) >= CLAUSE]
    words = WORD.findall(text.casefold())
    runs = [tuple(words[at : at + RUN]) for at in range(len(words) - RUN + 1)]
    return len(set(long)) < len(long) or len(set(runs)) < len(runs)
