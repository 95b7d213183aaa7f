"""What a set of rules says of one tweet: the text to learn, or the name of the rule that is against it."""

from __future__ import annotations

from typing import NamedTuple


class Verdict(NamedTuple):
    text: str
    rule: str = ""  # the first one that is against it; none: the text is learnt
    note: str = ""  # more, for a person who asks why
