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
    from bot.config.state_dir import StateFolder
    from bot.history.store import Store
    from bot.values import Post, Reason

KEYS = "[a]pprove  [e]dit  [r]eject  [s]kip  [q]uit"
COLUMNS = ("id", "kind", "text", "length", "expires")
SIDE = 72  # columns: what a post is wrapped to


class Desk(NamedTuple):
    """What a verdict needs."""

    settings: Settings
    folder: StateFolder
    store: Store
    terms: queue.Terms
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
    from bot.config.state_dir import StateFolder
    from bot.history.store import Store
    from bot.running import assembly

    settings = loaded(args).settings
    folder = StateFolder(settings.state)
    if not folder.history.exists():
        raise MynahError(f"nothing waits: there is no history in {folder.root} yet")
    with Store.open(folder.history, create=False) as store:
        desk = Desk(settings, folder, store, assembly.terms(settings), SystemClock())
        return _one_by_one(desk) if args.what is None else _one(desk, args)


def _one(desk: Desk, args: Namespace) -> int:
    """A verdict by number."""
    post = desk.store.post(args.id)
    reasons: tuple[Reason, ...] = ()
    match args.what:
        case "approve":
            queue.approve(desk.store, post, desk.terms, desk.clock.now())
        case "reject":
            queue.reject(desk.store, post, args.because.strip(), desk.clock.now())
        case _:
            reasons = _edit(desk, post, args.text.strip())
    if reasons:
        raise MynahError(f"post {post.id} stays as it was: the new text may not go out: {listed(reasons)}")
    judged = desk.store.post(post.id)
    if args.json:
        from bot.commands.console import tables

        print(tables.as_json(_row(judged, desk.terms)))
    else:
        print(_said(desk, judged))
    return 0


def _edit(desk: Desk, post: Post, text: str) -> tuple[Reason, ...]:
    """Through the whole screen, as if it were new; only itself it may repeat."""
    from bot.running import assembly
    from bot.voice.model_memory import Learnt
    from bot.voice.voice import promoted

    settings = desk.settings.model_copy(update={"live": not post.dry})
    screen = assembly.screen(settings, desk.store, Learnt.open(promoted(desk.folder.models)), but=post.id)
    return queue.edit(desk.store, post, text, screen, desk.terms, desk.clock.now())


def _one_by_one(desk: Desk) -> int:
    """Oldest first, what is new meanwhile last; each verdict is kept at once, so leaving loses nothing."""
    from bot.commands.console.keyboard import terminal

    person = terminal()
    judged: list[str] = []
    last, told = 0, ""
    while True:
        left = [post for post in _waiting(desk.store, desk.terms, desk.clock.now()) if post.id > last]
        if not left:
            break
        person.show(_page(left[0], len(left), told, desk))
        told, goes_on = _ask(desk, left[0], person, judged)
        if told is None:
            break
        last = left[0].id if goes_on else last
    print(f"{', '.join(judged) or 'nothing was judged'}; {_left(desk)}")
    return 0


def _ask(desk: Desk, post: Post, person: Terminal, judged: list[str]) -> tuple[Any, bool]:
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
        told, goes_on = verdict(desk, post, person, words)
    except MynahError as error:  # somebody else was faster, or its time has passed
        return str(error), desk.store.post(post.id).state != "drafted"
    if goes_on:
        judged.append(told)
    return told, goes_on


def _approve(desk: Desk, post: Post, _: Terminal, __: str) -> tuple[str, bool]:
    queue.approve(desk.store, post, desk.terms, desk.clock.now())
    return _said(desk, desk.store.post(post.id)), True


def _reject(desk: Desk, post: Post, person: Terminal, words: str) -> tuple[str, bool]:
    because = words or person.words("because (Enter: no reason):") or ""
    queue.reject(desk.store, post, because.strip(), desk.clock.now())
    return f"post {post.id} is rejected", True


def _rewrite(desk: Desk, post: Post, person: Terminal, words: str) -> tuple[str, bool]:
    text = words or person.words("text:", post.text)
    if not text or text.strip() == post.text:
        return "the text is as it was", False
    if reasons := _edit(desk, post, text.strip()):
        return f"the text is as it was, for {text.strip()!r} may not go out: {listed(reasons)}", False
    return "the text is changed, and still waits", False


def _waiting(store: Store, terms: queue.Terms, now: datetime) -> list[Post]:
    both = [*queue.waiting(store, terms, now, dry=False), *queue.waiting(store, terms, now, dry=True)]
    return sorted(both, key=lambda post: post.id)


def _row(post: Post, terms: queue.Terms) -> dict[str, Any]:
    about = row_of(post)
    about["kind"] = f"{post.kind}, rehearsed" if post.dry else post.kind
    return about | {"expires": queue.expires(post, terms) if post.state == "drafted" else None}


def _page(post: Post, left: int, told: str, desk: Desk) -> str:
    from datetime import timedelta

    from bot.text import durations

    end = queue.expires(post, desk.terms)
    minute = timedelta(minutes=1)
    facts = {
        "prompt": repr(post.prompt) if post.prompt else "none",
        "model": post.model,
        "likelihood": f"{post.likelihood:.3f}",
        "length": f"{post.length} of 280",
        "expires": f"{end:%Y-%m-%d %H:%M} UTC, in {durations.written((end - desk.clock.now()) // minute * minute)}",
    }
    if post.note == "edited":
        del facts["likelihood"]  # of the text as it was
    if post.reply_to:
        asked = mentions.one(desk.store, post.reply_to)
        facts = {"answers": address(desk.settings, asked.handle if asked else "", post.reply_to)} | facts
    text = "\n".join(textwrap.fill(line, SIDE) for line in post.text.split("\n"))
    about = f"post {post.id}{', a rehearsal' if post.dry else ''}{', edited' if post.note == 'edited' else ''}"
    return "\n".join([
        *([f"{told}\n"] if told else []),
        f"{about} · {left} to judge\n",
        textwrap.indent(text, "    ") + "\n",
        *(f"{name:11}{value}" for name, value in facts.items()),
        "",
    ])  # fmt: skip


def _said(desk: Desk, post: Post) -> str:
    if post.state != "approved":
        state = "edited, and waits for a yes" if post.state == "drafted" else post.state
        return f"post {post.id} is {state}"
    running = desk.folder.holder()
    if running is None or running.get("live") is post.dry:
        mode = "rehearses" if post.dry else "is live"
        return f"post {post.id} is approved: it goes out when `mynah run` {mode} again"
    return f"post {post.id} is approved: the bot that runs sends it as soon as the brakes allow"


def _left(desk: Desk) -> str:
    left = len(_waiting(desk.store, desk.terms, desk.clock.now()))
    return f"{left} wait" if left else "nothing waits"
