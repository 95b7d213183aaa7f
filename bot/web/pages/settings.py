"""Settings: what is in force, and where each value comes from. To read only: the file is the place to change it."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from bot.commands.console.tables import shown
from bot.web.page import Tab, get, render, site

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request
    from starlette.responses import Response

    from bot.config.load import Loaded

TAB = Tab("Settings", "/settings")


def show(request: Request) -> Response:
    here = site(request)
    rows = list(_rows(here.loaded))
    return render(
        request,
        "settings.html",
        sections=_sections(rows),
        problem=here.problem,
        changed=sum(row["origin"] != "default" for row in rows),
    )


def _sections(rows: list[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]], int]]:
    """Each section with its name, its rows, and how many of them are not the default."""
    sections = [(name, list(section)) for name, section in groupby(rows, key=lambda row: row["section"])]
    return [(name, section, sum(row["origin"] != "default" for row in section)) for name, section in sections]


def _rows(loaded: Loaded) -> Iterator[dict[str, Any]]:
    """Sorted by section: keys without one come first. Of a secret only whether it is set."""
    rows = sorted(loaded.rows(), key=lambda row: (row[0].rpartition(".")[0] != "", row[0].rpartition(".")[0]))
    for key, value, origin in rows:
        section, _, name = key.rpartition(".")
        text = "set, and not shown" if isinstance(value, SecretStr) else shown(value)
        yield {"section": section, "name": name, "value": text, "origin": origin.partition(" ")[0], "where": origin}


ROUTES = [get("/settings", show)]
