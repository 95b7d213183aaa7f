"""Queue: the drafts that wait for a person, who approves, edits or rejects each."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

from bot.commands import review as command
from bot.commands.opening import is_on_x
from bot.commands.review import ReviewSession
from bot.errors import MynahError
from bot.history import mentions
from bot.history import review as queue
from bot.running import assembly
from bot.screen.operator_lists import Rules, lists
from bot.text.length import LIMIT, weighted_length
from bot.values import Draft
from bot.voice.model_voice import ModelMemory, promoted
from bot.web.page import Tab, done, get, post, render, site
from bot.web.reasons import sentence

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from starlette.requests import Request
    from starlette.responses import Response

    from bot.history.store import Store
    from bot.values import Post, Reason
    from bot.web.page import Form
    from bot.web.site import Site

TAB = Tab("Queue", "/queue")
LONGEST_FORM_TEXT = 4_000  # characters; what is longer is not worth checking at each key


class Waiting(NamedTuple):
    """A draft with what one needs to judge it."""

    post: Post
    seen: str  # names the text that a decision is about
    expires: datetime
    handle: str  # whom a reply answers
    thread: str  # the address of what it answers
    typed: str = ""  # what an edit that was refused says
    reasons: tuple[str, ...] = ()


def show(request: Request) -> Response:
    return _page(request)


def _page(request: Request, *, refused: int = 0, typed: str = "", reasons: tuple[Reason, ...] = ()) -> Response:
    here = site(request)
    with here.history() as store:
        drafts = list(_waiting(here, store)) if store else []
        approved = _approved(store) if store else []
    sentences = tuple(map(sentence, reasons))
    drafts = [one._replace(typed=typed, reasons=sentences) if one.post.id == refused else one for one in drafts]
    return render(request, "queue.html", drafts=drafts, approved=approved, limit=LIMIT)


def _waiting(here: Site, store: Store) -> Iterator[Waiting]:
    terms = assembly.review_settings(here.settings)
    for draft in command.waiting_drafts(store, terms, here.now()):
        mention = mentions.get(store, draft.reply_to)
        thread = f"https://x.com/i/status/{draft.reply_to}" if draft.reply_to and is_on_x(here.settings) else ""
        handle = mention.handle if mention else ""
        yield Waiting(draft, _digest(draft.text), queue.expires(draft, terms), handle, thread)


def _approved(store: Store) -> list[tuple[Post, str]]:
    """What may still be withdrawn."""
    both = [*store.posts_in("approved", dry=False), *store.posts_in("approved", dry=True)]
    return [(one, _digest(one.text)) for one in both]


def _digest(text: str) -> str:
    """Names a text in a form: a browser may change the line ends of the text itself."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _as_seen(store: Store, request: Request, form: Form) -> Post:
    draft = store.post(int(request.path_params["id"]))
    if form.get("seen") != _digest(draft.text):
        raise MynahError(f"post {draft.id} was edited meanwhile: read it again, then decide")
    return draft


def _session(here: Site, store: Store) -> ReviewSession:
    return ReviewSession(here.settings, here.state_dir, store, assembly.review_settings(here.settings), here.clock, {})


def approve(request: Request, form: Form) -> Response:
    here = site(request)
    with here.history_to_write() as store:
        session, draft = _session(here, store), _as_seen(store, request, form)
        queue.approve(store, draft, session.terms, here.now())
        text = command.outcome_text(session, store.post(draft.id))
    return done(request, "/queue", _sentence(text))


def reject(request: Request, form: Form) -> Response:
    here = site(request)
    with here.history_to_write() as store:
        draft = _as_seen(store, request, form)
        queue.reject(store, draft, form.get("because", "").strip(), here.now())
    return done(request, "/queue", f"Post {draft.id} is rejected.")


def edit(request: Request, form: Form) -> Response:
    """A text that the screen refuses comes back with the reasons, and nothing that was typed is lost."""
    here, text = site(request), form.get("text", "").strip()
    with here.history_to_write() as store:
        draft = _as_seen(store, request, form)
        reasons = command.edit_draft(_session(here, store), draft, text) if text else ()
    if reasons:
        return _page(request, refused=draft.id, typed=text, reasons=reasons)
    changed = "is changed and still needs your approval" if text and text != draft.text else "is unchanged"
    return done(request, "/queue", f"Post {draft.id} {changed}.")


def check(request: Request, form: Form) -> Response:
    """The length and the verdict of a text while somebody types it. The classifier, which is slow, is left out."""
    here, text = site(request), form.get("text", "").strip()[:LONGEST_FORM_TEXT]
    with here.history() as store:
        if store is None:
            raise MynahError("there is no history yet")
        draft = store.post(int(request.path_params["id"]))
        screen = assembly.screen(
            here.settings_of(dry=draft.dry),
            store,
            ModelMemory.open(promoted(here.state_dir.models)),
            but=draft.id,
            rules=Rules(lists(here.settings.screen)),
        )
        reasons = screen.reasons(Draft(text, draft.prompt, draft.seed))
    verdict: dict[str, Any] = {"length": weighted_length(text), "reasons": tuple(map(sentence, reasons))}
    return render(request, "_check.html", limit=LIMIT, **verdict)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


ROUTES = [
    get("/queue", show),
    post("/queue/{id:int}/approve", approve),
    post("/queue/{id:int}/reject", reject),
    post("/queue/{id:int}/edit", edit),
    post("/queue/{id:int}/check", check),
]
