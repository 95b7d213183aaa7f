"""The plots on the card, as PNG: the loss curve, and the lengths of the bot's texts and the person's.

Drawn with Pillow: for two plots, matplotlib with its ten packages and 60 MB is too much.
"""

from __future__ import annotations

import math
from itertools import accumulate
from typing import TYPE_CHECKING

from training.card.picture import png

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from training.learn.finetune import Step

_Ink = tuple[int, int, int]
_Point = tuple[float, float]

SIZE = 1120, 586
_FINE = 2  # scale of the image that is drawn on, since Pillow's lines are not smooth
_LEFT, _TOP, _RIGHT, _BOTTOM = 112, 92, 1062, 492  # the frame of the axes
_PAPER, _INK, _FAINT, _GRID = (255, 255, 255), (40, 48, 58), (96, 110, 124), (226, 232, 238)
_BLUE, _PALE, _ORANGE = (29, 104, 196), (190, 212, 240), (210, 96, 20)
_BINS = 28


def loss_curve(steps: Sequence[Step]) -> bytes:
    """The loss of every step and its running mean; the held-out losses, and the lowest of them."""
    losses = [(float(step.number), step.loss) for step in steps if math.isfinite(step.loss)]
    evaluations = [
        (float(step.number), step.held_out)
        for step in steps
        if step.held_out is not None and math.isfinite(step.held_out)
    ]
    if not losses:
        return _Chart("Loss", "step", (0, 1), (0, 1)).nothing("no steps")
    smooth = list(_running_mean(losses))
    shown = sorted(loss for _, loss in losses)
    seen = [loss for _, loss in smooth + evaluations]
    top = max(*seen, shown[int(0.98 * (len(shown) - 1))])  # a few outliers may be above
    bottom = min(*seen, shown[int(0.02 * (len(shown) - 1))])
    chart = _Chart("Loss (nats per token)", "step", (0, steps[-1].number), _padded(bottom, top))
    chart.line(losses, _PALE, 1.5)
    chart.line(smooth, _BLUE, 4)
    legend = [("training, smoothed", _BLUE)]
    if evaluations:
        best = min(evaluations, key=lambda evaluation: evaluation[1])
        chart.line(evaluations, _ORANGE, 4)
        for evaluation in evaluations:
            chart.dot(evaluation, _ORANGE, 6)
        chart.dot(best, _ORANGE, 12, hollow=True)
        legend.append((f"held out, best {best[1]:.3f} at step {best[0]:.0f}", _ORANGE))
    return chart.finish(legend)


def lengths(person: Sequence[int], bot: Sequence[int]) -> bytes:
    """A histogram of lengths, as shares of each side's texts, since their numbers differ."""
    if not person and not bot:
        return _Chart("Share of texts", "characters", (0, 1), (0, 1)).nothing("no texts")
    everyone = sorted([*person, *bot])
    longest = everyone[int(0.995 * (len(everyone) - 1))]  # one outlier would squeeze all others into a corner
    wide = max(1, math.ceil((longest + 1) / _BINS))
    bins = max(1, math.ceil((longest + 1) / wide))
    shares = [_shares(side, wide, bins) for side in (person, bot)]
    top = max(max(side) for side in shares)
    chart = _Chart("Share of texts (%)", "characters", (0, wide * bins), (0, 1.08 * top or 1))
    if person:
        chart.bars(shares[0], wide, _PALE)
    if bot:
        chart.steps(shares[1], wide, _ORANGE)
    return chart.finish([(f"the person ({len(person):,})", _PALE), (f"the bot ({len(bot):,})", _ORANGE)])


