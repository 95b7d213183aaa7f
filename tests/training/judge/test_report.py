from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.training.reports import GOOD
from training.errors import ModelError
from training.judge import report as judgement
from training.judge.report import Report, explained

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "report",
    [GOOD, replace(GOOD, bits_per_character=None, copied_author=None, told_apart=None)],
    ids=["full", "little known"],
)
def test_a_report_reads_back_as_written(report: Report, tmp_path: Path) -> None:
    (tmp_path / judgement.FILE).write_bytes(report.to_json())

    assert judgement.read(tmp_path) == report


def test_a_report_from_before_voice_likeness_still_opens() -> None:
    content = json.loads(GOOD.to_json())
    del content["likeness"]

    assert Report.from_json(json.dumps(content).encode()) == replace(GOOD, likeness=None)


def test_keys_of_newer_programs_are_ignored() -> None:
    content = json.loads(GOOD.to_json()) | {"charm": 11}

    assert Report.from_json(json.dumps(content).encode()) == GOOD


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"3",
        b"{}",
        b"\xff",
        GOOD.to_json().replace(b'"samples": 256', b'"samples": "many"'),
        GOOD.to_json().replace(b"0.95", b"[]"),
    ],
)
def test_a_damaged_report_is_an_error(content: bytes, tmp_path: Path) -> None:
    (tmp_path / judgement.FILE).write_bytes(content)

    with pytest.raises(ModelError, match=r"report\.json is not a readable report .* `mynah evaluate`"):
        judgement.read(tmp_path)


def test_a_model_without_an_evaluation_has_no_report(tmp_path: Path) -> None:
    assert judgement.read(tmp_path) is None


def test_figures_are_numbers_without_what_is_unknown() -> None:
    figures = replace(GOOD, current_bits=None).figures()

    assert figures["bits_per_character"] == GOOD.bits_per_character
    assert "current_bits" not in figures
    assert all(isinstance(value, float) for value in figures.values())


@pytest.mark.parametrize("report", [GOOD, replace(GOOD, bits_per_character=None, copied_author=None, told_apart=None)])
def test_every_figure_is_explained(report: Report) -> None:
    rows = explained(report)

    assert len(rows) == 10
    assert all(row.meaning for row in rows)


def test_the_detector_stands_beside_its_ceiling() -> None:
    row = next(row for row in explained(GOOD) if row.figure == "told apart")

    assert (row.value, row.beside) == ("0.60", "author 0.51")


def test_the_copies_stand_beside_the_authors_own() -> None:
    row = next(row for row in explained(GOOD) if row.figure == "copied runs")

    assert (row.value, row.beside) == ("1.0%", "author 2.0%")
