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

SAID = "The night train to the sea was late again, and nobody on the platform minded at all."


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "history.db") as store:
        yield store


def add(store: Store, text: str, *, dry: bool = False) -> int:
    slot = Slot(f"slot {text[:40]} {dry}", NOON)
    return store.add_draft(Draft(text), slot=slot, norm=text, length=len(text), dry=dry, model="m", at=NOON)


def refuse(store: Store, text: str, reason: str, *, dry: bool = False) -> None:
    refused = [(Draft(text), Reason(reason))]
    refusals.add(store, refused, slot=Slot("a", NOON), dry=dry, model="m", at=NOON)


def overlap(one: str, other: str) -> float:
    """As the documents define it, written out."""
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
        pytest.param(SAID, True, id="the same"),
        pytest.param(SAID.upper().replace(",", " -"), True, id="dressed up"),
        pytest.param(SAID.replace("late", "early"), True, id="another word"),
        pytest.param(SAID.replace("night", "day").replace("sea", "hills"), True, id="two other words"),
        pytest.param(f"Well. {SAID}", True, id="a word more"),
        pytest.param("The night train to the sea was late again.", False, id="half of it"),
        pytest.param("The morning boat to the isle was early once, and all on the pier minded.", False, id="its form"),
        pytest.param("A pigeon asked me the way.", False, id="something else"),
        pytest.param("", False, id="nothing"),
    ],
)
def test_what_says_nearly_the_same_is_found(store: Store, text: str, *, is_near: bool) -> None:
    post = add(store, SAID)

    found = near_duplicates.said(store, text, dry=False)

    assert found == (f"post {post}: {SAID}" if is_near else "")


def test_what_is_found_is_what_comparing_with_everything_finds(store: Store) -> None:
    chance = random.Random(7)  # few words, so that many texts share keys and many are near
    words = ["a", "the", "Train", "\uff53ea", "鳩", "it's"]
    texts = list(dict.fromkeys(" ".join(chance.choices(words, k=chance.randint(1, 7))) for _ in range(400)))
    with store.atomic():
        said = {add(store, text): text for text in texts[:250]}

    def share_a_key(one: str, other: str) -> bool:
        return not set(near_duplicates.keys(one, dry=False)).isdisjoint(near_duplicates.keys(other, dry=False))

    found = {text: near_duplicates.said(store, text, dry=False) for text in texts}

    expected = {
        text: next(
            (
                f"post {post}: {other}"
                for post, other in sorted(said.items(), reverse=True)
                if overlap(text, other) >= near_duplicates.NEAR and share_a_key(text, other)
            ),
            "",
        )
        for text in texts
    }
    assert found == expected
    assert "" in found.values()
    assert sum(share_a_key(texts[-1], other) for other in said.values()) > 1


def test_a_beginning_that_many_posts_share_hides_no_older_one(store: Store) -> None:
    with store.atomic():
        post = add(store, SAID)
        common = near_duplicates.keys(SAID, dry=False)[0]
        for number in range(near_duplicates.MOST + 1):
            other = add(store, f"{number} pigeons")
            store.write("INSERT OR IGNORE INTO nearness VALUES (:key, :source)", {"key": common, "source": other})

    assert near_duplicates.said(store, SAID, dry=False) == f"post {post}: {SAID}"


def test_scripts_without_spaces_are_compared_by_letters(store: Store) -> None:
    add(store, "今日は駅で大きな鳩に道を聞かれた")

    assert near_duplicates.said(store, "今日は駅で小さな鳩に道を聞かれた", dry=False) != ""
    assert near_duplicates.said(store, "明日は港で船に乗る", dry=False) == ""


def test_a_rehearsal_does_not_keep_the_bot_from_speaking(store: Store) -> None:
    add(store, SAID, dry=True)
    refuse(store, "Guaranteed profit.", "promise", dry=True)

    assert near_duplicates.said(store, SAID, dry=False) == ""
    assert near_duplicates.refused(store, "Guaranteed profit.", dry=False) == ""
    assert near_duplicates.said(store, SAID, dry=True) != ""
    assert near_duplicates.refused(store, "Guaranteed profit.", dry=True) != ""


