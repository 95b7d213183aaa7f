"""`mynah post` and `mynah delete`: posts something by hand, and deletes a post."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from bot.commands import arguments
from bot.commands.console.keyboard import confirm
from bot.commands.console.output import reasons_text
from bot.commands.console.terminal import say
from bot.commands.doctor import ready
from bot.commands.opening import BUSY, FAILED, loaded, post_url
from bot.errors import Busy, Gone, ModelError, MynahError
from bot.history import ledger
from bot.values import BY_HAND, Draft

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Mapping, Sequence
    from typing import Any

    from bot.clock import Clock
    from bot.config.settings import Settings
    from bot.config.state_dir import StateDir
    from bot.history.store import Store
    from bot.rounds.posting import DraftSettings, Round
    from bot.sending.outbox import DryRunPublisher, Outbox
    from bot.values import Post, Receipt
    from bot.voice.model_voice import ModelMemory
    from bot.voice.voice import Voice
    from bot.x.twitter import X

PATIENCE = 45.0  # seconds for the running bot: it looks every 15 s, and X may be slow


class Wish(NamedTuple):
    """What somebody wants posted: a text of theirs, a draft that they chose, or a draft still to be made."""

    text: str | None = None
    chosen: Draft | None = None
    model: str = ""  # which made the chosen draft

    @property
    def words(self) -> str | None:
        return self.chosen.text if self.chosen else self.text

    @property
    def is_by_model(self) -> bool:
        """Then a person has to approve it in review mode."""
        return self.text is None


def add_post_arguments(parser: ArgumentParser) -> None:
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("text", nargs="?", help="the text to post")
    source.add_argument("--draft", action="store_true", help="post a draft from the model")
    arguments.add_live(parser)
    arguments.add_json(parser)


def post(args: Namespace) -> int:
    """Post something by hand. If the bot is running, it sends the post: only one process may post from a history."""
    from bot.clock import SystemClock
    from bot.config.state_dir import StateDir

    settings = loaded(args).settings
    ended = post_now(Wish(text=args.text), settings, StateDir(settings.state), SystemClock(), patience=PATIENCE)
    return _report(ended, settings, args)


def post_now(wish: Wish, settings: Settings, folder: StateDir, clock: Clock, *, patience: float) -> Round:
    """Post, or hand it to the running bot and wait so many seconds for the outcome."""
    holder = folder.holder()
    if holder is None:
        return _post_directly(wish, settings, folder, clock)
    return _post_through(holder, wish, settings, folder, clock, patience)


def _post_directly(wish: Wish, settings: Settings, folder: StateDir, clock: Clock) -> Round:
    from bot.clock import stamp
    from bot.rounds import slots
    from bot.rounds.posting import Pipeline, deliver, speak
    from bot.running import account, assembly

    publisher = account.publisher(settings, clock)
    outbox = assembly.outbox(settings, publisher, clock, every=None)
    about = {"since": stamp(clock.now()), "live": settings.live, "every": None, "bot": settings.bot}
    with folder.hold(about | {"mode": settings.mode}), assembly.history(settings, folder) as store:
        account.claim(store, settings)
        if settings.live:
            ready(settings, folder, store, clock)
        lost = outbox.recover(store)
        if lost:
            _reconcile(store, settings, publisher, clock)
        if earlier := _posted_before(wish, store, lost):
            return earlier
        if parked := _parked(wish, store, dry=outbox.dry):
            return deliver(parked, outbox, store)
        voice, draft_settings = _voice(wish, settings, folder, store)
        pipeline = Pipeline(voice, lambda _: assembly.screen(settings, store, voice), outbox, draft_settings, clock)
        review_mode = wish.is_by_model and settings.mode == "review"
        return speak(slots.once(clock.now()), store, pipeline, review_mode=review_mode, may_queue=True)


def _post_through(
    holder: Mapping[str, Any], wish: Wish, settings: Settings, folder: StateDir, clock: Clock, patience: float
) -> Round:
    """Stores the post as approved, which the running bot sends first, and waits for the outcome."""
    from bot.history.store import Store
    from bot.rounds import slots
    from bot.rounds.posting import Pipeline, Round, prepare
    from bot.running import assembly

    if holder.get("live") is not settings.live:
        modes: dict[object, str] = {True: "is live", False: "makes dry runs"}
        mode = modes.get(holder.get("live"), "is still starting")
        ours = "live" if settings.live else "a dry run"
        raise Busy(
            f"the running bot (process {holder.get('pid', '?')}) {mode}, but this post would be {ours}: use "
            "the bot's mode (--live or --dry-run), or stop the bot"
        )
    every = timedelta(seconds=holder["every"]) if holder.get("every") else None
    outbox = assembly.outbox(settings, _NoPublisher(), clock, every=every)
    with Store.open(folder.history, create=False) as store:
        slot = slots.once(clock.now())
        if parked := _parked(wish, store, dry=outbox.dry):
            ended = Round("approved", slot.key, post=parked)
        else:
            voice, draft_settings = _voice(wish, settings, folder, store)
            pipeline = Pipeline(voice, lambda _: assembly.screen(settings, store, voice), outbox, draft_settings, clock)
            review_mode = wish.is_by_model and "review" in {settings.mode, holder.get("mode")}
            ended = prepare(slot, store, pipeline, review_mode=review_mode, may_queue=True)
        return _wait_for_outcome(ended, store, outbox, clock, patience) if ended.outcome == "approved" else ended


class _NoPublisher:
    """Refuses to send: while the bot is running, only the bot sends approved posts."""

    def post(self, text: str, *, reply_to: str | None = None, without: Sequence[str] = ()) -> Receipt:  # noqa: ARG002
        raise Busy(f"only the running bot may send {text!r}: please report this")


def _reconcile(store: Store, settings: Settings, publisher: X | DryRunPublisher, clock: Clock) -> None:
    """Looks on X for a post that may or may not exist: nothing else is posted before that is settled."""
    from bot.commands.run import log_lines
    from bot.running import account, assembly, log

    hidden = account.hidden(settings)  # logs to stderr: stdout is for the result
    log.configure(
        level=settings.log.level,
        stream=sys.stderr,
        secrets=hidden,
        clock=clock,
        console=log_lines(settings, sys.stderr),
    )
    if reconciler := assembly.reconciler(settings, publisher, clock):
        reconciler.look_up(store, "unknown")


def _posted_before(wish: Wish, store: Store, lost: Sequence[Post]) -> Round | None:
    """Return the post of an earlier call with the same text, if X's response was lost but the post is on X."""
    from bot.rounds.posting import Round

    for post in (store.post(each.id) for each in lost):
        if post.state == "posted" and post.text == wish.words:
            return Round(post.state, post.slot or "", post=post, detail=post.note)
    return None


