"""What is known of a model once it has been judged: the figures, what each one means, and their file in its folder.

It knows no model and no texts, and needs neither torch nor numpy.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, NamedTuple

from training.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

FILE = "report.json"  # its name in a model folder
MAIN = (
    *("bits_per_character", "base_bits", "current_bits", "ngram_bits", "copied", "copied_author", "exact"),
    *("overlong", "unfinished", "length_distance", "told_apart", "told_apart_author"),
)


@dataclass(frozen=True, slots=True)
class Report:
    """Shares are from 0 to 1. What ends in `_author` is the same figure of the author's own tweets, to compare with.

    None stands where there was nothing to measure, or nothing to compare with.
    """

    seed: int
    samples: int  # texts that the model said
    learnt: int  # tweets
    held_out: int  # tweets
    # of the held-out tweets, each alone, from its start, its end included
    bits_per_character: float | None
    base_bits: float | None  # of the model that it began as
    current_bits: float | None  # of the model in use meanwhile
    ngram_bits: float | None  # of mere counts, see ngram_floor.py
    copied: float  # hold a run of eight words of the learnt tweets
    copied_author: float | None  # so do held-out tweets, since people repeat themselves
    exact: float  # are a learnt tweet
    overlong: float  # more than X's 280
    overlong_author: float
    unfinished: float  # had no end by the limit
    lengths: tuple[int, ...]  # a histogram, see similarity.py
    lengths_author: tuple[int, ...]
    length_distance: float  # characters
    distinct: tuple[float, float, float]  # words, pairs, threes
    distinct_author: tuple[float, float, float]
    told_apart: float | None  # samples from held-out tweets; 0.5 is a coin's chance
    told_apart_author: float | None  # learnt tweets from held-out ones: what time alone has changed

    def figures(self) -> dict[str, float]:
        """The main ones, as the manifest keeps them."""
        return {name: value for name in MAIN if (value := getattr(self, name)) is not None}

    def to_json(self) -> bytes:
        return (json.dumps(asdict(self), indent=2, allow_nan=False) + "\n").encode()

    @classmethod
    def from_json(cls, data: bytes) -> Report:
        """What newer programs add is passed over; a ValueError where something is missing or is no number."""
        said = json.loads(data)
        try:
            return cls(**{field.name: _value(said[field.name], field.type) for field in fields(cls)})
        except (KeyError, TypeError) as error:
            raise ValueError(f"no right value for {error}") from error


class Row(NamedTuple):
    """A figure as a person reads it; `beside` is what to compare it with."""

    figure: str
    value: str
    beside: str
    meaning: str


def read(folder: Path) -> Report | None:
    """The report in a model folder; None where the model was never judged."""
    path = folder / FILE
    try:
        return Report.from_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} is no readable report ({error}): `mynah evaluate` judges the model again.") from error


def explained(report: Report) -> list[Row]:
    """Every figure with what it is measured against and how to read it."""
    bits = (("base", report.base_bits), ("in use", report.current_bits), ("n-grams", report.ngram_bits))
    beside = ", ".join(f"{name} {value:.3f}" for name, value in bits if value is not None)
    return [
        Row(
            "bits per character",
            "" if report.bits_per_character is None else f"{report.bits_per_character:.3f}",
            beside,
            f"how well it foresees {report.held_out:,} tweets that it has not learnt; lower is better",
        ),
        Row(
            "copied runs",
            _share(report.copied),
            _author(_share(report.copied_author)),
            "hold eight words in a row of the learnt tweets; no more than the author's own newest tweets is no worry",
        ),
        Row("copied whole", _share(report.exact), "", "are a learnt tweet; the screen lets none of them out"),
        Row("over 280", _share(report.overlong), _author(_share(report.overlong_author)), "are too long for X"),
        Row("never end", _share(report.unfinished), "", "run on until they are cut off; the bot drops them"),
        Row(
            "lengths apart",
            f"{report.length_distance:.0f} characters",
            "",
            "by how much its lengths differ from the author's; 0 is the same mixture of short and long",
        ),
        Row(
            "distinct words, pairs, threes",
            _shares(report.distinct),
            _author(_shares(report.distinct_author)),
            "how varied it is; far below the author means that it says the same again and again",
        ),
        Row(
            "told apart",
            "" if report.told_apart is None else f"{report.told_apart:.2f}",
            "" if report.told_apart_author is None else _author(f"{report.told_apart_author:.2f}"),
            "how easily a plain classifier tells it from the author's newest tweets: 0.5 not at all, 1 always; "
            "beside it, how easily the author's older tweets",
        ),
    ]


def _value(said: Any, kind: Any) -> Any:
    """JSON knows no tuples; everything else is a number or null."""
    if kind == "tuple[int, ...]":
        return tuple(int(part) for part in said)
    if kind == "tuple[float, float, float]":
        one, two, three = map(float, said)
        return one, two, three
    if said is None and "None" in kind:
        return None
    return int(said) if kind == "int" else float(said)


def _share(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"


def _shares(shares: tuple[float, ...]) -> str:
    return ", ".join(f"{share:.2f}" for share in shares)


def _author(value: str) -> str:
    return f"author {value}" if value else ""
