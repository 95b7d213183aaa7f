"""History: every post and every refused draft, page by page, and the whole story of one post."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlencode

from bot.clock import stamp
from bot.commands.opening import is_on_x, post_url
from bot.errors import StoreError
from bot.history import mentions, search
from bot.history.schema import LEGAL_MOVES
from bot.history.search import Filter
from bot.values import Reason
from bot.web.page import Tab, get, render, site
from bot.web.reasons import SENTENCES, sentence

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from bot.history.store import Store
    from bot.values import Post

TAB = Tab("History", "/history")
PER_PAGE = 50
STATES = sorted({state for move in LEGAL_MOVES for state in move})
LONGEST = 100  # characters to look for
LARGEST_ID = 2**63 - 1
EVENTS = {
    "drafted": "Written",
    "approved": "Approved",
    "rejected": "Rejected",
    "expired": "Expired",
    "sending": "Recorded, about to be sent",
    "posted": "On X",
    "dry": "Posted in a dry run",
    "refused": "X refused it",
    "unknown": "It may be on X: the answer was lost",
    "abandoned": "Given up",
    "deleted": "Deleted on X",
}
REVIEWS = {
    "approved": "A person approved it",
    "edited": "A person changed it. Before, it said",
    "rejected": "A person rejected it",
}
LOOKS = {
    "found": "Found on X",
    "absent": "Looked for on X, and not there",
    "undecided": "Looked for on X, undecided",
    "unreadable": "Looked for on X, which could not be read",
}


def show(request: Request) -> Response:
    what, shown = _filter(request), _shown(request)
    with site(request).history() as store:
        found = search.Page([], None)
        rows: list[Any] = []
        if store:
            table: Literal["post", "refusal"] = "refusal" if shown == "refused" else "post"
            found = search.find(store, table, what, before=_before(request), limit=PER_PAGE)
            rows = _refusals(store, found.ids) if shown == "refused" else [store.post(number) for number in found.ids]
    return render(
        request,
        "history.html",
        what=what,
        shown=shown,
        rows=rows,
        is_first=_before(request) is None,
        is_filtered=what != Filter(),
        is_complete=found.is_complete,
        older=_address(request, before=str(found.older)) if found.older else "",
        newest=_address(request, before=""),
        states=STATES,
        reasons=sorted(SENTENCES),
    )


def _refusals(store: Store, ids: list[int]) -> list[dict[str, Any]]:
    marks = ", ".join("?" * len(ids))
    rows = store.rows(f"SELECT * FROM refusal WHERE id IN ({marks}) ORDER BY id DESC", ids)  # noqa: S608  question marks
    return [row | {"sentence": sentence(Reason(row["reason"], row["detail"]))} for row in rows]


def _shown(request: Request) -> str:
    return "refused" if request.query_params.get("show") == "refused" else "posts"


def _filter(request: Request) -> Filter:
    query = request.query_params
    modes = {"dry": True, "live": False}
    return Filter(
        state=query.get("state", "") if query.get("state") in STATES else "",
        kind=query.get("kind", "") if query.get("kind") in {"post", "reply"} else "",
        reason=query.get("reason", "") if query.get("reason") in SENTENCES else "",
        words=" ".join(query.get("words", "").split())[:LONGEST],
        dry=modes.get(query.get("mode", "")),
    )


def _before(request: Request) -> int | None:
    text = request.query_params.get("before", "")
    return min(int(text), LARGEST_ID) if text.isascii() and text.isdigit() and len(text) < 20 else None


def _address(request: Request, **changes: str) -> str:
    query = {name: value for name, value in (dict(request.query_params) | changes).items() if value}
    return "/history" + (f"?{urlencode(query)}" if query else "")


def story(request: Request) -> Response:
    here, number = site(request), min(int(request.path_params["id"]), LARGEST_ID)
    with here.history() as store:
        if store is None:
            raise StoreError("there is no history yet")
        post = store.post(number)
        events = [_event(row) for row in search.story(store, post.id)]
        mention = mentions.get(store, post.reply_to)
        beside = search.refused_beside(store, post.slot, at=stamp(post.created_at), dry=post.dry)
    on_x = is_on_x(here.settings)
    return render(
        request,
        "story.html",
        post=post,
        events=events,
        facts=_facts(post),
        refused=[row | {"sentence": sentence(Reason(row["reason"], row["detail"]))} for row in beside],
        handle=mention.handle if mention else "",
        url=post_url(here.settings, here.settings.bot, post.x_id) if post.x_id and on_x else "",
        thread=f"https://x.com/i/status/{post.reply_to}" if post.reply_to and on_x else "",
    )


def _event(row: dict[str, Any]) -> dict[str, str]:
    titles = {"event": EVENTS, "review": REVIEWS, "look": LOOKS}[row["what"]]
    title = titles.get(row["name"], row["name"])
    if row["what"] == "event" and row["name"] == "approved" and row["detail"] == "sending":
        title = "Not sent; it is tried again"
    return {"at": row["at"], "title": title, "detail": "" if row["what"] == "event" else row["detail"]}


def _facts(post: Post) -> dict[str, str]:
    facts = {
        "Prompt": post.prompt or "none",
        "Model": post.model,
        "Seed": str(post.seed),
        "Likelihood": "" if post.note == "edited" else f"{post.likelihood:.2f} nats a token",
        "Length": f"{post.length} of 280",
        "Slot": post.slot or "",
        "Cost": f"${post.cost / 1_000_000:.3f}" if post.cost else "",
        "Note": post.note,
    }
    return {name: value for name, value in facts.items() if value}


ROUTES = [get("/history", show), get("/history/{id:int}", story)]
