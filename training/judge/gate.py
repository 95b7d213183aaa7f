"""Whether a model may be promoted: the reasons against it, from the report of its evaluation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from training.judge.report import Report


@dataclass(frozen=True, slots=True)
class Gate:
    """The limits. They keep out broken models; whether a model is good enough to read is for a person to judge."""

    # A model no better than its base has learnt nothing from the tweets, and must not speak for their author.
    beat_base: bool = True
    # Three seeds of one recipe differed by 0.4 % on the sample account, and newer training tweets help a little.
    bits_over_current: float = 0.02  # share
    # Authors repeat themselves, so only copying beyond their own rate counts; from 72 held-out tweets, as the sample
    # account has, that rate is known to three points only.
    copied_over_author: float = 0.05  # share of the samples
    # The screen refuses all of these, but a model that generates them often has memorised the rest too.
    exact_most: float = 0.05
    # The bot drops these: with eight candidates and three tries, one in five does no harm.
    unfinished_most: float = 0.2
    # Share of the author's variety of word triples: with half of it, a model repeats itself all the time.
    distinct_least: float = 0.5
    # The detector's AUC. Shuffled letters have 1.0, the untouched base 0.93 to 0.97 on the sample account.
    told_apart_most: float = 0.99
    # Voice likeness. Of the measured pairs of people most have 0; nine in ten draws of sixteen own tweets have 0.55.
    likeness_least: float = 0.1


def why_not(report: Report, gate: Gate) -> list[str]:
    return [*_prediction(report, gate), *_samples(report, gate)]


def _prediction(report: Report, gate: Gate) -> Iterator[str]:
    bits, base, current = report.bits_per_character, report.base_bits, report.current_bits
    if bits is None:
        return
    figure = f"{bits:.3f} held-out bits per character"
    if not math.isfinite(bits):
        yield f"Its held-out bits per character are {bits}, which is not a number."
    elif gate.beat_base and base is not None and bits >= base:
        yield f"It predicts no better than its base: {figure}, the base {base:.3f}."
    if current is not None and bits > current * (1 + gate.bits_over_current):
        allowed = f"{gate.bits_over_current:.0%} more are allowed"
        yield f"It predicts worse than the current model: {figure}, the current model {current:.3f}; {allowed}."


def _error(share: float, texts: int) -> float:
    """The standard error of a share of so many texts: one copy among few posts proves nothing."""
    return math.sqrt(share * (1 - share) / max(texts, 1))


def _samples(report: Report, gate: Gate) -> Iterator[str]:
    own = report.copied_author or 0.0
    if not report.samples:
        yield "The screen refuses all of its drafts."
    if report.copied - _error(report.copied, report.drafts or report.samples) > own + gate.copied_over_author:
        allowed = f"the author's own rate is {own:.1%}, and {gate.copied_over_author:.0%} above it are allowed"
        yield f"It copies: {report.copied:.1%} of its texts have eight words in a row from a training tweet; {allowed}."
    if report.exact > gate.exact_most:
        yield f"It quotes: {report.exact:.1%} of its texts are training tweets; {gate.exact_most:.0%} are allowed."
    if report.unfinished > gate.unfinished_most:
        yield f"It runs on: {report.unfinished:.1%} of its texts do not end; {gate.unfinished_most:.0%} are allowed."
    variety, least = report.distinct[-1], report.distinct_author[-1] * gate.distinct_least
    if variety < least:
        yield f"It repeats itself: {variety:.2f} of its word triples are distinct; {least:.2f} is the least."
    if report.likeness is not None and report.likeness < gate.likeness_least:
        scale = f"0 is other people's style, 1 the author's; {gate.likeness_least} is the least"
        yield f"It does not sound like the author: its voice likeness is {report.likeness:.2f}; {scale}."
    if report.told_apart is not None and report.told_apart > gate.told_apart_most:
        yield f"It babbles: its detector AUC is {report.told_apart:.3f}; {gate.told_apart_most} is allowed."
