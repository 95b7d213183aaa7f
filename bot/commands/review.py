"""`mynah review`: a person says yes or no to the drafts that wait, one after the other or by number."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any, NamedTuple

from bot.commands.opening import address, listed, loaded, looked_at, row_of, show
from bot.errors import MynahError
from bot.history import mentions
from bot.history import review as queue

if TYPE_CHECKING:
    from argparse import Namespace
    from datetime import datetime

    from bot.clock import Clock
    from bot.commands.console.keyboard import Terminal
    from bot.config.settings import Settings
    from bot.config.state_dir import StateDir
    from bot.history.store import Store
    from bot.values import Post, Reason

KEYS = "[a]pprove  [e]dit  [r]eject  [s]kip  [q]uit"
COLUMNS = ("id", "kind", "text", "length", "expires")
SIDE = 72  # columns: what a post is wrapped to


class ReviewSession(NamedTuple):
    """What a verdict needs."""

    settings: Settings
    folder: StateDir
    store: Store
    terms: queue.ReviewSettings
    clock: Clock


def review(args: Namespace) -> int:
    if args.what in {None, "approve", "reject", "edit"}:
        return _judge(args)
    from bot.clock import SystemClock
    from bot.running import assembly

    settings = loaded(args).settings
    folder, store = looked_at(settings)
    if args.what == "show" and store is None:
        raise MynahError(f"there is no history in {folder.root} yet")
    now, terms = SystemClock().now(), assembly.terms(settings)
    if args.what == "list":
        rows = [_row(post, terms) for post in _waiting(store, terms, now)] if store else []
        show(rows, COLUMNS, args, empty="nothing waits")
    elif store:
        row = _row(store.post(args.id), terms) | {"reviews": queue.verdicts(store, args.id)}
        lines = [{"what": key.replace("_", " "), "is": value} for key, value in row.items()]
        show([row] if args.json else lines, ("what", "is"), args)
    return 0


def _judge(args: Namespace) -> int:
    from bot.clock import SystemClock
    from bot.config.state_dir import StateDir
    from bot.history.store import Store
    from bot.running import assembly

    settings = loaded(args).settings
    folder = StateDir(settings.state)
    if not folder.history.exists():
        raise MynahError(f"nothing waits: there is no history in {folder.root} yet")
    with Store.open(folder.history, create=False) as store:
        session = ReviewSession(settings, folder, store, assembly.terms(settings), SystemClock())
        return _one_by_one(session) if args.what is None else _one(session, args)


def _one(session: ReviewSession, args: Namespace) -> int:
    """A verdict by number."""
    post = session.store.post(args.id)
    reasons: tuple[Reason, ...] = ()
    match args.what:
        case "approve":
            queue.approve(session.store, post, session.terms, session.clock.now())
        case "reject":
            queue.reject(session.store, post, args.because.strip(), session.clock.now())
        case _:
            reasons = _edit(session, post, args.text.strip())
    if reasons:
        raise MynahError(f"post {post.id} stays as it was: the new text may not go out: {listed(reasons)}")
    judged = session.store.post(post.id)
    if args.json:
        from bot.commands.console import tables

        print(tables.as_json(_row(judged, session.terms)))
    else:
        print(_said(session, judged))
    return 0


def _edit(session: ReviewSession, post: Post, text: str) -> tuple[Reason, ...]:
    """Through the whole screen, as if it were new; only itself it may repeat."""
    from bot.running import assembly
    from bot.voice.model_voice import ModelMemory, promoted

    settings = session.settings.model_copy(update={"live": not post.dry})
    screen = assembly.screen(settings, session.store, ModelMemory.open(promoted(session.folder.models)), but=post.id)
    return queue.edit(session.store, post, text, screen, session.terms, session.clock.now())


def _one_by_one(session: ReviewSession) -> int:
    """Oldest first, what is new meanwhile last; each verdict is kept at once, so leaving loses nothing."""
    from bot.commands.console.keyboard import terminal

    person = terminal()
    judged: list[str] = []
    last, told = 0, ""
    while True:
        left = [post for post in _waiting(session.store, session.terms, session.clock.now()) if post.id > last]
        if not left:
            break
        person.show(_page(left[0], len(left), told, session))
        told, goes_on = _ask(session, left[0], person, judged)
        if told is None:
            break
        last = left[0].id if goes_on else last
    print(f"{', '.join(judged) or 'nothing was judged'}; {_left(session)}")
    return 0


def _ask(session: ReviewSession, post: Post, person: Terminal, judged: list[str]) -> tuple[Any, bool]:
    """What to tell about it on the next page (None: enough for today), and whether that page is the next draft's."""
    key, words = person.choice(KEYS)
    if key in {"", "q"}:
        return None, False
    if key == "s":
        return f"post {post.id} waits on", True
    verdict = {"a": _approve, "e": _rewrite, "r": _reject}.get(key)
    if verdict is None:
        return f"{key!r} is none of the keys", False
    try:
        told, goes_on = verdict(session, post, person, words)
    except MynahError as error:  # somebody else was faster, or its time has passed
        return str(error), session.store.post(post.id).state != "drafted"
    if goes_on:
        judged.append(told)
    return told, goes_on


