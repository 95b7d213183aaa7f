"""`mynah post` and `mynah delete`: one thing said by hand, and one taken back."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.commands.doctor import ready
from bot.commands.opening import BUSY, FAILED, address, agreed, listed, loaded
from bot.errors import Busy, Gone, ModelError, MynahError
from bot.history import ledger
from bot.values import Draft

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping, Sequence
    from typing import Any

    from bot.clock import Clock
    from bot.config.settings import Settings
    from bot.config.state_dir import StateDir
    from bot.history.store import Store
    from bot.rounds.posting import DraftSettings, Round
    from bot.sending.outbox import DryRunPublisher
    from bot.values import Post, Receipt
    from bot.voice.model_voice import ModelMemory
    from bot.voice.voice import Voice
    from bot.x.twitter import X

PATIENCE = 45.0  # seconds for the bot that runs: its heartbeat comes each 15 s, and X may take its time


def post(args: Namespace) -> int:
    """One process at a time speaks from a history. Where the bot runs, it is the bot that sends: it has the keys."""
    from bot.clock import SystemClock
    from bot.config.state_dir import StateDir

    settings = loaded(args).settings
    folder, clock = StateDir(settings.state), SystemClock()
    holder = folder.holder()
    if holder is None:
        return _tell(_alone(args, settings, folder, clock), settings, args)
    return _tell(_through(holder, args, settings, folder, clock), settings, args)


def _alone(args: Namespace, settings: Settings, folder: StateDir, clock: Clock) -> Round:
    from bot.clock import stamp
    from bot.rounds import slots
    from bot.rounds.posting import deliver, speak
    from bot.running import assembly

    publisher = assembly.publisher(settings, clock)
    outbox = assembly.outbox(settings, publisher, clock, every=None)
    about = {"since": stamp(clock.now()), "live": settings.live, "every": None, "bot": settings.bot}
    with folder.hold(about | {"mode": settings.mode}), assembly.history(settings, folder) as store:
        assembly.claim(store, settings)
        if settings.live:
            ready(settings, folder, store, clock)
        lost = outbox.recover(store)
        if lost:
            _look(store, settings, publisher, clock)
        if found := _found(args, store, lost):
            return found
        if parked := _parked(args, store, dry=outbox.dry):
            return deliver(parked, outbox, store)
        voice, draft_settings = _words(args, settings, folder, store)
        screen = assembly.screen(settings, store, voice)
        slot, review_mode = slots.once(clock.now()), args.draft and settings.mode == "review"
        return speak(slot, voice, screen, outbox, store, draft_settings, clock, review_mode=review_mode)


def _through(holder: Mapping[str, Any], args: Namespace, settings: Settings, folder: StateDir, clock: Clock) -> Round:
    """Write it down as approved, which is what the bot that runs sends first, and wait for what becomes of it."""
    from bot.history.store import Store
    from bot.rounds import slots
    from bot.rounds.posting import Round, prepare
    from bot.running import assembly

    if holder.get("live") is not settings.live:
        modes: dict[object, str] = {True: "posts for real", False: "rehearses"}
        mode = modes.get(holder.get("live"), "is only starting")
        meant = "for real" if settings.live else "a rehearsal"
        raise Busy(
            f"the bot that runs (process {holder.get('pid', '?')}) {mode}, and this would be {meant}: say --live "
            "or --dry-run as it does, or stop it"
        )
    every = timedelta(seconds=holder["every"]) if holder.get("every") else None
    outbox = assembly.outbox(settings, _Elsewhere(), clock, every=every)
    with Store.open(folder.history, create=False) as store:
        slot = slots.once(clock.now())
        if parked := _parked(args, store, dry=outbox.dry):
            written = Round("approved", slot.key, post=parked)
        else:
            voice, draft_settings = _words(args, settings, folder, store)
            screen = assembly.screen(settings, store, voice)
            review_mode = args.draft and "review" in {settings.mode, holder.get("mode")}
            written = prepare(slot, voice, screen, outbox, store, draft_settings, clock, review_mode=review_mode)
        return _outcome(written, store, clock) if written.outcome == "approved" else written


class _Elsewhere:
    """The bot that runs sends what is written down; this process must not."""

    def post(self, text: str, *, reply_to: str | None = None, without: Sequence[str] = ()) -> Receipt:  # noqa: ARG002
        raise Busy(f"only the bot that runs may send {text!r}: please report this")


def _look(store: Store, settings: Settings, publisher: X | DryRunPublisher, clock: Clock) -> None:
    """For a post that may or may not exist, as the bot that runs does: nothing goes out beside it."""
    from bot.running import assembly, log

    hidden = assembly.hidden(settings)  # what it finds goes to stderr: stdout is the command's own answer
    log.configure(level=settings.log.level, console=True, stream=sys.stderr, secrets=hidden, clock=clock)
    if reconciler := assembly.reconciler(settings, publisher, clock):
        reconciler.look(store, "unknown")


def _found(args: Namespace, store: Store, lost: Sequence[Post]) -> Round | None:
    """The same words, asked for before, whose answer was lost: they are on X."""
    from bot.rounds.posting import Round

    for post in (store.post(each.id) for each in lost):
        if post.state == "posted" and post.text == args.text:
            return Round(post.state, post.slot or "", post=post, detail=post.note)
    return None


def _parked(args: Namespace, store: Store, *, dry: bool) -> Post | None:
    """The same words, asked for before and waiting since."""
    return next((post for post in store.posts_in("approved", dry=dry) if post.text == args.text), None)


class ByHand:
    """A voice for a person's own words, so that they go the way of every draft."""

    name = "by hand"
    person = None

    def __init__(self, text: str, learnt: ModelMemory) -> None:
        self._text = text
        self.copied = learnt.copied
        self.foreign = learnt.foreign

    def draft(self, prompt: str, *, n: int, seed: int, author: str | None = None) -> list[Draft]:  # noqa: ARG002
        return [Draft(self._text)]

    def log_likelihoods(self, texts: Sequence[str], *, given: str = "") -> list[float]:  # noqa: ARG002  nobody judges it
        return [0.0] * len(texts)


