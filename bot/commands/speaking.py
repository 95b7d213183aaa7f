"""`mynah post` and `mynah delete`: one thing said by hand, and one taken back."""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from bot import ledger
from bot.commands.health import ready
from bot.commands.shown import BUSY, FAILED, agreed, loaded
from bot.errors import Busy, Gone, ModelError, MynahError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping
    from typing import Any

    from bot.clock import Clock
    from bot.folder import StateFolder
    from bot.posting import Manner, Round
    from bot.settings import Settings
    from bot.store import Store
    from bot.tweets import Post, Receipt
    from bot.voice import Voice

PATIENCE = 45.0  # seconds for the bot that runs: its heartbeat comes each 15 s, and X may take its time


def post(args: Namespace) -> int:
    """One process at a time speaks from a history. Where the bot runs, it is the bot that sends: it has the keys."""
    from bot.clock import SystemClock
    from bot.folder import StateFolder

    settings = loaded(args).settings
    folder, clock = StateFolder(settings.state), SystemClock()
    holder = folder.holder()
    if holder is None:
        return _tell(_alone(args, settings, folder, clock), settings, args)
    return _tell(_through(holder, args, settings, folder, clock), settings, args)


def _alone(args: Namespace, settings: Settings, folder: StateFolder, clock: Clock) -> Round:
    from bot import build, slots
    from bot.clock import stamp
    from bot.posting import deliver, speak
    from bot.store import Store

    outbox = build.outbox(settings, build.publisher(settings, clock), clock, every=None)
    about = {"since": stamp(clock.now()), "live": settings.live, "every": None, "bot": settings.bot}
    with folder.hold(about), Store.open(folder.history) as store:
        build.claim(store, settings)
        if settings.live:
            ready(settings, folder, store, clock)
        outbox.recover(store)
        if parked := _parked(args, store, dry=outbox.dry):
            return deliver(parked, outbox, store)
        voice, manner = _words(args, settings, folder, store)
        screen = build.screen(settings, store, voice.copied)
        return speak(slots.once(clock.now()), voice, screen, outbox, store, manner, clock)


def _through(
    holder: Mapping[str, Any], args: Namespace, settings: Settings, folder: StateFolder, clock: Clock
) -> Round:
    """Write it down as approved, which is what the bot that runs sends first, and wait for what becomes of it."""
    from bot import build, slots
    from bot.posting import Round, prepare
    from bot.store import Store

    if holder.get("live") is not settings.live:
        modes: dict[object, str] = {True: "posts for real", False: "rehearses"}
        mode = modes.get(holder.get("live"), "is only starting")
        meant = "for real" if settings.live else "a rehearsal"
        raise Busy(
            f"the bot that runs (process {holder.get('pid', '?')}) {mode}, and this would be {meant}: say --live "
            "or --dry-run as it does, or stop it"
        )
    every = timedelta(seconds=holder["every"]) if holder.get("every") else None
    outbox = build.outbox(settings, _Elsewhere(), clock, every=every)
    with Store.open(folder.history, create=False) as store:
        slot = slots.once(clock.now())
        if parked := _parked(args, store, dry=outbox.dry):
            written = Round("approved", slot.key, post=parked)
        else:
            voice, manner = _words(args, settings, folder, store)
            screen = build.screen(settings, store, voice.copied)
            written = prepare(slot, voice, screen, outbox, store, manner, clock)
        return _outcome(written, store, clock) if written.post else written


class _Elsewhere:
    """The bot that runs sends what is written down; this process must not."""

    def post(self, text: str) -> Receipt:
        raise Busy(f"only the bot that runs may send {text!r}: please report this")


def _parked(args: Namespace, store: Store, *, dry: bool) -> Post | None:
    """The same words, asked for before and waiting since."""
    return next((post for post in store.posts_in("approved", dry=dry) if post.text == args.text), None)


