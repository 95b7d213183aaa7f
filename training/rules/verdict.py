"""The verdict of a set of rules on one tweet: its training text, or the name of the rule that drops it."""

from __future__ import annotations

from typing import NamedTuple


class Verdict(NamedTuple):
    text: str
    rule: str = ""  # the first rule that drops it; empty: it is kept
    note: str = ""  # details for display
