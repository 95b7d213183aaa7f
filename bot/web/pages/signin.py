"""Signing in with the token of the printed link, and signing out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from starlette.responses import RedirectResponse

from bot.web.access import LASTS
from bot.web.page import get, post, render, site

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from bot.web.page import Form


def show(request: Request) -> Response:
    token = request.query_params.get("token", "")
    there = _inside(request.query_params.get("next", "/"))
    if token:
        return _enter(request, token, there)
    return render(request, "signin.html", there=there, problem="")


def enter(request: Request, form: Form) -> Response:
    return _enter(request, form.get("token", ""), _inside(form.get("next", "/")))


def leave(request: Request, _: Form) -> Response:
    here = site(request)
    if request.state.session:
        here.access.sign_out(request.state.session)
    response = RedirectResponse("/signin", 303)
    response.delete_cookie(here.cookie, httponly=True, samesite="strict")
    return response


def _enter(request: Request, token: str, there: str) -> Response:
    here, log = site(request), structlog.get_logger()
    client = request.client.host if request.client else ""
    if wait := here.failures.wait(client):
        late = render(
            request, "signin.html", status=429, there=there, problem=f"Too many attempts: wait {wait:.0f} seconds."
        )
        late.headers["retry-after"] = f"{wait:.0f}"
        return late
    session = here.access.sign_in(_token_of(token))
    if session is None:
        here.failures.failed(client)
        log.warning("signin.refused", client=client)
        problem = "This is not the current token. `mynah web --new-token` prints a new link."
        return render(request, "signin.html", status=403, there=there, problem=problem)
    log.info("signin.accepted", client=client)
    response = RedirectResponse(there, 303)
    response.set_cookie(
        here.cookie,
        session,
        max_age=int(LASTS.total_seconds()),
        httponly=True,
        samesite="strict",
        secure="https" in {request.url.scheme, request.headers.get("x-forwarded-proto")},
    )
    return response


def _token_of(text: str) -> str:
    """The token, also where somebody pastes the whole link."""
    return text.strip().rpartition("token=")[2].partition("&")[0]


def _inside(path: str) -> str:
    """A path of this page; anything else could lead away."""
    is_path = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() and "\\" not in path
    return path if is_path else "/"


ROUTES = [get("/signin", show), post("/signin", enter), post("/signout", leave)]