def _words(args: Namespace, settings: Settings, folder: StateDir, store: Store) -> tuple[Voice, DraftSettings]:
    """Who speaks, and how to ask; a person's words are looked at here, to give every reason against them at once."""
    from bot.rounds.posting import DraftSettings
    from bot.running import assembly
    from bot.voice.model_voice import ModelMemory, promoted

    current = promoted(folder.models)
    if args.draft:
        if current is None:
            raise ModelError(f"there is no model in {folder.models} yet: `mynah retrain` makes one")
        return assembly.voice(current, settings), assembly.draft_settings(
            settings, lambda why: print(why, file=sys.stderr)
        )
    voice = ByHand(args.text, ModelMemory.open(current))
    if reasons := assembly.screen(settings, store, voice).reasons(Draft(args.text)):
        raise MynahError(f"this may not go out: {listed(reasons)}; docs/operating.md says what each means")
    return voice, DraftSettings(prompts=("",), candidates=1, tries=1)


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
    from bot.commands.console import tables

    code = {"dry": 0, "posted": 0, "waiting": BUSY, "drafted": BUSY}.get(ended.outcome, FAILED)
    post = ended.post
    if args.json:
        about = {"post": post.id, "x_id": post.x_id, "text": post.text} if post else {}
        print(tables.as_json({"outcome": ended.outcome, **about, "detail": ended.detail, "refused": ended.refused}))
        return code
    told = {
        "dry": "rehearsed, and sent to nobody; --live posts for real",
        "posted": f"on X as {address(settings, settings.bot, (post and post.x_id) or '')}",
        "waiting": "not now",
        "drafted": "not yet",
        "skipped": "nothing was said",
    }.get(ended.outcome, ended.outcome)
    lines = [post.text] if post else []
    lines.append((f"post {post.id}: " if post else "") + told + (f": {ended.detail}" if ended.detail else ""))
    print("\n".join(lines), file=sys.stderr if code else sys.stdout)
    return code


def delete(args: Namespace) -> int:
    """By hand, and for good: neither a pause nor an empty budget should keep a bad post on X."""
    from bot.clock import SystemClock
    from bot.config.state_dir import StateDir
    from bot.history.store import Store
    from bot.running import assembly
    from bot.sending import budget

    settings, clock = loaded(args).settings, SystemClock()
    price = assembly.prices(settings).delete
    with ExitStack() as opened:
        store = opened.enter_context(Store.open(StateDir(settings.state).history, create=False))
        found = store.post(args.id)
        if found.state != "posted" or found.x_id is None:
            raise MynahError(f"post {found.id} is {found.state}: only one that is posted can be deleted")
        if store.is_deleted(found.id):
            print(f"post {found.id} is deleted already")
            return 0
        x = opened.enter_context(assembly.gateway(settings, clock))  # asks for the keys
        assembly.claim(store, settings.model_copy(update={"live": True}))
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
