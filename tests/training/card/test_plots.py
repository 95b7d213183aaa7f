from __future__ import annotations

import io
import math

import pytest
from PIL import Image

from training.card.plots import SIZE, lengths, loss_curve, ticks
from training.learn.finetune import Step

ORANGE = (210, 96, 20)


def falling(count: int, *, evaluations: int = 0) -> list[Step]:
    evaluated = range(0, count + 1, count // evaluations) if evaluations else ()
    return [
        Step(
            number=number,
            of=count,
            loss=2 + math.exp(-number / 40) + 0.1 * math.sin(number * 7),
            tokens=100,
            held_out=2.5 + abs(number - count / 2) / count if number in evaluated else None,
        )
        for number in range(1, count + 1)
    ]


def image(data: bytes) -> Image.Image:
    opened = Image.open(io.BytesIO(data))
    assert opened.format == "PNG"
    assert opened.size == SIZE
    return opened.convert("RGB")


def count(data: bytes, ink: tuple[int, int, int]) -> int:
    return sum(number for number, colour in image(data).getcolors(1_000_000) or () if colour == ink)


@pytest.mark.parametrize(
    "losses",
    [[], [3.0], [3.0, 3.0], [0.0], [math.nan], [3.0, math.nan, math.inf, 2.0], [1e-9, 2e-9], [1e9, 1e-9], [-1.0, -2.0]],
    ids=str,
)
def test_any_losses_give_a_picture(losses: list[float]) -> None:
    steps = [Step(number, len(losses), loss, 1, held_out=loss) for number, loss in enumerate(losses, 1)]

    image(loss_curve(steps))


def test_the_held_out_losses_and_the_best_of_them_are_marked() -> None:
    without = count(loss_curve(falling(100)), ORANGE)
    with_evaluations = count(loss_curve(falling(100, evaluations=5)), ORANGE)

    assert without == 0
    assert with_evaluations > 500


def test_a_long_training_is_a_picture_too() -> None:
    image(loss_curve(falling(5_000, evaluations=10)))


@pytest.mark.parametrize(
    ("person", "bot"),
    [
        ([], []),
        ([5], []),
        ([], [5]),
        ([0], [0]),
        ([140] * 50, [141] * 2),
        (range(280), range(0, 280, 3)),
        ([10] * 999, [10**9]),
    ],
    ids=["nobody", "no bot", "no person", "empty texts", "all alike", "even", "a giant"],
)
def test_any_lengths_give_a_picture(person: list[int], bot: list[int]) -> None:
    image(lengths(person, bot))


def test_twice_the_bots_texts_draw_the_same_line() -> None:
    one = image(lengths([10, 20, 30], [10, 20, 20]))
    two = image(lengths([10, 20, 30], [10, 20, 20] * 2))
    legend = (0, 70, *SIZE)

    assert one.crop(legend).tobytes() == two.crop(legend).tobytes()


@pytest.mark.parametrize(
    ("low", "high", "marks"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0, 330, [0, 100, 200, 300]),
        (1.9, 4.1, [2.0, 2.5, 3.0, 3.5, 4.0]),
        (-1, 1, [-1.0, -0.5, 0.0, 0.5, 1.0]),
        (0.4801, 0.4999, [0.485, 0.49, 0.495]),
    ],
)
def test_ticks_are_round_and_within(low: float, high: float, marks: list[float]) -> None:
    assert ticks(low, high) == pytest.approx(marks)


def test_steps_are_counted_in_whole_numbers() -> None:
    assert ticks(0, 2, whole=True) == [0, 1, 2]
