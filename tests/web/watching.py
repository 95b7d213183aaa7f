"""A tab of the browser in which everything that should not happen is written down."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

AXE = Path(__file__).parent / "axe" / "axe.min.js"
DESKTOP, PHONE = (1280, 800), (320, 640)
PATIENCE = 60_000.0  # milliseconds: a busy machine is no fault of the page


@contextmanager
def tab(
    browser: Browser, link: str, *, size: tuple[int, int] = DESKTOP, scheme: str = "light", strict: bool = True
) -> Iterator[Page]:
    """A tab that is signed in. At its end it must have had no error and no request to another host."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, has_touch=size == PHONE, locale="en-GB"
    )
    context.set_default_timeout(PATIENCE)
    page, faults, hosts = context.new_page(), list[str](), set[str]()
    page.on("console", lambda message: faults.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("dialog", lambda dialog: (faults.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    try:
        page.goto(link)
        yield page
    finally:
        context.close()
    assert not strict or faults == []
    assert hosts == {urlsplit(link).netloc}


def serious_faults(page: Page) -> list[str]:
    """What axe-core finds that keeps somebody from using the page."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    result: dict[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{fault['id']}: {node['html'][:120]} ({node.get('failureSummary', '')[:200]})"
        for fault in result["violations"]
        if fault["impact"] in {"serious", "critical"}
        for node in fault["nodes"]
    ]


def overflows(page: Page) -> bool:
    """Whether one has to scroll sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))
