"""Hostile input of any form yields a value or one of our errors.

Mutated valid documents go through the fuzz targets (test_fuzz_targets.py); with atheris, `make fuzz` goes much further.
Arbitrary values are tried here and in the tests of single entry points: test_archive_file.py of training,
test_responses.py, test_payloads.py, test_config.py.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.config import load
from bot.config.settings import Settings
from bot.errors import ConfigError, MynahError, StoreError
from bot.history import refusals
from bot.history.store import Store
from bot.values import Draft, Reason, Slot
from training.errors import LibraryError
from training.library.library import Library
from training.sources.archive import Archive
from training.sources.tweets import Tweet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TEXT = st.text(st.characters(), max_size=40)  # with NUL, lone surrogates and everything else that a str can hold
TIMES = st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001
NUMBERS = st.integers() | st.integers(-5, 5)
KEYS = sorted(
    f"{section}.{key}"
    for section, field in Settings.model_fields.items()
    if hasattr(field.annotation, "model_fields")
    for key in field.annotation.model_fields  # type: ignore[union-attr]
)
LEAVES = st.none() | st.booleans() | NUMBERS | st.floats() | TEXT | st.sampled_from(["0s", "9999d", "25:00", "@x", "~"])
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@pytest.fixture(scope="module")
def store(folder: Path) -> Iterator[Store]:
    with Store.open(folder / "history.db") as store:
        yield store


@settings(max_examples=200, deadline=None)
@given(changes=st.dictionaries(st.sampled_from(KEYS), VALUES, min_size=1, max_size=3))
def test_any_value_for_any_key_gives_settings_or_our_error(changes: dict[str, Any]) -> None:
    flags: dict[str, Any] = {}
    for key, value in changes.items():
        section, name = key.split(".")
        flags.setdefault(section, {})[name] = value
    try:
        loaded = load.load(None, flags)
    except ConfigError as error:
        message = str(error)
    else:
        message = ""
        assert loaded.rows()

    assert "Traceback" not in message


@settings(max_examples=200, deadline=None)
@given(text=TEXT, key=TEXT, norm=TEXT, number=NUMBERS, likelihood=st.floats(), at=TIMES, state=TEXT, x_id=TEXT)
def test_any_value_for_the_history_is_stored_or_refused_with_a_message(
    store: Store, text: str, key: str, norm: str, number: int, likelihood: float, at: datetime, state: str, x_id: str
) -> None:
    slot, draft = Slot(key, at), Draft(text, key, number, likelihood)
    before = store.rows("SELECT count(*) AS n FROM post")[0]["n"]
    try:
        post = store.add_draft(draft, slot=slot, norm=norm, length=number, dry=False, model=key, at=at)
    except StoreError:
        assert store.rows("SELECT count(*) AS n FROM post")[0]["n"] == before
    else:
        assert (store.post(post).text, store.post(post).slot) == (text, key)
        with pytest.raises(StoreError):
            store.move(post, state, at=at, x_id=x_id)
    for call in (
        lambda: store.keep_meta(key, text),
        lambda: store.meta(key),
        lambda: store.said(norm, dry=False),
        lambda: store.has_x_id(x_id),
        lambda: store.slot_outcome(key, dry=True),
        lambda: refusals.add(store, [(draft, Reason(key, text))], slot=slot, dry=True, model=key, at=at),
    ):
        try:
            call()
        except MynahError as error:
            assert "Traceback" not in str(error)  # noqa: PT017  either is an answer
    assert not store._db.conn.in_transaction


@settings(max_examples=200, deadline=None)
@given(
    author=st.text(),  # every source lets only whole characters through
    tweets=st.lists(st.tuples(st.text(), st.text(), st.none() | TIMES, st.text(), st.text()), max_size=4),
    source=st.text(),
    at=TIMES,
)
def test_any_tweet_for_the_library_is_stored_or_refused_with_a_message(
    folder: Path, author: str, tweets: list[tuple[str, str, datetime | None, str, str]], source: str, at: datetime
) -> None:
    archive = Archive(
        author, author, tuple(Tweet(id_, author, text, when, kind, lang, ()) for id_, text, when, kind, lang in tweets),  # type: ignore[arg-type]
        kind="fuzz",
    )  # fmt: skip
    with Library.open(folder / "library.db") as library:
        try:
            library.add(archive, source=source, at=at)
        except LibraryError as error:
            assert str(folder) in str(error)  # noqa: PT017  either is an answer
        assert not library._db.conn.in_transaction
