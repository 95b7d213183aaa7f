"""May this model be taken into use? The report of its judgement in, sentences out: none says yes.

It knows numbers only, and neither models nor folders.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from training.judge.report import Report


@dataclass(frozen=True, slots=True)
class Gate:
    """What is asked of a model. It keeps out what is broken; what is merely plain is for a person to judge."""

    # A model that has learnt nothing from the tweets has no business to speak for their author.
    beat_base: bool = True
    # Three seeds of one recipe were 0.4 % apart on the sample account, and newer tweets are worth a little.
    bits_over_current: float = 0.02  # share
    # Authors repeat themselves, so only what they do not do themselves counts; with 72 held-out tweets, as the sample
    # account has, their own share is itself known to three points only.
    copied_over_author: float = 0.05  # share of the samples
    # The screen lets none of these out, but a model that says them often has learnt the rest by heart too.
    exact_most: float = 0.05
    # The bot drops these: with eight candidates and three tries one in five is no loss.
    unfinished_most: float = 0.2
    # Of the author's variety of three words in a row: half is a voice that says the same over and over.
    distinct_least: float = 0.5
    # Shuffled letters are found out always (1.0), the untouched base at 0.93 to 0.97 on the sample account.
    told_apart_most: float = 0.99


def why_not(report: Report, gate: Gate) -> list[str]:
    return [*_foresight(report, gate), *_speech(report, gate)]


def _foresight(report: Report, gate: Gate) -> Iterator[str]:
    bits, base, current = report.bits_per_character, report.base_bits, report.current_bits
    if bits is None:
        return
    told = f"{bits:.3f} bits per character of the held-out tweets"
    if not math.isfinite(bits):
        yield f"It needs {told}, which is no number to go by."
    elif gate.beat_base and base is not None and bits >= base:
        yield f"It foresees no better than its base: {told}, {base:.3f} there."
    if current is not None and bits > current * (1 + gate.bits_over_current):
        more = f"{gate.bits_over_current:.0%} more are allowed"
        yield f"It foresees worse than the model in use: {told}, {current:.3f} there, and {more}."


def _speech(report: Report, gate: Gate) -> Iterator[str]:
    own = report.copied_author or 0.0
    if report.copied > own + gate.copied_over_author:
        allowed = f"the author's own rate is {own:.1%}, and {gate.copied_over_author:.0%} above it are allowed"
        yield f"It copies: {report.copied:.1%} of its texts hold eight words in a row of a learnt tweet; {allowed}."
    if report.exact > gate.exact_most:
        yield f"It quotes: {report.exact:.1%} of its texts are learnt tweets; {gate.exact_most:.0%} are allowed."
    if report.unfinished > gate.unfinished_most:
        yield f"It finds no end in {report.unfinished:.1%} of its texts; {gate.unfinished_most:.0%} are allowed."
    variety, wanted = report.distinct[-1], report.distinct_author[-1] * gate.distinct_least
    if variety < wanted:
        yield f"It repeats itself: {variety:.2f} of its runs of three words are different; {wanted:.2f} are wanted."
    if report.told_apart is not None and report.told_apart > gate.told_apart_most:
        apart = f"with a chance of {report.told_apart:.3f}; {gate.told_apart_most} is allowed"
        yield f"It babbles: a plain classifier tells it from the author {apart}."
