"""The figures of an evaluated model, what each one means, and their file in its folder. Needs no torch or numpy."""

from __future__ import annotations

import json
from dataclasses import MISSING, asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, NamedTuple

from training.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

FILE = "report.json"  # its name in a model folder
MAIN = (
    *("bits_per_character", "base_bits", "current_bits", "ngram_bits", "copied", "copied_author", "exact"),
    *("overlong", "unfinished", "length_distance", "told_apart", "told_apart_author", "likeness"),
)


@dataclass(frozen=True, slots=True)
class Report:
    """Shares are from 0 to 1. `..._author` is the same figure of the author's own tweets, for comparison.

    None means that there was nothing to measure.
    """

    seed: int
    samples: int  # texts judged
    learnt: int  # training tweets
    held_out: int  # tweets
    # of the held-out tweets, each alone, its end token included
    bits_per_character: float | None
    base_bits: float | None  # of the model before training
    current_bits: float | None  # of the current model
    ngram_bits: float | None  # of n-gram counts, see ngram_floor.py
    copied: float  # have a run of eight words of a training tweet
    copied_author: float | None  # of the held-out tweets, since people repeat themselves
    exact: float  # equal a training tweet
    overlong: float  # more than X's 280
    overlong_author: float
    unfinished: float  # of all drafts: cut off at the limit
    lengths: tuple[int, ...]  # a histogram, see similarity.py
    lengths_author: tuple[int, ...]
    length_distance: float  # characters
    distinct: tuple[float, float, float]  # words, pairs, triples
    distinct_author: tuple[float, float, float]
    told_apart: float | None  # detector AUC of samples against held-out tweets; 0.5 is chance
    told_apart_author: float | None  # of training against held-out tweets: the effect of time alone
    # Older reports have none of these.
    drafts: int | None = None  # texts generated, of which `samples` were chosen as the bot would choose posts
    flaws: tuple[float, float, float] | None = None  # have a non-word, are cut off, repeat a clause
    flaws_author: tuple[float, float, float] | None = None
    likeness: float | None = None  # of the style: 0 as other people write, 1 as the author's held-out tweets

    def figures(self) -> dict[str, float]:
        """The main figures, for the manifest."""
        return {name: value for name in MAIN if (value := getattr(self, name)) is not None}

    def to_json(self) -> bytes:
        return (json.dumps(asdict(self), indent=2, allow_nan=False) + "\n").encode()

    @classmethod
    def from_json(cls, data: bytes) -> Report:
        """Unknown fields are ignored, newer ones may be missing; a ValueError where a value is not of its type."""
        values = json.loads(data)
        try:
            known = [field for field in fields(cls) if field.default is MISSING or field.name in values]
            return cls(**{field.name: _value(values[field.name], field.type) for field in known})
        except (KeyError, TypeError) as error:
            raise ValueError(f"no right value for {error}") from error


class Row(NamedTuple):
    """A figure for people; `beside` is what to compare it with."""

    figure: str
    value: str
    beside: str
    meaning: str


def read(folder: Path) -> Report | None:
    """The report in a model folder; None where the model was never evaluated."""
    path = folder / FILE
    try:
        return Report.from_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} is not a readable report ({error}): `mynah evaluate` writes a new one.") from error


def explained(report: Report) -> list[Row]:
    """Every figure with what it is measured against and how to read it; long, since it is a table."""
    bits = (("base", report.base_bits), ("in use", report.current_bits), ("n-grams", report.ngram_bits))
    beside = ", ".join(f"{name} {value:.3f}" for name, value in bits if value is not None)
    return [
        Row(
            "bits per character",
            "" if report.bits_per_character is None else f"{report.bits_per_character:.3f}",
            beside,
            f"on {report.held_out:,} held-out tweets; lower is better",
        ),
        Row(
            "copied runs",
            _share(report.copied),
            _author(_share(report.copied_author)),
            "of all drafts have eight words in a row from a training tweet; fine up to the author's own rate",
        ),
        Row(
            "copied whole",
            _share(report.exact),
            "",
            "of all drafts equal a training tweet; the screen refuses them",
        ),
        Row("over 280", _share(report.overlong), _author(_share(report.overlong_author)), "are too long for X"),
        Row("never end", _share(report.unfinished), "", "of all drafts; they were cut off, and the bot drops them"),
        Row(
            "non-words, cut off, repeats",
            "" if report.flaws is None else ", ".join(map(_share, report.flaws)),
            "" if report.flaws_author is None else _author(", ".join(map(_share, report.flaws_author))),
            "have a word that neither the author nor the tokenizer knows, end in mid-sentence, repeat a clause",
        ),
        Row(
            "lengths apart",
            f"{report.length_distance:.0f} characters",
            "",
            "how much its lengths differ from the author's; 0 is the same distribution",
        ),
        Row(
            "distinct words, pairs, threes",
            _shares(report.distinct),
            _author(_shares(report.distinct_author)),
            "its variety; far below the author's, it repeats itself",
        ),
        Row(
            "voice likeness",
            _number(report.likeness),
            "" if report.likeness is None else "author 1.00, other people 0.00",
            "its style, whatever the topic, against the author's: function words, punctuation, capitals, lengths",
        ),
        Row(
            "told apart",
            _number(report.told_apart),
            _author(_number(report.told_apart_author)),
            "how often a program tells its text from one of the author's newest tweets: 0.50 is guessing, "
            "1.00 is always; author: the same for the author's own older tweets, the best that a model can reach",
        ),
    ]


def _value(value: Any, kind: Any) -> Any:
    """JSON has no tuples; everything else is a number or null."""
    if kind == "tuple[int, ...]":
        return tuple(int(part) for part in value)
    if value is None and "None" in kind:
        return None
    if kind.startswith("tuple[float"):
        one, two, three = map(float, value)
        return one, two, three
    return int(value) if kind.startswith("int") else float(value)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _share(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"


def _shares(shares: tuple[float, ...]) -> str:
    return ", ".join(f"{share:.2f}" for share in shares)


def _author(value: str) -> str:
    return f"author {value}" if value else ""
