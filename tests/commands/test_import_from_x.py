"""`mynah import --from-api` from outside, against a fake X on this machine."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.fake_x.server import FakeX
from tests.fake_x.state import World, newcomer
from tests.installed import lines, mynah

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

ME = newcomer()


@pytest.fixture
def x() -> Iterator[FakeX]:
    with FakeX(World(ME, now=lambda: datetime.now(UTC))) as server:
        yield server
    assert server.broken == []


def publish(x: FakeX, *numbers: int) -> None:
    for number in numbers:
        x.world.create(ME, f"the bell rang {number} times", retweet_of="7" if number % 10 == 0 else None)


def import_tweets(
    x: FakeX, state: Path, *arguments: str, handle: str = "@StationMynah"
) -> subprocess.CompletedProcess[str]:
    return mynah(
        "import", "--from-api", handle, *arguments, state=state,
        MYNAH_X__BASE_URL=x.url,
        MYNAH_X__CONSUMER_KEY=ME.secrets.consumer_key,
        MYNAH_X__CONSUMER_SECRET=ME.secrets.consumer_secret,
        MYNAH_X__ACCESS_TOKEN=ME.access_token,
        MYNAH_X__ACCESS_TOKEN_SECRET=ME.secrets.token_secret,
    )  # fmt: skip


def count(state: Path) -> int:
    return sum(author["tweets"] for author in lines(mynah("library", "--json", state=state).stdout))


def test_the_newest_tweets_are_imported_and_their_cost_is_shown(x: FakeX, tmp_path: Path) -> None:
    publish(x, *range(1, 151))

    result = import_tweets(x, tmp_path, "--yes")

    assert result.returncode == 0, result.stderr
    assert "Up to 3,200 tweets by @stationmynah cost up to $16.01" in result.stderr
    assert "X's rules forbid training models on data from its API" in result.stderr
    assert result.stdout == "read 135 tweets by @stationmynah for about $0.69: 135 new\n"
    assert count(tmp_path) == 135


def test_without_confirmation_nothing_is_requested_from_x(x: FakeX, tmp_path: Path) -> None:
    result = import_tweets(x, tmp_path)

    assert result.returncode == 1
    assert "--yes" in result.stderr
    assert x.requests == []


def test_imported_tweets_are_neither_read_nor_paid_for_again(x: FakeX, tmp_path: Path) -> None:
    publish(x, *range(1, 31))
    import_tweets(x, tmp_path, "--yes")
    publish(x, 31)

    again = import_tweets(x, tmp_path, "--yes")

    assert again.stdout == "read 1 tweet by @stationmynah for about $0.01: 1 new\n"
    assert count(tmp_path) == 28


def test_an_interrupted_import_keeps_its_pages_and_continues_the_next_time(x: FakeX, tmp_path: Path) -> None:
    publish(x, *range(1, 251))
    x.fail_with("ok", "ok", "too_many")

    broken = import_tweets(x, tmp_path, "--yes")
    full = import_tweets(x, tmp_path, "--yes")

    assert broken.returncode == 1
    assert (
        "read 90 tweets by @stationmynah for about $0.46: 90 new; the same command continues from there"
        in broken.stderr
    )
    assert "Traceback" not in broken.stderr
    assert full.stdout.startswith("read 135 tweets")
    assert count(tmp_path) == 225


def test_an_import_that_fails_reports_what_it_has_read(x: FakeX, tmp_path: Path) -> None:
    publish(x, *range(1, 251))
    x.fail_with("ok", "ok", "created_no_id")

    broken = import_tweets(x, tmp_path, "--yes")

    assert broken.returncode == 1
    assert "not a list of posts" in broken.stderr
    assert "90 new; the same command continues from there" in broken.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--yes",), "there is no account with that name"),
        (("--yes", "--limit", "4"), "X returns at least 5 tweets at a time"),
        (("--yes", "some.zip"), "either files or --from-api"),
    ],
)
def test_an_account_that_cannot_be_read_gives_one_sentence(
    x: FakeX, tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    result = import_tweets(x, tmp_path, *arguments, handle="@nobody_here")

    assert result.returncode == 1
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr


def test_the_result_is_available_as_json(x: FakeX, tmp_path: Path) -> None:
    publish(x, *range(1, 6))

    result = import_tweets(x, tmp_path, "--yes", "--json")

    assert lines(result.stdout) == [{"author": "stationmynah", "found": 5, "new": 5, "cost_usd": 0.035}]


def test_an_invalid_handle_gives_one_sentence(x: FakeX, tmp_path: Path) -> None:
    result = import_tweets(x, tmp_path, "--yes", handle="not a handle")

    assert result.returncode == 1
    assert "'not a handle' is not a handle" in result.stderr


def test_without_keys_it_names_the_missing_ones(tmp_path: Path) -> None:
    result = mynah("import", "--from-api", "@somebody", "--yes", state=tmp_path)

    assert result.returncode == 78
    assert "x.consumer_key" in result.stderr
