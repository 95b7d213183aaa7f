from __future__ import annotations

import random
import re
import sqlite3
import unicodedata
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from sqlite_utils import Database, Migrations

from bot.history import near_duplicates, refusals
from bot.history.schema import FIRST
from bot.history.store import Store
from bot.values import Draft, Reason, Slot
from tests.fakes import NOON
from training.sqlite_file import statements

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TEXT = "The night train to the sea was late again, and nobody on the platform minded at all."


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "history.db") as store:
        yield store


def add(store: Store, text: str, *, dry: bool = False) -> int:
    slot = Slot(f"slot {text[:40]} {dry}", NOON)
    return store.add_draft(Draft(text), slot=slot, norm=text, length=len(text), dry=dry, model="m", at=NOON)


def refuse(store: Store, text: str, reason: str, *, dry: bool = False) -> None:
    drafts = [(Draft(text), Reason(reason))]
    refusals.add(store, drafts, slot=Slot("a", NOON), dry=dry, model="m", at=NOON)


def overlap(one: str, other: str) -> float:
    """The similarity as the documents define it, computed directly."""
    sets = []
    for text in (one, other):
        words = re.findall(r"鳩|[^\W鳩]+", unicodedata.normalize("NFKC", text).casefold())
        sets.append({*zip(["", *words], [*words, ""], strict=True)})
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


def rows(store: Store) -> int:
    return int(store.rows("SELECT count(*) AS n FROM nearness")[0]["n"])


@pytest.mark.parametrize(
    ("text", "is_near"),
    [
        pytest.param(TEXT, True, id="the same"),
        pytest.param(TEXT.upper().replace(",", " -"), True, id="case and signs"),
        pytest.param(TEXT.replace("late", "early"), True, id="one other word"),
        pytest.param(TEXT.replace("night", "day").replace("sea", "hills"), True, id="two other words"),
        pytest.param(f"Well. {TEXT}", True, id="one more word"),
        pytest.param("The night train to the sea was late again.", False, id="half of the words"),
        pytest.param(
            "The morning boat to the isle was early once, and all on the pier minded.", False, id="same pattern"
        ),
        pytest.param("A pigeon asked me the way.", False, id="something else"),
        pytest.param("", False, id="nothing"),
    ],
)
def test_a_near_duplicate_is_found(store: Store, text: str, *, is_near: bool) -> None:
    post = add(store, TEXT)

    match = near_duplicates.said(store, text, dry=False)

    assert match == (f"post {post}: {TEXT}" if is_near else "")


def test_the_index_finds_what_comparing_with_every_post_finds(store: Store) -> None:
    rng = random.Random(7)  # few words, so that many texts share keys and many are near
    words = ["a", "the", "Train", "\uff53ea", "鳩", "it's"]
    texts = list(dict.fromkeys(" ".join(rng.choices(words, k=rng.randint(1, 7))) for _ in range(400)))
    with store.atomic():
        posts = {add(store, text): text for text in texts[:250]}

    def share_a_key(one: str, other: str) -> bool:
        return not set(near_duplicates.keys(one, dry=False)).isdisjoint(near_duplicates.keys(other, dry=False))

    matches = {text: near_duplicates.said(store, text, dry=False) for text in texts}

    expected = {
        text: next(
            (
                f"post {post}: {other}"
                for post, other in sorted(posts.items(), reverse=True)
                if overlap(text, other) >= near_duplicates.NEAR and share_a_key(text, other)
            ),
            "",
        )
        for text in texts
    }
    assert matches == expected
    assert "" in matches.values()
    assert sum(share_a_key(texts[-1], other) for other in posts.values()) > 1


def test_a_key_that_many_posts_share_does_not_hide_an_older_post(store: Store) -> None:
    with store.atomic():
        post = add(store, TEXT)
        common = near_duplicates.keys(TEXT, dry=False)[0]
        for number in range(near_duplicates.MOST + 1):
            other = add(store, f"{number} pigeons")
            store.write("INSERT OR IGNORE INTO nearness VALUES (:key, :source)", {"key": common, "source": other})

    assert near_duplicates.said(store, TEXT, dry=False) == f"post {post}: {TEXT}"


def test_scripts_without_spaces_are_compared_by_letters(store: Store) -> None:
    add(store, "今日は駅で大きな鳩に道を聞かれた")

    assert near_duplicates.said(store, "今日は駅で小さな鳩に道を聞かれた", dry=False) != ""
    assert near_duplicates.said(store, "明日は港で船に乗る", dry=False) == ""


def test_texts_of_dry_runs_do_not_count_as_posted(store: Store) -> None:
    add(store, TEXT, dry=True)
    refuse(store, "Guaranteed profit.", "promise", dry=True)

    assert near_duplicates.said(store, TEXT, dry=False) == ""
    assert near_duplicates.refused(store, "Guaranteed profit.", dry=False) == ""
    assert near_duplicates.said(store, TEXT, dry=True) != ""
    assert near_duplicates.refused(store, "Guaranteed profit.", dry=True) != ""


