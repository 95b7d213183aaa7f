"""Reading a hostile archive takes steps in proportion to its size, which are counted here instead of timed."""

from __future__ import annotations

import json
import sys
import zipfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from bot.screen import privacy
from training.errors import SourceError
from training.sources import note_tweets, recognise, records
from training.sources.note_tweets import Note, join
from training.sources.tweets import Tweet

if TYPE_CHECKING:
    from pathlib import Path

AT = datetime(2024, 3, 13, 10, tzinfo=UTC)


def calls(count: int, text: str) -> int:
    """How often two texts are compared when that many notes and tweets of one second are joined."""
    tweets = [Tweet(str(number), "magpie", f"{text}\u2026", AT) for number in range(count)]
    compared = 0

    def count_calls(frame: object, event: str, _: object) -> None:
        nonlocal compared
        code = getattr(frame, "f_code", None)
        compared += event == "call" and code is note_tweets._agreement.__code__

    sys.setprofile(count_calls)
    try:
        whole, lost = join(tweets, [Note(AT, f"{text} and more")] * count)
    finally:
        sys.setprofile(None)
    assert lost == 0
    assert {tweet.text for tweet in whole} == {f"{text} and more"}
    return compared


@pytest.mark.parametrize("text", ["It is a long story, " * 9, "Short"])
def test_many_long_texts_of_one_second_are_joined_in_proportion(text: str) -> None:
    assert calls(400, text) <= 5 * calls(100, text)


@pytest.mark.parametrize("text", ["a." * 40_000, "a-" * 40_000, "eyJ-" * 20_000, "rue" + " " * 80_000, ":" * 80_000])
def test_no_pattern_of_private_data_hangs_on_a_long_text(text: str) -> None:
    assert privacy.why_not(text) is None  # took minutes


def test_a_file_of_too_many_records_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "MOST", 3)
    tweets = [{"tweet": {"id_str": str(10**17 + number), "full_text": "a"}} for number in range(4)]
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("data/tweets.js", f"window.YTD.tweets.part0 = {json.dumps(tweets)}")
    (tmp_path / "a.json").write_text(json.dumps([tweet["tweet"] for tweet in tweets]))
    (tmp_path / "a.csv").write_text("text\n" + "a\n" * 4)
    (tmp_path / "a.txt").write_text("a\n" * 4)

    for name in ("a.zip", "a.json", "a.csv", "a.txt"):
        with pytest.raises(SourceError, match=r"holds more than 3 records: give it in parts"):
            recognise.read(tmp_path / name, "magpie")