def _words(args: Namespace, settings: Settings, folder: StateFolder, store: Store) -> tuple[Voice, Manner]:
    """Who speaks, and how to ask; a person's words are looked at here, to give every reason against them at once."""
    from bot import build
    from bot.posting import Manner
    from bot.tweets import Draft
    from bot.voice import ByHand, open_memory, promoted

    current = promoted(folder.models)
    if args.draft:
        if current is None:
            raise ModelError(f"there is no model in {folder.models} yet: `mynah retrain` makes one")
        return build.voice(current, settings), build.manner(settings)
    voice = ByHand(args.text, open_memory(current))
    if reasons := build.screen(settings, store, voice.copied).reasons(Draft(args.text)):
        told = ", ".join(f"{reason.name} ({reason.detail})" if reason.detail else reason.name for reason in reasons)
        raise MynahError(f"this may not go out: {told}; docs/operating.md says what each means")
    return voice, Manner(prompts=("",), candidates=1, tries=1)


def _outcome(written: Round, store: Store, clock: Clock) -> Round:
    from dataclasses import replace

    assert written.post is not None  # noqa: S101  the caller looked
    late = clock.monotonic() + PATIENCE
    found = written.post
    while found.state in {"approved", "sending"} and not found.not_before and clock.monotonic() < late:
        time.sleep(0.2)
        found = store.post(found.id)
    outcome = "waiting" if found.state in {"approved", "sending"} else found.state
    detail = found.note or ("the bot that runs has not come to it yet" if outcome == "waiting" else "")
    return replace(written, outcome=outcome, post=found, detail=detail)


def _tell(ended: Round, settings: Settings, args: Namespace) -> int:
    from bot import tables

    code = {"dry": 0, "posted": 0, "waiting": BUSY}.get(ended.outcome, FAILED)
    post = ended.post
    if args.json:
        about = {"post": post.id, "x_id": post.x_id, "text": post.text} if post else {}
        print(tables.as_json({"outcome": ended.outcome, **about, "detail": ended.detail, "refused": ended.refused}))
        return code
    told = {
        "dry": "rehearsed, and sent to nobody; --live posts for real",
        "posted": f"on X as https://x.com/{settings.bot}/status/{post.x_id if post else ''}",
        "waiting": "not now",
        "skipped": "nothing was said",
    }.get(ended.outcome, ended.outcome)
    lines = [post.text] if post else []
    lines.append((f"post {post.id}: " if post else "") + told + (f": {ended.detail}" if ended.detail else ""))
    print("\n".join(lines), file=sys.stderr if code else sys.stdout)
    return code


def delete(args: Namespace) -> int:
    """By hand, and for good: neither a pause nor an empty budget should keep a bad post on X."""
    from bot import budget, build
    from bot.clock import SystemClock
    from bot.folder import StateFolder
    from bot.store import Store

    settings = loaded(args).settings
    folder, clock = StateFolder(settings.state), SystemClock()
    price = build.prices(settings).delete
    with Store.open(folder.history, create=False) as store, build.gateway(settings, clock) as x:
        build.claim(store, settings.model_copy(update={"live": True}))
        found = store.post(args.id)
        if found.state != "posted" or found.x_id is None:
            raise MynahError(f"post {found.id} is {found.state}: only one that is posted can be deleted")
        if store.is_deleted(found.id):
            print(f"post {found.id} is deleted already")
            return 0
        print(f"{found.text}\nDeleting it costs {budget.dollars(price)} at X and cannot be undone.", file=sys.stderr)
        if not args.yes and not agreed(f"Delete post {found.id}?"):
            print("nothing was deleted")
            return 0
        try:
            x.delete(found.x_id)
        except Gone:  # somebody was faster
            store.mark_deleted(found.id, at=clock.now())
            print(f"post {found.id} was no longer on X")
            return 0
        with store.atomic():
            store.mark_deleted(found.id, at=clock.now())
            ledger.spend(store, "delete", price, about=f"post {found.id}", by_hand=True, at=clock.now())
    print(f"post {found.id} is deleted")
    return 0