@pytest.mark.parametrize(("way", "counts"), [((), True), (("rejected",), True), (("expired",), False)])
def test_a_rejected_text_is_not_drafted_again_and_an_expired_one_may_be(
    store: Store, way: tuple[str, ...], *, counts: bool
) -> None:
    post = add(store, TEXT)
    for state in way:
        store.move(post, state, at=NOON)

    assert (near_duplicates.said(store, TEXT.replace("late", "early"), dry=False) != "") is counts


def test_an_edited_draft_may_resemble_its_old_text(store: Store) -> None:
    post = add(store, TEXT)

    assert near_duplicates.said(store, TEXT.replace("late", "early"), dry=False, but=post) == ""


def test_an_edited_draft_is_found_by_its_new_text(store: Store) -> None:
    post = add(store, TEXT)
    before = rows(store)

    store.write("UPDATE post SET text = :text WHERE id = :id", {"text": "A pigeon asked me the way.", "id": post})

    assert near_duplicates.said(store, "A pigeon asked me the way!", dry=False) != ""
    assert near_duplicates.said(store, TEXT, dry=False) == ""
    assert rows(store) == before


@pytest.mark.parametrize("reason", ["promise", "vulgar", "email", "copied", "denied", "classifier"])
def test_a_text_refused_for_its_content_is_not_tried_again(store: Store, reason: str) -> None:
    refuse(store, "Guaranteed profit for my aunt.", reason)

    assert near_duplicates.refused(store, "guaranteed PROFIT, for my aunt", dry=False) == f"{reason}, 2026-11-20"
    assert near_duplicates.refused(store, "Guaranteed profit for my uncle.", dry=False) == ""


@pytest.mark.parametrize("reason", near_duplicates.PASSING)
def test_a_text_refused_for_its_form_blocks_nothing(store: Store, reason: str) -> None:
    refuse(store, TEXT, reason)

    assert near_duplicates.refused(store, TEXT, dry=False) == ""
    assert near_duplicates.said(store, TEXT, dry=False) == ""


def test_a_post_and_its_keys_are_stored_together_or_not_at_all(store: Store) -> None:
    def interrupt() -> None:
        with store.atomic():
            add(store, TEXT)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        interrupt()

    assert rows(store) == 0


def test_posts_and_refusals_from_before_the_index_are_found_too(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    with closing(sqlite3.connect(path)) as plain:
        database = Database(plain)
        with database.atomic():
            for statement in statements(FIRST):
                plain.execute(statement)
            Migrations("mynah").ensure_migrations_table(database)
            database["_sqlite_migrations"].insert(
                {"migration_set": "mynah", "name": "0001_first", "applied_at": "then"}
            )
            plain.execute("INSERT INTO slot VALUES ('a', 0, '', 'spoken', '', '')")
            plain.execute(
                "INSERT INTO post (kind, dry, state, slot, text, norm, length, prompt, seed, likelihood, model,"
                " created_at, changed_at) VALUES ('post', 0, 'drafted', 'a', ?, 'n', 9, '', 0, 0, 'm', 't', 't')",
                [TEXT],
            )
            plain.execute("INSERT INTO refusal VALUES (1, 'a', 0, 'Rude.', '', 0, 'vulgar', '', 'm', '2026-11-20')")
            plain.execute("INSERT INTO refusal VALUES (2, 'a', 0, 'Long.', '', 0, 'too_long', '', 'm', '2026-11-20')")
        plain.commit()

    with Store.open(path, back_up=False) as store:
        assert near_duplicates.said(store, TEXT.replace("late", "early"), dry=False) != ""
        assert near_duplicates.refused(store, "Rude!", dry=False) == "vulgar, 2026-11-20"
        assert near_duplicates.refused(store, "Long!", dry=False) == ""


def test_a_text_is_found_by_an_index_without_a_table_scan(store: Store) -> None:
    parameters = {"dry": False, "but": None, "most": 1, **{f"key{band}": band for band in range(near_duplicates.BANDS)}}
    plan = [row["detail"] for row in store.rows(f"EXPLAIN QUERY PLAN {near_duplicates.FIND}", parameters)]

    searches = [line.split(" (")[0] for line in plan if line.startswith("SEARCH")]
    assert searches == near_duplicates.BANDS * [
        "SEARCH nearness USING PRIMARY KEY",
        "SEARCH post USING INTEGER PRIMARY KEY",
    ]
    assert not [line for line in plan if line.startswith(("SCAN post", "SCAN nearness", "USE TEMP"))]  # nor sorted


def test_the_keys_are_the_same_in_every_process() -> None:
    assert near_duplicates.keys("good morning", dry=False)[:2] == [6722303045440168109, 3109064675585784398]
    assert near_duplicates.same_key("good morning", dry=True) == 6480474082691529756


@pytest.mark.parametrize("text", ["☔", "\u200b", "!!!", "a" * 5_000, "\ud800?", "١٢٣"])
def test_any_text_has_keys(text: str) -> None:
    assert all(
        0 <= key < 2**63 for key in [*near_duplicates.keys(text, dry=True), near_duplicates.same_key(text, dry=True)]
    )
