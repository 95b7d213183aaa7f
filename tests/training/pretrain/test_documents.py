from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from training.models.base_model import train_tokenizer
from training.pretrain.documents import Documents, lines_of, write_tokens
from training.recipe import Shape

if TYPE_CHECKING:
    from pathlib import Path

LINES = ("A crumb.", "Rain ☔ on the roof.", "", 'He said "<|endoftext|>" aloud.', "x" * 90)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return train_tokenizer(LINES, Shape(vocabulary=257, context=64))


@pytest.fixture
def token_file(tmp_path: Path, tokenizer: Any) -> Path:
    text = tmp_path / "lines.txt"
    text.write_text("".join(f"{line}\n" for line in LINES), encoding="utf-8")
    write_tokens(tokenizer, text, tmp_path / "lines.tokens")
    return tmp_path / "lines.tokens"


def test_every_line_is_a_document_between_two_end_tokens(token_file: Path, tokenizer: Any) -> None:
    documents = Documents([token_file], end=0, context=200, seed=0)

    rows, _ = documents.take(0, sum(map(len, LINES)))

    assert all(row[0] == row[-1] == 0 and 0 not in row[1:-1] for row in rows)
    assert {tokenizer.decode(row[1:-1]) for row in rows} == set(LINES) - {""}


def test_a_document_longer_than_the_context_is_cut_and_has_no_end(token_file: Path) -> None:
    documents = Documents([token_file], end=0, context=20, seed=0)

    rows, _ = documents.take(0, 70)

    assert max(map(len, rows)) == 21
    assert all(row[-1] != 0 for row in rows if len(row) == 21)


def test_where_two_files_meet_nothing_is_read(token_file: Path) -> None:
    documents = Documents([token_file, token_file], end=0, context=200, seed=0)

    assert len(documents) == 2 * (len(LINES) - 1)


def test_each_time_round_every_document_comes_once_in_another_order(token_file: Path) -> None:
    documents = Documents([token_file], end=0, context=200, seed=3)
    one_at_a_time = [documents.take(position, 1)[0][0] for position in range(12)]

    turns = [tuple(map(tuple, one_at_a_time[begin : begin + 4])) for begin in (0, 4, 8)]

    assert len({frozenset(turn) for turn in turns}) == 1
    assert len(set(turns)) > 1


def test_reading_continues_where_it_stopped(token_file: Path) -> None:
    whole, _ = Documents([token_file], end=0, context=200, seed=0).take(0, 400)
    documents = Documents([token_file], end=0, context=200, seed=0)

    first, position = documents.take(0, 100)
    second, _ = documents.take(position, 300)

    assert (first + second)[: len(whole)] == whole[: len(first + second)]
    assert position == len(first)


def test_token_files_are_written_once(token_file: Path, tokenizer: Any) -> None:
    before = token_file.stat().st_mtime_ns

    write_tokens(tokenizer, token_file.with_name("no such file"), token_file)

    assert token_file.stat().st_mtime_ns == before


def test_a_sample_is_every_nth_line_of_each_file(token_file: Path) -> None:
    text = token_file.with_suffix(".txt")

    assert list(lines_of([text, text], every=3)) == [LINES[0], LINES[3]] * 2
