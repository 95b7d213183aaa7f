"""In any order of imports: no duplicates, and a repeated import changes nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.holding import THEN, some, tweet
from training.library.merge import Kept, fingerprint, merge
from training.sources.edits import last_versions

if TYPE_CHECKING:
    from training.sources.archive import Archive
    from training.sources.tweets import Tweet

TEXTS = st.sampled_from(["caw", "caw &amp; coo", "caw & coo", "a long thought that is…", "a long thought that is cut"])
NUMBERS = st.integers(1, 6)
# 3 and 5 are later versions of 1, 6 is one of 4. An archive names the first at least, a table names none.
HISTORIES = {3: [(), ("1",)], 5: [(), ("1",), ("1", "3")], 6: [(), ("4",)]}
KINDS = st.sampled_from(["original", "reply"])


@st.composite
def tweets(draw: st.DrawFn) -> Tweet:
    number = draw(NUMBERS)
    row = tweet(number, draw(TEXTS), kind=draw(KINDS), edits=draw(st.sampled_from(HISTORIES.get(number, [()]))))
    if draw(st.booleans()):
        row = replace(row, at=None)
    return replace(row, id="", edits=()) if draw(st.booleans()) else row


@st.composite
def archives(draw: st.DrawFn) -> Archive:
    reaches = THEN + timedelta(days=draw(NUMBERS)) if draw(st.booleans()) else None
    return some(*last_versions(draw(st.lists(tweets(), max_size=5))), reaches=reaches)


def add(rows: dict[int, Kept], archive: Archive) -> tuple[int, int]:
    """Merge as library.py does; return the numbers of new and updated tweets."""
    changes = merge(rows.values(), archive, covered=None)
    for number in changes.replaced:
        del rows[number]
    for row in changes.updated:
        rows[row.number] = row
    for number in changes.confirmed:
        rows[number] = replace(rows[number], archived=True)
    for new in [*changes.new, *changes.missed]:
        number = max(rows, default=0) + 1
        rows[number] = Kept(number, new, archived=archive.reaches is not None)
    assert len(archive.tweets) == len(changes.new) + len(changes.missed) + len(changes.updated) + changes.there
    return len(changes.new), len(changes.updated)


@settings(max_examples=100, deadline=None)
@given(st.lists(archives(), min_size=1, max_size=4))
def test_merging_the_same_again_changes_nothing_and_makes_no_duplicate(imports: list[Archive]) -> None:
    rows: dict[int, Kept] = {}
    for archive in imports:
        add(rows, archive)

        assert add(rows, archive) == (0, 0)

    ids = [row.tweet.id for row in rows.values() if row.tweet.id]
    assert len(set(ids)) == len(ids)
    assert not {earlier for row in rows.values() for earlier in row.tweet.edits} & set(ids)


@settings(max_examples=100, deadline=None)
@given(st.lists(archives(), min_size=1, max_size=4))
def test_a_text_without_an_id_is_kept_as_often_as_in_any_one_source(imports: list[Archive]) -> None:
    rows: dict[int, Kept] = {}
    for archive in imports:
        add(rows, archive)
        lines = [fingerprint(tweet.text) for tweet in archive.tweets if not tweet.id]
        there = [fingerprint(row.tweet.text) for row in rows.values()]

        assert all(there.count(line) >= lines.count(line) for line in lines)


def test_a_character_reference_of_5000_digits_is_replaced() -> None:
    assert fingerprint(f"a &#{'9' * 5000}; &#9731;") == "a \ufffd \u2603"
