"""A bot with a past, for pages to show: posts in all states, drafts that wait, refusals, a reply, a hostile mention."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from bot.history import mentions, refusals, review
from bot.history.store import Store
from bot.text.length import weighted_length
from bot.text.normalise import normalise
from bot.values import Draft, Mention, Reason, Slot

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

POSTED = (
    "My dream is a kettle that knows when to stop.",
    "Platform four has opinions about my umbrella, and so far they are correct.",
    "Somebody left a single glove on the bench. It waved.",
    "Good morning to everyone who counted the stairs twice to be sure.",
    "I have been told the clock is fast. I have told the clock.",
    "Rain again. The roof and I are on speaking terms at last.",
)
WAITING = (
    "My dream is to be the last person off the night train, and the first one home.",
    "Soup is a warm umbrella. I will not be taking questions ☔",
    "A pigeon asked me the way. I sent it to the ticket office, where it was promoted.",
)
EVIL = "<script>alert(1)</script>\u202e<img src=x onerror=alert(2)>"


def fill(state: Path, now: datetime, *, dry: bool = True) -> None:
    """Write the history that `now` follows on."""
    state.mkdir(mode=0o700, exist_ok=True)
    with Store.open(state / "history.db") as store:
        for number, text in enumerate(POSTED):
            at = now - timedelta(hours=5 * (len(POSTED) - number))
            post = add(store, text, at, dry=dry)
            refuse(store, f"Look at this http://example.com/{number}", Reason("link", "example.com"), at, dry=dry)
            store.move(post, "approved", at=at)
            store.move(post, "sending", at=at, cost=15_000)
            if dry:
                store.move(post, "dry", at=at)
            else:
                store.move(post, "posted", at=at, x_id=str(1990000000000000000 + number))
        gone = add(store, "This one was too much of a muchness.", now - timedelta(hours=3), dry=dry)
        review.reject(store, store.post(gone), "not funny", now - timedelta(hours=2))
        refuse(store, "The whole of a tweet, word for word.", Reason("copied", "the whole of a tweet"), now, dry=dry)
        for number, text in enumerate(WAITING):
            add(store, text, now - timedelta(minutes=50 - number), dry=dry)


def add(store: Store, text: str, at: datetime, *, dry: bool = True, prompt: str = "My dream is") -> int:
    prompt = prompt if text.startswith(prompt) else ""
    return store.add_draft(
        Draft(text, prompt, 7, -2.31), slot=Slot(f"{at:%Y-%m-%dT%H:%M} {text[:20]}", at), norm=normalise(text),
        length=weighted_length(text), dry=dry, model="20261120T120000Z-0000", at=at,
    )  # fmt: skip


def refuse(store: Store, text: str, reason: Reason, at: datetime, *, dry: bool = True) -> None:
    slot = Slot(f"{at:%Y-%m-%dT%H:%M}", at)
    refusals.add(store, [(Draft(text, "", 3), reason)], slot=slot, dry=dry, model="20261120T120000Z-0000", at=at)


def reply(store: Store, text: str, at: datetime, *, handle: str = "somebody", words: str = "") -> int:
    """A reply that waits for approval, to a mention on X."""
    mention = Mention(
        id="1990000000000000900", author="42", handle=handle, text=words, wordings=(), is_reply=True, is_repost=False,
        conversation="1990000000000000800", first="1990000000000000900",
    )  # fmt: skip
    mentions.add(store, mention, None, others=(), listen=True, at=at)
    post = mentions.add_reply(
        store, mention.id, Draft(text, "", 5, -2.0), norm=normalise(text), length=weighted_length(text),
        model="20261120T120000Z-0000", at=at,
    )  # fmt: skip
    assert post is not None
    return post
