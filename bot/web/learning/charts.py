"""Charts as points of an SVG, which templates draw in the colours of the page. The labels are HTML, so that they scale.

The area is 1000 by 300 units, whatever its size on the screen.
"""

from __future__ import annotations

import math
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WIDE, HIGH = 1000.0, 300.0
BIN = 20  # characters, as in a report


class Curve(NamedTuple):
    """A loss curve; lines are values of `points`."""

    losses: str
    smooth: str
    held_out: str
    dots: list[tuple[float, float]]
    best: float | None
    low: str
    high: str
    last: int  # the number of the last step on the axis


class Bars(NamedTuple):
    """Two histograms: (x, y, width, height) of the person's bars, and a line for the bot."""

    person: list[tuple[float, float, float, float]]
    bot: str
    top: str  # the share at the top of the axis
    longest: str


def loss_curve(steps: Sequence[Mapping[str, Any]], of: int = 0) -> Curve | None:
    """`steps` have number, loss and held_out; `of` is the number of the last step to come."""
    losses = [(float(step["number"]), float(step["loss"])) for step in steps if math.isfinite(step["loss"])]
    if len(losses) < 2:
        return None
    looks = [
        (float(step["number"]), float(step["held_out"]))
        for step in steps
        if step["held_out"] is not None and math.isfinite(step["held_out"])
    ]
    smooth = _running_mean(losses)
    shown = sorted(loss for _, loss in losses)
    seen = [loss for _, loss in (*smooth, *looks)]
    high = max(*seen, shown[int(0.98 * (len(shown) - 1))])  # a few outliers may be above
    low = min(*seen, shown[int(0.02 * (len(shown) - 1))])
    margin = (high - low) * 0.06 or 0.1
    low, high = low - margin, high + margin
    last = max(of, int(losses[-1][0]))

    def place(point: tuple[float, float]) -> tuple[float, float]:
        share = min(max((point[1] - low) / (high - low), 0.0), 1.0)
        return round(point[0] / last * WIDE, 1), round((1 - share) * HIGH, 1)

    return Curve(
        _points(map(place, _thinned(losses))),
        _points(map(place, _thinned(smooth))),
        _points(map(place, looks)),
        [place(look) for look in looks],
        min((loss for _, loss in looks), default=None),
        f"{low:.2f}",
        f"{high:.2f}",
        last,
    )


def length_bars(person: Sequence[int], bot: Sequence[int]) -> Bars | None:
    """Both are counts of texts of 0 to 19 characters, 20 to 39, and so on."""
    if not sum(person) or not sum(bot):
        return None
    both = [[count / sum(side) for count in side] for side in (person, bot)]
    top = max(max(side) for side in both) * 1.08
    wide = WIDE / len(person)
    bars = [
        (
            round(number * wide + 1, 1),
            round(HIGH * (1 - share / top), 1),
            round(wide - 2, 1),
            round(HIGH * share / top, 1),
        )
        for number, share in enumerate(both[0])
    ]
    line = [
        (round(x, 1), round(HIGH * (1 - share / top), 1))
        for number, share in enumerate(both[1])
        for x in (number * wide, (number + 1) * wide)
    ]
    return Bars(bars, _points(line), f"{top:.0%}", f"{BIN * (len(person) - 1)}+")


def _points(points: Any) -> str:
    return " ".join(f"{x},{y}" for x, y in points)


def _thinned(points: Sequence[tuple[float, float]], most: int = 600) -> Sequence[tuple[float, float]]:
    step = math.ceil(len(points) / most)
    return points if step < 2 else [*points[::step], points[-1]]


def _running_mean(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Over a twentieth of the steps, centred; the window is halved at the ends."""
    sums = list(accumulate((loss for _, loss in points), initial=0.0))
    near = len(points) // 40
    means = []
    for place, (step, _) in enumerate(points):
        first, behind = max(0, place - near), min(len(points), place + near + 1)
        means.append((step, (sums[behind] - sums[first]) / (behind - first)))
    return means
