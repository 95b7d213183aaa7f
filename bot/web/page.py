"""How a page is made: routes of plain functions, templates, and the answer to an action.

To add a page: a file in bot/web/pages/ with a `TAB` for the navigation and `ROUTES`, a template in bot/web/templates/
that extends `base.html`, and its name in `PAGES` of bot/web/app.py. A handler is a plain function, which runs in a
thread of its own, so it may wait for the disk; it opens the history by `site(request).history()`.

    TAB = Tab("Queue", "/queue")

    def show(request: Request) -> Response:
        with site(request).history() as store:
            return render(request, "queue.html", posts=waiting(store))

    def approve(request: Request, form: Form) -> Response:
        ...                                    # a MynahError becomes a message above the page that the form was on
        return done(request, "/queue", "Post 3 is approved.")

    ROUTES = [get("/queue", show), post("/queue/{id:int}/approve", approve)]

Every value in a template is made visible (bot/text/visible.py) and escaped. There is no inline script or style: the
browser would refuse them. A form needs no token, because bot/web/guard.py checks where it comes from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse
from starlette.routing import Route

from bot.errors import MynahError
from bot.web.site import Message
from bot.web.templating import templates

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from bot.web.site import Site

    Form = Mapping[str, str]


class Tab(NamedTuple):
    """An entry of the navigation."""

    title: str
    path: str
    only_first: bool = False  # only while there is no model


def site(request: Request) -> Site:
    found: Site = request.app.state.site
    return found


def get(path: str, handler: Callable[[Request], Response]) -> Route:
    return Route(path, handler, methods=["GET"])


def post(path: str, handler: Callable[[Request, Form], Response]) -> Route:
    """A small form; the last of several values of a name counts."""

    async def endpoint(request: Request) -> Response:
        body = await request.body()
        form = _fields(body)
        try:
            return await run_in_threadpool(handler, request, form)
        except MynahError as error:
            if request.headers.get("hx-request"):
                raise
            return done(request, _page_of_the_form(request), str(error), kind="problem")

    return Route(path, endpoint, methods=["POST"])


def _fields(body: bytes) -> dict[str, str]:
    """Browsers send each line end as two characters."""
    pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=100)
    return {name: value.replace("\r\n", "\n") for name, value in pairs}


def render(request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """A page, or a part of one for htmx."""
    here = site(request)
    session = getattr(request.state, "session", None) or ""
    is_part = template.startswith("_")
    context = values | {
        "request": request,
        "path": request.url.path,
        "tabs": [tab for tab in request.app.state.tabs if not tab.only_first or not here.has_model],
        "settings": here.settings,
        "zone": here.zone,
        "now": here.now(),
        "signed_in": bool(session),
        "message": None if is_part or not session else here.take_message(session),
    }
    return HTMLResponse(templates().get_template(template).render(context), status)


def done(request: Request, path: str, text: str, *, kind: str = "done") -> RedirectResponse:
    """Go on to a page that says what came of an action; loading it again does not repeat the action."""
    site(request).leave_message(request.state.session, Message(text, kind))
    return RedirectResponse(path, 303)


def _page_of_the_form(request: Request) -> str:
    """The path of the page on which the form was, as the browser names it."""
    came_from = urlsplit(request.headers.get("referer", ""))
    if came_from.netloc != request.headers.get("host") or not came_from.path.startswith("/"):
        return "/"
    return "/" + came_from.path.lstrip("/") + (f"?{came_from.query}" if came_from.query else "")
