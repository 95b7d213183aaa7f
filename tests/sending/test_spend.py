"""Expenses: the ledger, the caps and `mynah spend`."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from bot import cli
from bot.errors import StoreError
from bot.history import ledger
from bot.history.store import Store
from bot.sending import budget
from bot.values import Draft, Slot
from tests.fake_x.server import FakeX
from tests.fake_x.state import World, newcomer
from tests.fakes import NOON
from tests.installed import environment, lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CAPS = budget.Caps(per_day=500_000, per_month=5_000_000)
YESTERDAY = NOON - timedelta(days=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "history.db") as history:
        yield history


def post(store: Store, text: str, *, cost: int = 15_000, at: datetime = NOON, dry: bool = False, state: str) -> None:
    number = store.add_draft(Draft(text), slot=Slot(text, at), norm=text, length=1, dry=dry, model="m", at=at)
    store.move(number, "approved", at=at)
    store.move(number, "sending", at=at, cost=cost)
    store.move(number, state, at=at, x_id=text if state == "posted" else None)


def test_a_report_has_each_day_each_kind_and_each_price(store: Store) -> None:
    post(store, "1", state="posted")
    post(store, "2", state="posted")
    post(store, "3", state="posted", cost=200_000)
    post(store, "4", state="posted", at=YESTERDAY)
    ledger.spend(store, "look", 3_000, about="post 1", by_hand=False, at=NOON)
    ledger.spend(store, "delete", 10_000, about="post 1", by_hand=True, at=NOON)

    report = budget.report(store, CAPS, days=31, dry=False, now=NOON)

    assert [tuple(row.values()) for row in report["days"]] == [
        ("2026-11-20", "look", 1, 0.003, 0.003, False),
        ("2026-11-20", "post", 2, 0.015, 0.030, False),
        ("2026-11-20", "post", 1, 0.200, 0.200, False),
        ("2026-11-20", "delete", 1, 0.010, 0.010, True),
        ("2026-11-19", "post", 1, 0.015, 0.015, False),
    ]
    assert report["spent_today"] == 0.233
    assert report["left_today"] == 0.267
    assert report["left_this_month"] == 4.752


@pytest.mark.parametrize(("state", "cost"), [("posted", 15_000), ("unknown", 15_000), ("refused", 0)])
def test_posts_that_may_exist_count_and_refused_ones_do_not(store: Store, state: str, cost: int) -> None:
    post(store, "1", state=state)

    report = budget.report(store, CAPS, days=1, dry=False, now=NOON)

    assert sum(row["cost"] for row in report["days"]) == report["spent_today"] == cost / budget.DOLLAR
    assert ledger.spent_since(store, budget.day_start(NOON), dry=False) == cost


def test_expenses_by_hand_do_not_count_against_the_caps(store: Store) -> None:
    ledger.spend(store, "look", 1_000, about="", by_hand=False, at=NOON)
    ledger.spend(store, "delete", 10_000, about="", by_hand=True, at=NOON)

    assert ledger.spent_since(store, budget.day_start(NOON), dry=False) == 1_000
    assert ledger.spent_since(store, budget.day_start(NOON), dry=True) == 0


def test_dry_runs_are_counted_separately(store: Store) -> None:
    post(store, "1", state="dry", dry=True)
    ledger.spend(store, "look", 1_000, about="", by_hand=False, at=NOON)

    assert [row["kind"] for row in budget.report(store, CAPS, days=1, dry=True, now=NOON)["days"]] == ["post"]
    assert [row["kind"] for row in budget.report(store, CAPS, days=1, dry=False, now=NOON)["days"]] == ["look"]


@pytest.mark.parametrize(("days", "count"), [(0, 1), (1, 1), (2, 2)])
def test_days_are_in_utc_and_start_with_today(store: Store, days: int, count: int) -> None:
    post(store, "1", state="posted", at=YESTERDAY.replace(hour=0, minute=0))
    post(store, "2", state="posted")

    assert len(budget.report(store, CAPS, days=days, dry=False, now=NOON)["days"]) == count


def test_spending_more_than_the_cap_leaves_zero(store: Store) -> None:
    post(store, "1", state="posted", cost=900_000)

    assert budget.report(store, CAPS, days=1, dry=False, now=NOON)["left_today"] == 0


@pytest.mark.parametrize("change", ["UPDATE expense SET cost = 0", "DELETE FROM expense"])
def test_the_ledger_is_append_only(store: Store, tmp_path: Path, change: str) -> None:
    ledger.spend(store, "look", 1_000, about="", by_hand=False, at=NOON)

    plain = sqlite3.connect(tmp_path / "history.db")
    with pytest.raises(sqlite3.IntegrityError, match="only added to"):
        plain.execute(change)
    plain.close()


def test_a_negative_expense_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="CHECK"):
        ledger.spend(store, "look", -1, about="", by_hand=False, at=NOON)


def test_the_command_shows_what_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "/nonexistent")
    with Store.open(tmp_path / "history.db") as store:
        post(store, "1", state="posted", at=datetime.now(UTC))

    codes = [cli.main(["--state", str(tmp_path), "spend", *more]) for more in ([], ["--json"])]
    *table, today, month, row = capsys.readouterr().out.splitlines()

    assert codes == [0, 0]
    assert "$0.015" in table[-1]
    assert today == "today: $0.015 of $0.50, $0.485 left"
    assert month.startswith("this month: $0.015 of $5.00")
    assert lines(row)[0]["left_today"] == 0.485


def test_an_empty_history_has_no_expenses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "/nonexistent")

    assert cli.main(["--state", str(tmp_path), "spend"]) == 0
    assert "nothing yet\ntoday: $0.000 of $0.50, $0.500 left" in capsys.readouterr().out


def test_the_cost_of_an_import_from_x_is_in_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    me = newcomer()
    Store.open(tmp_path / "history.db").close()
    with FakeX(World(me, now=lambda: datetime.now(UTC))) as x:
        for number in range(8):
            x.world.create(me, f"number {number} of the timetable")
        changes = environment(
            MYNAH_X__BASE_URL=x.url,
            MYNAH_X__CONSUMER_KEY=me.secrets.consumer_key,
            MYNAH_X__CONSUMER_SECRET=me.secrets.consumer_secret,
            MYNAH_X__ACCESS_TOKEN=me.access_token,
            MYNAH_X__ACCESS_TOKEN_SECRET=me.secrets.token_secret,
        )
        for name, value in changes.items():
            monkeypatch.setenv(name, value)
        state = ["--state", str(tmp_path)]
        cli.main([*state, "import", "--from-api", f"@{me.handle}", "--yes"])
        capsys.readouterr()
        cli.main([*state, "spend", "--json"])

    (report,) = lines(capsys.readouterr().out)
    assert [(row["kind"], row["cost"], row["by_hand"]) for row in report["days"]] == [("import", 0.05, True)]
    assert report["spent_today"] == 0