def ticks(low: float, high: float, count: int = 6, *, whole: bool = False) -> list[float]:
    """About `count` round numbers within the bounds."""
    rough = max((high - low) / count, 1.0 if whole else 0.0)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    return [number * step for number in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def _running_mean(points: Sequence[_Point]) -> Iterable[_Point]:
    """The mean over a twentieth of the steps, centred so that it does not lag; the window is halved at the ends."""
    sums = list(accumulate((loss for _, loss in points), initial=0.0))
    near = len(points) // 40
    for place, (step, _) in enumerate(points):
        first, behind = max(0, place - near), min(len(points), place + near + 1)
        yield step, (sums[behind] - sums[first]) / (behind - first)


def _padded(low: float, high: float) -> tuple[float, float]:
    margin = (high - low) * 0.06 or max(abs(high) * 0.1, 0.1)
    return low - margin, high + margin


def _shares(side: Sequence[int], wide: int, bins: int) -> list[float]:
    """Percent of each bin; longer texts count in the last."""
    counts = [0] * bins
    for length in side:
        counts[min(max(length, 0) // wide, bins - 1)] += 1
    return [100 * count / max(1, len(side)) for count in counts]


class _Chart:
    """Axes to draw in; x and y are in the units of the data."""

    def __init__(self, title: str, below: str, across: tuple[float, float], up: tuple[float, float]) -> None:
        from PIL import Image, ImageDraw

        self._image = Image.new("RGB", (SIZE[0] * _FINE, SIZE[1] * _FINE), _PAPER)
        self._painter = ImageDraw.Draw(self._image)
        self._across, self._up = (across[0], max(across[1], across[0] + 1)), up
        self._axes(title, below)

    def line(self, points: Sequence[_Point], ink: _Ink, thick: float) -> None:
        placed = [self._place(point) for point in points]
        if len(placed) == 1:
            self.dot(points[0], ink, round(thick))
        elif placed:
            self._painter.line(placed, fill=ink, width=round(thick * _FINE), joint="curve")

    def dot(self, point: _Point, ink: _Ink, radius: int, *, hollow: bool = False) -> None:
        x, y = self._place(point)
        size = radius * _FINE
        fill = None if hollow else ink
        self._painter.ellipse((x - size, y - size, x + size, y + size), fill=fill, outline=ink, width=3 * _FINE)

    def bars(self, heights: Sequence[float], wide: float, ink: _Ink) -> None:
        for number, height in enumerate(heights):
            if height:
                left, top = self._place((number * wide, height))
                right, bottom = self._place(((number + 1) * wide, 0))
                self._painter.rectangle((left + _FINE, top, right - _FINE, bottom), fill=ink)

    def steps(self, heights: Sequence[float], wide: float, ink: _Ink) -> None:
        """The outline of bars."""
        corners = [(0.0, 0.0)]
        for number, height in enumerate(heights):
            corners += [(number * wide, height), ((number + 1) * wide, height)]
        self.line([*corners, (len(heights) * wide, 0.0)], ink, 4)

    def nothing(self, why: str) -> bytes:
        self._write(((_LEFT + _RIGHT) / 2, (_TOP + _BOTTOM) / 2), why, 34, _FAINT, "mm")
        return self.finish([])

    def finish(self, legend: Sequence[tuple[str, _Ink]]) -> bytes:
        x = float(_RIGHT)
        for words, ink in reversed(legend):
            x -= self._write((x, 52), words, 26, _INK, "rm")
            x -= 14
            self._painter.rectangle([_FINE * edge for edge in (x - 30, 43, x, 61)], fill=ink)
            x -= 60
        return png(self._image.resize(SIZE))

    def _axes(self, title: str, below: str) -> None:
        left, bottom = min(self._across), min(self._up)
        for value, words in _labelled(ticks(*self._up)):
            ends = self._place((left, value)), self._place((self._across[1], value))
            self._painter.line(ends, fill=_GRID, width=2 * _FINE)
            self._write((_LEFT - 14, ends[0][1] / _FINE), words, 26, _FAINT, "rm")
        for value in ticks(*self._across, count=8, whole=True):
            x = self._place((value, bottom))[0] / _FINE
            self._painter.line([_FINE * edge for edge in (x, _BOTTOM, x, _BOTTOM + 8)], fill=_FAINT, width=2 * _FINE)
            self._write((x, _BOTTOM + 14), f"{value:,.0f}", 26, _FAINT, "ma")
        self._painter.line([_FINE * edge for edge in (_LEFT, _BOTTOM, _RIGHT, _BOTTOM)], fill=_FAINT, width=2 * _FINE)
        self._write((24, 52), title, 30, _INK, "lm")
        self._write((_RIGHT, _BOTTOM + 50), below, 26, _INK, "ra")

    def _write(self, at: _Point, words: str, size: int, ink: _Ink, anchor: str) -> float:
        """Draw words in Pillow's own font, so that they look the same on every machine, and return their width."""
        from PIL import ImageFont

        font = ImageFont.load_default(size * _FINE)
        self._painter.text((at[0] * _FINE, at[1] * _FINE), words, fill=ink, font=font, anchor=anchor)
        return self._painter.textlength(words, font=font) / _FINE

    def _place(self, point: _Point) -> _Point:
        """Its position on the fine image; a point beyond the axes is moved to their edge."""
        share_x = (point[0] - self._across[0]) / (self._across[1] - self._across[0])
        share_y = (point[1] - self._up[0]) / (self._up[1] - self._up[0])
        share_x, share_y = min(max(share_x, 0.0), 1.0), min(max(share_y, 0.0), 1.0)
        return (_LEFT + share_x * (_RIGHT - _LEFT)) * _FINE, (_BOTTOM - share_y * (_BOTTOM - _TOP)) * _FINE


def _labelled(values: Sequence[float]) -> list[tuple[float, str]]:
    """Labels with as many decimals as the longest needs."""
    enough = (count for count in range(9) if all(abs(value - round(value, count)) < 1e-9 for value in values))
    decimals = next(enough, 9)
    return [(value, f"{value:,.{decimals}f}") for value in values]
