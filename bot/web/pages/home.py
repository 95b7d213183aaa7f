"""Home: who the bot is, how it is, what it said last, and what needs a person, with a button that solves it."""

from __future__ import annotations

from argparse import ArgumentTypeError
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bot.clock import stamp
from bot.commands import arguments, operation
from bot.commands.opening import post_url
from bot.errors import MynahError
from bot.history import search
from bot.running import status
from bot.sending import pause
from bot.web.page import Tab, done, get, post, render, site
from bot.web.words import counted, dollars

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request
    from starlette.responses import Response

    from bot.config.settings import Settings
    from bot.history.store import Store
    from bot.values import Post
    from bot.web.page import Form
    from bot.web.site import Site

TAB = Tab("Home", "/")
LATEST = 5  # posts
LOW = 0.15  # of a budget: what is left is little


@dataclass(frozen=True, slots=True)
class Need:
    """Something for a person. `action` names the button in home.html."""

    text: str
    action: str = ""
    post: int = 0


def show(request: Request) -> Response:
    return render(request, "home.html", **_about(site(request)))


def live(request: Request) -> Response:
    """The part that htmx asks for again and again."""
    return render(request, "_home.html", **_about(site(request)))


def _about(here: Site) -> dict[str, Any]:
    settings = here.settings
    row = status.row(settings, here.state_dir, here.now())
    with here.history() as store:
        posts = _latest(store, dry=row["mode"] == "dry") if store else []
    return {
        "row": row,
        "budgets": list(_budgets(row)),
        "needs": list(_needs(row, here.problem)),
        "posts": posts,
        "url_of": _url_of(settings),
    }


def _latest(store: Store, *, dry: bool) -> list[Post]:
    states = ("dry",) if dry else ("posted", "unknown")
    pages = [search.find(store, "post", search.Filter(state=state, dry=dry), limit=LATEST) for state in states]
    newest = sorted((number for page in pages for number in page.ids), reverse=True)
    return [store.post(number) for number in newest[:LATEST]]


def _url_of(settings: Settings) -> Any:
    """A function from a post to its address on X; None for one that is not there, or on a test server."""

    def url(one: Post) -> str | None:
        address = post_url(settings, settings.bot, one.x_id) if one.x_id else ""
        return address if urlsplit(address).scheme == "https" and " " not in address else None

    return url


def _budgets(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for title, spent, cap in (
        ("Today", "spent_today", "budget_per_day"),
        ("This month", "spent_this_month", "budget_per_month"),
    ):
        used, most = (float(row[key].removeprefix("$")) for key in (spent, cap))
        yield {"title": title, "used": used, "most": most, "is_low": used > 0 and most - used < LOW * most}


def _needs(row: dict[str, Any], problem: str) -> Iterator[Need]:
    if problem:
        yield Need(f"The configuration is refused, and the previous one stays in use: {problem}", "settings")
    for alert in row["alerts"]:
        yield Need(f"{alert[0].upper()}{alert[1:]}")
    for number in row["unknown"]:
        yield Need(
            f"Post {number} may or may not be on X: the answer was lost. The bot looks for it; you can also decide.",
            "resolve",
            number,
        )
    if row["paused"]:
        text = str(row["paused"]).replace("; `mynah resume` ends it", "")
        yield Need(f"{text[0].upper()}{text[1:]}", "resume")
    if row["to_review"]:
        yield Need(f"{counted(row['to_review'], 'draft waits', 'drafts wait')} for your approval.", "review")
    for budget in _budgets(row):
        if budget["is_low"]:
            spent = f"{dollars(budget['used'])} of {dollars(budget['most'])}"
            yield Need(f"Little is left of the budget: {budget['title'].lower()} {spent} are spent.")
    if row["model"] is None:
        yield Need("There is no model yet, so the bot has nothing to speak with.", "begin")


def stop(request: Request, form: Form) -> Response:
    here = site(request)
    until = pause.FOR_GOOD
    if form.get("for"):
        try:
            until = here.now() + arguments.duration(form["for"])
        except ArgumentTypeError as error:
            raise MynahError(str(error)) from error
    with here.history_to_write() as store:
        pause.pause(store, until=until, because=f"the page, at {stamp(here.now())}")
    return done(request, "/", "Paused: nothing is posted until you resume.")


def resume(request: Request, _: Form) -> Response:
    with site(request).history_to_write() as store:
        pause.resume(store)
    return done(request, "/", "Resumed.")


def resolve(request: Request, form: Form) -> Response:
    here, number = site(request), int(request.path_params["id"])
    x_id = form.get("x_id", "").strip().rstrip("/").rpartition("/")[2].partition("?")[0] or None
    outcome = "posted" if form.get("outcome") == "posted" else "abandoned"
    if outcome == "posted":
        try:
            arguments.digits(x_id or "")
        except ArgumentTypeError as error:
            raise MynahError(
                f"to say that the post is on X, paste its address, or the number at its end: {error}"
            ) from error
    with here.history_to_write() as store:
        operation.resolve_post(store, number, outcome, x_id=x_id if outcome == "posted" else None, at=here.now())
    return done(request, "/", f"Post {number} is {outcome}.")


ROUTES = [
    get("/", show),
    get("/home/live", live),
    post("/pause", stop),
    post("/resume", resume),
    post("/posts/{id:int}/resolve", resolve),
]