def _parked(wish: Wish, store: Store, *, dry: bool) -> Post | None:
    """Return the approved post of an earlier call with the same text, if it is still waiting to be sent."""
    return next((post for post in store.posts_in("approved", dry=dry) if post.text == wish.words), None)


class ByHand:
    """A voice for a text that a person wrote or chose, so that it takes the same path as a draft."""

    person = None

    def __init__(self, draft: Draft, memory: ModelMemory, name: str = "") -> None:
        self.name = name or BY_HAND
        self._draft = draft
        self.languages = memory.languages
        self.copied = memory.copied
        self.foreign = memory.foreign

    def draft(self, prompt: str, *, n: int, seed: int, author: str | None = None) -> list[Draft]:  # noqa: ARG002
        return [self._draft]

    def log_likelihoods(self, texts: Sequence[str], *, given: str = "") -> list[float]:  # noqa: ARG002  its score is not used
        return [0.0] * len(texts)


def _voice(wish: Wish, settings: Settings, folder: StateDir, store: Store) -> tuple[Voice, DraftSettings]:
    """The voice and its settings. A given text is screened here, to give all reasons against it at once."""
    from bot.rounds.posting import DraftSettings
    from bot.running import assembly
    from bot.voice.model_voice import ModelMemory, promoted

    current = promoted(folder.models)
    given = wish.chosen or (Draft(wish.text) if wish.text is not None else None)
    if given is None:
        if current is None:
            raise ModelError(f"there is no model in {folder.models} yet: `mynah retrain` makes one")
        return assembly.voice(current, settings), assembly.draft_settings(
            settings, lambda why: say(why, stream=sys.stderr)
        )
    voice = ByHand(given, ModelMemory.open(current), wish.model)
    if reasons := assembly.screen(settings, store, voice).reasons(given):
        raise MynahError(
            f"the screen refuses this text: {reasons_text(reasons)}; docs/operating.md explains the reasons"
        )
    return voice, DraftSettings(prompts=("",), candidates=1, tries=1)


