"""`mynah review`: a person approves, edits or rejects waiting drafts, one after another or by number."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any, NamedTuple

from bot.commands import arguments
from bot.commands.console import terminal
from bot.commands.console.output import post_row, reasons_text, show
from bot.commands.console.terminal import say
from bot.commands.opening import history_to_read, loaded, post_url
from bot.errors import MynahError
from bot.history import mentions
from bot.history import review as queue
from bot.text import times
from bot.text.visible import visible
from bot.text.wrapping import wrapped

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from datetime import datetime

    from bot.clock import Clock
    from bot.commands.console.keyboard import Terminal
    from bot.config.settings import Settings
    from bot.config.state_dir import StateDir
    from bot.history.store import Store
    from bot.values import Post, Reason

KEYS = "[a]pprove  [e]dit  [r]eject  [s]kip  [q]uit  [?]"
HELP = """a  approve: the running bot posts it as soon as its limits allow
e  edit: change the text, which is screened again and still needs approval
r  reject: it is never posted; you may type a reason for the history
s  skip: it stays in the queue until it expires
q  quit: what you decided so far is kept"""
COLUMNS = ("id", "kind", "text", "length", "expires")
WIDTH = 72  # columns to wrap a post to


class ReviewSession(NamedTuple):
    """What a decision on a draft needs."""

    settings: Settings
    folder: StateDir
    store: Store
    terms: queue.ReviewSettings
    clock: Clock
    refused: dict[int, str]  # the last edit of a post that the screen refused, to go on from


def add_arguments(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="what", metavar="ACTION", help="default: review one draft after another")
    arguments.add_json(actions.add_parser("list", help="list the waiting drafts, oldest first"))
    for name, help_ in (
        ("show", "show everything about one draft"),
        ("approve", "approve a draft: the running bot posts it"),
        ("reject", "reject a draft for good, or withdraw an approval before it is sent"),
        ("edit", "replace the text of a draft, which still needs approval"),
    ):
        action = actions.add_parser(name, help=help_, description=f"{help_[0].upper()}{help_[1:]}.")
        action.add_argument("id", type=arguments.count, help="the number of the draft")
        arguments.add_json(action)
        if name == "reject":
            action.add_argument("--because", metavar="TEXT", default="", help="the reason, for the history")
        if name == "edit":
            action.add_argument("--text", required=True, help="the new text")


def review(args: Namespace) -> int:
    if args.what in {None, "approve", "reject", "edit"}:
        return _decide(args)
    from bot.clock import SystemClock
    from bot.running import assembly

    settings = loaded(args).settings
    folder, store = history_to_read(settings)
    if args.what == "show" and store is None:
        raise MynahError(f"there is no history in {folder.root} yet")
    now, terms = SystemClock().now(), assembly.review_settings(settings)
    if args.what == "list":
        rows = [_row(post, terms) for post in waiting_drafts(store, terms, now)] if store else []
        show(rows, COLUMNS, args, empty="no drafts are waiting")
    elif store:
        row = _row(store.post(args.id), terms) | {"reviews": queue.verdicts(store, args.id)}
        lines = [{"field": key.replace("_", " "), "value": value} for key, value in row.items()]
        show([row] if args.json else lines, ("field", "value"), args)
    return 0


def _decide(args: Namespace) -> int:
    from bot.clock import SystemClock
    from bot.config.state_dir import StateDir
    from bot.history.store import Store
    from bot.running import assembly

    settings = loaded(args).settings
    folder = StateDir(settings.state)
    if not folder.history.exists():
        raise MynahError(f"no drafts are waiting: there is no history in {folder.root} yet")
    with Store.open(folder.history, create=False) as store:
        session = ReviewSession(settings, folder, store, assembly.review_settings(settings), SystemClock(), {})
        return _review_all(session) if args.what is None else _review_one(session, args)


def _review_one(session: ReviewSession, args: Namespace) -> int:
    post = session.store.post(args.id)
    reasons: tuple[Reason, ...] = ()
    match args.what:
        case "approve":
            queue.approve(session.store, post, session.terms, session.clock.now())
        case "reject":
            queue.reject(session.store, post, args.because.strip(), session.clock.now())
        case _:
            reasons = edit_draft(session, post, args.text.strip())
    if reasons:
        raise MynahError(f"post {post.id} is unchanged: the screen refuses the new text: {reasons_text(reasons)}")
    post = session.store.post(post.id)
    if args.json:
        from bot.commands.console import tables

        print(tables.as_json(_row(post, session.terms)))
    else:
        say(outcome_text(session, post))
    return 0


def edit_draft(session: ReviewSession, post: Post, text: str) -> tuple[Reason, ...]:
    """Replace the text if it passes the whole screen; it may repeat the old text. Returns the reasons against it."""
    from bot.running import assembly
    from bot.voice.model_voice import ModelMemory, promoted

    settings = session.settings.model_copy(update={"live": not post.dry})
    screen = assembly.screen(settings, session.store, ModelMemory.open(promoted(session.folder.models)), but=post.id)
    return queue.edit(session.store, post, text, screen, session.terms, session.clock.now())


def _review_all(session: ReviewSession) -> int:
    """Review all drafts, oldest first; new ones join at the end. Each decision is stored at once: quitting is safe."""
    from bot.commands.console.keyboard import terminal

    person = terminal()
    outcomes: list[str] = []
    last, message = 0, ""
    while True:
        drafts = [post for post in waiting_drafts(session.store, session.terms, session.clock.now()) if post.id > last]
        if not drafts:
            break
        person.show(_page(drafts[0], len(drafts), message, session))
        message, is_done = _ask(session, drafts[0], person, outcomes)
        if message is None:
            break
        last = drafts[0].id if is_done else last
    say(f"{', '.join(outcomes) or 'nothing was reviewed'}; {_count_text(session)}")
    return 0


def _ask(session: ReviewSession, post: Post, person: Terminal, outcomes: list[str]) -> tuple[Any, bool]:
    """Ask for a decision. Returns a message for the next page (None: quit) and whether to go on to the next draft."""
    key, words = person.choice(KEYS)
    if key in {"", "q"}:
        return None, False
    if key == "?":
        return HELP, False
    if key == "s":
        return f"post {post.id} stays in the queue", True
    action = {"a": _approve, "e": _rewrite, "r": _reject}.get(key)
    if action is None:
        return f"{key!r} is not one of the keys: ? explains them", False
    try:
        message, is_done = action(session, post, person, words)
    except MynahError as error:  # somebody else has decided, or it has expired
        return str(error), session.store.post(post.id).state != "drafted"
    if is_done:
        outcomes.append(message)
    return message, is_done


def _approve(session: ReviewSession, post: Post, _: Terminal, __: str) -> tuple[str, bool]:
    queue.approve(session.store, post, session.terms, session.clock.now())
    return outcome_text(session, session.store.post(post.id)), True


def _reject(session: ReviewSession, post: Post, person: Terminal, words: str) -> tuple[str, bool]:
    because = words or person.words("reason (Enter: no reason):") or ""
    queue.reject(session.store, post, because.strip(), session.clock.now())
    return f"post {post.id} is rejected", True


def _rewrite(session: ReviewSession, post: Post, person: Terminal, words: str) -> tuple[str, bool]:
    text = words or person.words("text:", session.refused.get(post.id, post.text))
    if not text or text.strip() == post.text:
        return "the text is unchanged", False
    if reasons := edit_draft(session, post, text.strip()):
        session.refused[post.id] = text.strip()
        why = f"the screen refuses {text.strip()!r}: {reasons_text(reasons)}"
        return f"the text is unchanged: {why}\ne goes on with your words", False
    session.refused.pop(post.id, None)
    return "the text is changed and still needs approval", False


def waiting_drafts(store: Store, terms: queue.ReviewSettings, now: datetime) -> list[Post]:
    both = [*queue.waiting(store, terms, now, dry=False), *queue.waiting(store, terms, now, dry=True)]
    return sorted(both, key=lambda post: post.id)


def _row(post: Post, terms: queue.ReviewSettings) -> dict[str, Any]:
    about = post_row(post)
    about["kind"] = f"{post.kind}, dry run" if post.dry else post.kind
    return about | {"expires": queue.expires(post, terms) if post.state == "drafted" else None}


def _page(post: Post, left: int, message: str, session: ReviewSession) -> str:
    from zoneinfo import ZoneInfo

    from bot.commands.console import tables

    end = queue.expires(post, session.terms)
    facts = {
        "prompt": repr(post.prompt) if post.prompt else "none",
        "model": post.model,
        "likelihood": f"{post.likelihood:.3f}",
        "length": f"{post.length} of 280",
        "expires": times.said(end, session.clock.now(), ZoneInfo(session.settings.schedule.timezone)),
    }
    if post.note == "edited":
        del facts["likelihood"]  # it belongs to the old text
    if post.reply_to:
        mention = mentions.get(session.store, post.reply_to)
        facts = {"reply to": post_url(session.settings, mention.handle if mention else "", post.reply_to)} | facts
    columns = min(terminal.width() or WIDTH + 4, WIDTH + 4)
    text = "\n".join(wrapped(visible(post.text), columns - 4))
    title = f"post {post.id}{', dry run' if post.dry else ''}{', edited' if post.note == 'edited' else ''}"
    return "\n".join([
        *(["\n".join(wrapped(visible(message), columns)) + "\n"] if message else []),
        f"{title} · {left} to review\n",
        textwrap.indent(text, "    ") + "\n",
        tables.as_facts([tables.Fact(name, visible(value)) for name, value in facts.items()], width=columns),
        "",
    ])  # fmt: skip


def outcome_text(session: ReviewSession, post: Post) -> str:
    if post.state != "approved":
        state = "edited and needs approval" if post.state == "drafted" else post.state
        return f"post {post.id} is {state}"
    running = session.folder.holder()
    if running is None or running.get("live") is post.dry:
        command = "mynah run --dry-run" if post.dry else "mynah run --live"
        return f"post {post.id} is approved: it is sent the next time `{command}` is started"
    return f"post {post.id} is approved: the running bot sends it as soon as its limits allow"


def _count_text(session: ReviewSession) -> str:
    count = len(waiting_drafts(session.store, session.terms, session.clock.now()))
    return f"{count} waiting" if count else "no drafts are waiting"