@pytest.mark.parametrize(("way", "counts"), [((), True), (("rejected",), True), (("expired",), False)])
def test_what_a_person_rejected_is_not_proposed_again_and_what_never_went_out_may_be(
    store: Store, way: tuple[str, ...], *, counts: bool
) -> None:
    post = add(store, SAID)
    for state in way:
        store.move(post, state, at=NOON)

    assert (near_duplicates.said(store, SAID.replace("late", "early"), dry=False) != "") is counts


def test_a_draft_that_is_edited_may_stay_like_itself(store: Store) -> None:
    post = add(store, SAID)

    assert near_duplicates.said(store, SAID.replace("late", "early"), dry=False, but=post) == ""


def test_an_edited_draft_is_found_by_its_new_words(store: Store) -> None:
    post = add(store, SAID)
    before = rows(store)

    store.write("UPDATE post SET text = :text WHERE id = :id", {"text": "A pigeon asked me the way.", "id": post})

    assert near_duplicates.said(store, "A pigeon asked me the way!", dry=False) != ""
    assert near_duplicates.said(store, SAID, dry=False) == ""
    assert rows(store) == before


@pytest.mark.parametrize("reason", ["promise", "vulgar", "email", "copied", "denied", "classifier"])
def test_the_same_words_are_not_tried_again_where_it_was_what_they_say(store: Store, reason: str) -> None:
    refuse(store, "Guaranteed profit for my aunt.", reason)

    assert near_duplicates.refused(store, "guaranteed PROFIT, for my aunt", dry=False) == f"{reason}, 2026-11-20"
    assert near_duplicates.refused(store, "Guaranteed profit for my uncle.", dry=False) == ""


@pytest.mark.parametrize("reason", near_duplicates.PASSING)
def test_a_draft_that_was_only_put_badly_blocks_nothing(store: Store, reason: str) -> None:
    refuse(store, SAID, reason)

    assert near_duplicates.refused(store, SAID, dry=False) == ""
    assert near_duplicates.said(store, SAID, dry=False) == ""


def test_a_post_and_what_finds_it_are_kept_together_or_not_at_all(store: Store) -> None:
    def cut_short() -> None:
        with store.atomic():
            add(store, SAID)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        cut_short()

    assert rows(store) == 0


def test_the_history_of_before_is_found_too(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    with closing(sqlite3.connect(path)) as plain:
        old = Database(plain)
        with old.atomic():
            for statement in statements(FIRST):
                plain.execute(statement)
            Migrations("mynah").ensure_migrations_table(old)
            old["_sqlite_migrations"].insert({"migration_set": "mynah", "name": "0001_first", "applied_at": "then"})
            plain.execute("INSERT INTO slot VALUES ('a', 0, '', 'spoken', '', '')")
            plain.execute(
                "INSERT INTO post (kind, dry, state, slot, text, norm, length, prompt, seed, likelihood, model,"
                " created_at, changed_at) VALUES ('post', 0, 'drafted', 'a', ?, 'n', 9, '', 0, 0, 'm', 't', 't')",
                [SAID],
            )
            plain.execute("INSERT INTO refusal VALUES (1, 'a', 0, 'Rude.', '', 0, 'vulgar', '', 'm', '2026-11-20')")
            plain.execute("INSERT INTO refusal VALUES (2, 'a', 0, 'Long.', '', 0, 'too_long', '', 'm', '2026-11-20')")
        plain.commit()

    with Store.open(path, back_up=False) as store:
        assert near_duplicates.said(store, SAID.replace("late", "early"), dry=False) != ""
        assert near_duplicates.refused(store, "Rude!", dry=False) == "vulgar, 2026-11-20"
        assert near_duplicates.refused(store, "Long!", dry=False) == ""


def test_a_text_is_looked_up_and_no_table_is_read_through(store: Store) -> None:
    parameters = {"dry": False, "but": None, "most": 1, **{f"key{band}": band for band in range(near_duplicates.BANDS)}}
    plan = [row["detail"] for row in store.rows(f"EXPLAIN QUERY PLAN {near_duplicates.FIND}", parameters)]

    searched = [line.split(" (")[0] for line in plan if line.startswith("SEARCH")]
    assert searched == near_duplicates.BANDS * [
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
