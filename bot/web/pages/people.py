"""People: whose tweets there are and which of them are learnt, whom the bot leaves alone, and forgetting somebody."""

from __future__ import annotations

from argparse import ArgumentTypeError
from typing import TYPE_CHECKING

from bot.commands import arguments
from bot.errors import MynahError
from bot.history import blocks
from bot.web.learning.jobs import jobs
from bot.web.page import Tab, done, get, post, render, site

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from bot.web.page import Form

TAB = Tab("People", "/people")


def show(request: Request) -> Response:
    here = site(request)
    with here.history() as store:
        blocked = blocks.blocks(store) if store else []
    rows = jobs(request).library(wait="wait" in request.query_params)
    return render(request, "people.html", rows=rows, authors=here.settings.training.authors, blocked=blocked)


def library(request: Request) -> Response:
    """The authors with their funnels, which take a while to count where there are many tweets."""
    rows, authors = jobs(request).library(), site(request).settings.training.authors
    return render(request, "_library.html", rows=rows, authors=authors)


def block(request: Request, form: Form) -> Response:
    return done(request, "/people", _said(jobs(request).run("block", _handle(form)).out))


def unblock(request: Request, form: Form) -> Response:
    return done(request, "/people", _said(jobs(request).run("unblock", _handle(form)).out))


def plan(request: Request) -> Response:
    """What forgetting somebody touches, before it is done."""
    handle = _handle(request.query_params)
    lines = jobs(request).run("forget", handle, "--plan").out.splitlines()
    return render(request, "forget.html", handle=handle, lines=lines)


def forget(request: Request, form: Form) -> Response:
    options = ["--delete-models"] if form.get("delete_models") else []
    output = jobs(request).run("forget", _handle(form), "--yes", *options)
    return done(request, "/people", output.out.strip())


def _handle(form: Form) -> str:
    try:
        return arguments.handle(form.get("handle", "").strip())
    except ArgumentTypeError as error:
        raise MynahError(str(error)) from error


def _said(text: str) -> str:
    return text.strip()


ROUTES = [
    get("/people", show),
    get("/people/library", library),
    get("/people/forget", plan),
    post("/people/forget", forget),
    post("/people/block", block),
    post("/people/unblock", unblock),
]