def _wait_for_outcome(ended: Round, store: Store, outbox: Outbox, clock: Clock, patience: float) -> Round:
    from dataclasses import replace

    assert ended.post is not None  # noqa: S101  it was approved
    deadline = clock.monotonic() + patience
    post = ended.post
    while post.state in {"approved", "sending"} and not post.not_before and clock.monotonic() < deadline:
        time.sleep(0.2)
        post = store.post(post.id)
    outcome = "waiting" if post.state in {"approved", "sending"} else post.state
    detail = post.note
    if outcome == "waiting" and not detail:
        detail = outbox.in_flight(store) or "the running bot has not sent it yet"
    return replace(ended, outcome=outcome, post=post, detail=detail)


def _report(ended: Round, settings: Settings, args: Namespace) -> int:
    from bot.commands.console import tables

    code = {"dry": 0, "posted": 0, "waiting": BUSY, "drafted": BUSY}.get(ended.outcome, FAILED)
    post = ended.post
    if args.json:
        about = {"post": post.id, "x_id": post.x_id, "text": post.text} if post else {}
        print(tables.as_json({"outcome": ended.outcome, **about, "detail": ended.detail, "refused": ended.refused}))
        return code
    outcome = {
        "dry": "dry run, nothing was sent; --live posts for real",
        "posted": f"on X as {post_url(settings, settings.bot, (post and post.x_id) or '')}",
        "waiting": "not posted now",
        "drafted": "not posted yet",
        "skipped": "nothing was posted",
    }.get(ended.outcome, ended.outcome)
    lines = [post.text] if post else []
    lines.append((f"post {post.id}: " if post else "") + outcome + (f": {ended.detail}" if ended.detail else ""))
    say("\n".join(lines), stream=sys.stderr if code else sys.stdout)
    return code


def add_delete_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("id", type=arguments.count, help="the number of the post in the history")
    arguments.add_yes(parser)


def delete(args: Namespace) -> int:
    """Delete a post. Ignores a pause and a used-up budget, so that a bad post can always be deleted."""
    from bot.clock import SystemClock
    from bot.config.state_dir import StateDir
    from bot.history.store import Store
    from bot.running import account, assembly
    from bot.sending import budget

    settings, clock = loaded(args).settings, SystemClock()
    price = assembly.prices(settings).delete
    with ExitStack() as stack:
        store = stack.enter_context(Store.open(StateDir(settings.state).history, create=False))
        post = store.post(args.id)
        if post.state != "posted" or post.x_id is None:
            raise MynahError(f"post {post.id} is {post.state}: only posts that are on X can be deleted")
        if store.is_deleted(post.id):
            say(f"post {post.id} is already deleted")
            return 0
        x = stack.enter_context(account.gateway(settings, clock))  # fails without keys
        account.claim(store, settings.model_copy(update={"live": True}))
        say(f"{post.text}\nDeleting it costs {budget.dollars(price)} at X and cannot be undone.", stream=sys.stderr)
        if not args.yes and not confirm(f"Delete post {post.id}?"):
            say("nothing was deleted")
            return 0
        try:
            x.delete(post.x_id)
        except Gone:  # deleted by hand
            store.mark_deleted(post.id, at=clock.now())
            say(f"post {post.id} was no longer on X")
            return 0
        with store.atomic():
            store.mark_deleted(post.id, at=clock.now())
            ledger.spend(store, "delete", price, about=f"post {post.id}", by_hand=True, at=clock.now())
    say(f"post {post.id} is deleted")
    return 0