def _approve(session: ReviewSession, post: Post, _: Terminal, __: str) -> tuple[str, bool]:
    queue.approve(session.store, post, session.terms, session.clock.now())
    return _said(session, session.store.post(post.id)), True


def _reject(session: ReviewSession, post: Post, person: Terminal, words: str) -> tuple[str, bool]:
    because = words or person.words("because (Enter: no reason):") or ""
    queue.reject(session.store, post, because.strip(), session.clock.now())
    return f"post {post.id} is rejected", True


def _rewrite(session: ReviewSession, post: Post, person: Terminal, words: str) -> tuple[str, bool]:
    text = words or person.words("text:", post.text)
    if not text or text.strip() == post.text:
        return "the text is as it was", False
    if reasons := _edit(session, post, text.strip()):
        return f"the text is as it was, for {text.strip()!r} may not go out: {listed(reasons)}", False
    return "the text is changed, and still waits", False


def _waiting(store: Store, terms: queue.ReviewSettings, now: datetime) -> list[Post]:
    both = [*queue.waiting(store, terms, now, dry=False), *queue.waiting(store, terms, now, dry=True)]
    return sorted(both, key=lambda post: post.id)


def _row(post: Post, terms: queue.ReviewSettings) -> dict[str, Any]:
    about = row_of(post)
    about["kind"] = f"{post.kind}, rehearsed" if post.dry else post.kind
    return about | {"expires": queue.expires(post, terms) if post.state == "drafted" else None}


def _page(post: Post, left: int, told: str, session: ReviewSession) -> str:
    from datetime import timedelta

    from bot.text import durations

    end = queue.expires(post, session.terms)
    minute = timedelta(minutes=1)
    facts = {
        "prompt": repr(post.prompt) if post.prompt else "none",
        "model": post.model,
        "likelihood": f"{post.likelihood:.3f}",
        "length": f"{post.length} of 280",
        "expires": f"{end:%Y-%m-%d %H:%M} UTC, in {durations.written((end - session.clock.now()) // minute * minute)}",
    }
    if post.note == "edited":
        del facts["likelihood"]  # of the text as it was
    if post.reply_to:
        asked = mentions.one(session.store, post.reply_to)
        facts = {"answers": address(session.settings, asked.handle if asked else "", post.reply_to)} | facts
    text = "\n".join(textwrap.fill(line, SIDE) for line in post.text.split("\n"))
    about = f"post {post.id}{', a rehearsal' if post.dry else ''}{', edited' if post.note == 'edited' else ''}"
    return "\n".join([
        *([f"{told}\n"] if told else []),
        f"{about} · {left} to judge\n",
        textwrap.indent(text, "    ") + "\n",
        *(f"{name:11}{value}" for name, value in facts.items()),
        "",
    ])  # fmt: skip


def _said(session: ReviewSession, post: Post) -> str:
    if post.state != "approved":
        state = "edited, and waits for a yes" if post.state == "drafted" else post.state
        return f"post {post.id} is {state}"
    running = session.folder.holder()
    if running is None or running.get("live") is post.dry:
        mode = "rehearses" if post.dry else "is live"
        return f"post {post.id} is approved: it goes out when `mynah run` {mode} again"
    return f"post {post.id} is approved: the bot that runs sends it as soon as the brakes allow"


def _left(session: ReviewSession) -> str:
    left = len(_waiting(session.store, session.terms, session.clock.now()))
    return f"{left} wait" if left else "nothing waits"
