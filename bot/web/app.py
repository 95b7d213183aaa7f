"""The page as an application: its pages in the order of the navigation, behind the guard."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from bot.commands.opening import how_to_install
from bot.errors import MynahError
from bot.web.guard import Guard
from bot.web.learning.jobs import Jobs
from bot.web.page import render
from bot.web.pages import begin, history, home, model, people, predictions, queue, settings, signin
from bot.web.templating import FOLDER

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp

    from bot.web.site import Site

# In the order of the navigation; each has a TAB and ROUTES.
PAGES = (begin, home, predictions, queue, history, model, people, settings)
UPLOADS = frozenset({begin.UPLOAD})  # paths of forms with a file


def application(site: Site, *, hosts: Collection[str] = ()) -> ASGIApp:
    routes = [route for page in (*PAGES, signin) for route in page.ROUTES]
    app = Starlette(
        routes=[*routes, Mount("/static", StaticFiles(directory=FOLDER / "static"))],
        exception_handlers={
            HTTPException: _refused,
            MynahError: _failed,
            ModuleNotFoundError: _not_installed,
            OSError: _failed,
            Exception: _broken,
        },
    )
    app.state.site = site
    app.state.jobs = Jobs(site)
    app.state.tabs = [page.TAB for page in PAGES]
    return Guard(app, site, hosts=hosts, uploads=UPLOADS)


def _problem(request: Request, status: int, title: str, text: str) -> Response:
    template = "_problem.html" if request.headers.get("hx-request") else "problem.html"
    return render(request, template, status=status, title=title, text=text)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  it is the handler of this class
    if error.status_code == 404:
        return _problem(request, 404, "Not found", "There is no such page.")
    answer = _problem(request, error.status_code, "That did not work", error.detail)
    answer.headers.update(error.headers or {})
    return answer


async def _failed(request: Request, error: Exception) -> Response:
    return _problem(request, 409, "That did not work", str(error))


async def _not_installed(request: Request, error: Exception) -> Response:
    how = how_to_install(error) if isinstance(error, ModuleNotFoundError) else None
    if how is None:
        return await _broken(request, error)
    return _problem(request, 409, "Something is not installed", f"{error}: {how}")


async def _broken(request: Request, error: Exception) -> Response:
    structlog.get_logger().error("page.failed", path=request.url.path, why=repr(error), exc_info=error)
    return _problem(request, 500, "Something went wrong", "This is a fault of mynah's; its log has the details.")
