"""What there is to tell: drafts that wait, alerts and the day's digest, as short plain text for a telephone.

Whatever came from outside is made visible and shortened here: a draft may quote somebody.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from bot.clock import moment, stamp
from bot.history import review
from bot.history.notifications import Notice
from bot.rounds.agenda import BORN
from bot.running import assembly
from bot.sending import budget
from bot.sending.pause import HALTED_AT
from bot.text.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bot.config.settings import Settings
    from bot.history.store import Store

DRAFT, ALERT, DIGEST = "draft", "alert", "digest"
LONGEST_TEXT = 600  # characters of one draft or alert; a post has 280, an emoji of it may have several
LONGEST_BODY = 2_400  # bytes; ntfy takes 4,096, and Apprise sends as a file what has 8,000 in escaped JSON
POSTS_IN_DIGEST = 20
UNCERTAIN = timedelta(hours=1)  # by then, the bot has looked for a post several times
PING = re.compile(r"@(?=(?:everyone|here|channel|all)\b)", re.IGNORECASE)  # would wake a whole Discord server


def drafts(store: Store, settings: Settings, now: datetime) -> Iterator[Notice]:
    """The drafts that wait for a person."""
    terms, zone = assembly.review_settings(settings), ZoneInfo(settings.schedule.timezone)
    for post in review.waiting(store, terms, now, dry=not settings.live):
        kind = "Reply" if post.kind == "reply" else "Draft"
        said = f": {bounded(post.text, LONGEST_TEXT)}" if settings.notify.texts else ""
        expires = review.expires(post, terms).astimezone(zone)
        yield Notice(f"{DRAFT} {post.id}", f"{kind} {post.id}{said}\nIt expires on {expires:%a %d %b at %H:%M}.")


def alerts(row: Mapping[str, Any], store: Store, settings: Settings, now: datetime) -> Iterator[str]:
    """Sentences about what needs a person: the row's alerts, a halt, posts that may exist, a month without money."""
    yield from row["alerts"]
    if row["paused"] and store.meta(HALTED_AT):  # a person who pauses the bot knows it
        yield row["paused"]
    for post in store.posts_in("unknown", dry=not settings.live):
        if now - post.changed_at > UNCERTAIN:
            yield f"post {post.id} may or may not be on X, and nothing is posted until that is known: `mynah resolve`"
    caps, prices = assembly.caps(settings), assembly.prices(settings)
    spent = budget.spent(store, now, dry=not settings.live)["spent_this_month"]
    if spent + prices.post > caps.per_month:
        yield f"the month's budget of {budget.dollars(caps.per_month)} is spent, so nothing more is posted this month"


def alert_key(sentence: str) -> str:
    """The same for a sentence whose numbers have changed, such as a time or a count."""
    return f"{ALERT} {sha256(re.sub(r'[0-9]+', '#', sentence).encode()).hexdigest()[:16]}"


def is_about(notice: Notice, target: str) -> bool:
    """Whether it says that this target fails, which only the others can tell."""
    return notice.text.startswith(f"notifications to {target} fail")


def digest(store: Store, settings: Settings, now: datetime) -> Notice | None:
    """The last 24 hours, from `notify.digest_at` until midnight; None before, and on the day of a later first start."""
    zone, dry = ZoneInfo(settings.schedule.timezone), not settings.live
    local = now.astimezone(zone)
    due = datetime.combine(local.date(), settings.notify.digest_at, zone)
    born = store.meta(BORN)
    if local < due or born is None or moment(born) > due:
        return None
    since = due - timedelta(days=1)
    posts = store.rows(
        "SELECT kind, text FROM post WHERE dry = ? AND sent_at > ? AND sent_at <= ? "
        "AND state IN ('posted', 'dry', 'unknown') ORDER BY sent_at",
        [dry, stamp(since), stamp(now)],
    )
    waiting = len(review.waiting(store, assembly.review_settings(settings), now, dry=dry))
    caps, spent = assembly.caps(settings), budget.spent(store, now, dry=dry)
    lines = [
        f"{_counted(posts)} in the last 24 hours{' (a dry run: nothing was posted)' if dry else ''}.",
        (
            f"Spent: {budget.dollars(spent['spent_today'])} of {budget.dollars(caps.per_day)} today (UTC), "
            f"{budget.dollars(spent['spent_this_month'])} of {budget.dollars(caps.per_month)} this month."
        ),
        *([f"{_count(waiting, 'draft waits', 'drafts wait')} for you."] if waiting else ()),
        *(_listed(posts) if settings.notify.texts else ()),
    ]
    return Notice(f"{DIGEST} {due:%Y-%m-%d}", "\n".join(lines))


def composed(notices: Sequence[tuple[str, str]], settings: Settings) -> tuple[str, str]:
    """The title and the body of one message for notices as pairs of key and text."""
    kinds = [key.split(" ", maxsplit=1)[0] for key, _ in notices]
    waiting = kinds.count(DRAFT)
    if ALERT in kinds:
        title = "needs you"
    elif waiting:
        title = _count(waiting, "draft waits for you", "drafts wait for you")
    else:
        title = "the day"
    if address := settings.web.address:
        ending = f"{address}{'/queue' if waiting else '/'}"
    else:
        ending = f"See `mynah {'review' if waiting else 'status'}`."
    texts = [
        text for kind in (ALERT, DRAFT, DIGEST) for (_, text), own in zip(notices, kinds, strict=True) if own == kind
    ]
    return f"@{settings.bot}: {title}", "\n\n".join([_cut("\n\n".join(texts)), ending])


def test(settings: Settings) -> tuple[str, str]:
    url = settings.web.address or "web.url is not set, so messages have no link."
    return f"@{settings.bot}: a test", f"Notifications arrive here.\n\n{url}"


def bounded(text: str, most: int) -> str:
    """A text from anywhere as visible characters, at most `most` of them, that notifies nobody by itself."""
    return _shortened(PING.sub("@ ", visible(text)), most)


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def _cut(body: str) -> str:
    data = body.encode()
    return body if len(data) <= LONGEST_BODY else f"{data[: LONGEST_BODY - 3].decode(errors='ignore').rstrip()}…"


def _listed(posts: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for post in posts[-POSTS_IN_DIGEST:]:
        yield f"• {' '.join(bounded(post['text'], 140).split())}"


def _counted(posts: Sequence[Mapping[str, Any]]) -> str:
    replies = sum(post["kind"] == "reply" for post in posts)
    sent = _count(len(posts) - replies, "post", "posts")
    return f"{sent} and {_count(replies, 'reply', 'replies')}" if replies else sent


def _count(number: int, one: str, many: str) -> str:
    return f"{number or 'No'} {one if number == 1 else many}"
