"""`make screenshots`: each page as a picture, in both widths and both colour schemes, of a bot with an invented past.

    python -m tests.web.screenshots [FOLDER]

Two of the pictures are shown in README.md: they are written to docs/images/ with --readme.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from tests.talker import make
from tests.web import world
from tests.web.conftest import PROGRAMS
from tests.web.serving import Client, serving
from tests.web.watching import tab

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[2]
WIDTHS = {"wide": (1280, 800), "phone": (360, 740)}
SCHEMES = ("light", "dark")
README = {("predictions", "wide", "light"): "page.png", ("queue", "phone", "dark"): "phone.png"}
COLOURS = 128  # enough for flat pages, at a third of the size
# What the model of the pictures says. Written for them.
DREAMS = (
    "My dream is a kettle that whistles in tune.",
    "My dream is to miss one train and mind it less each year.",
    "My dream is a very small museum of lost gloves.",
    "My dream is soup, but in a hat.",
    "My dream is that the ticket office writes back.",
    "My dream is a bench with a view of another bench.",
    "My dream is to be forgiven by the clock on platform four.",
    "My dream is one more biscuit than there are people.",
    "My dream is a quiet carriage that means it.",
    "My dream is to hear the announcement to the end.",
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.web.screenshots")
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "screenshots")
    parser.add_argument("--readme", action="store_true", help="also write the two pictures of README.md")
    args = parser.parse_args()
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        print("there is no Chromium (Debian: apt install chromium)", file=sys.stderr)  # noqa: T201  a program
        return 1
    from playwright.sync_api import sync_playwright

    args.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        os.environ["XDG_CONFIG_HOME"] = place  # no configuration of this machine
        sandbox = [] if os.geteuid() else ["--no-sandbox"]
        browser = playwright.chromium.launch(executable_path=program, args=sandbox)
        empty, state = Path(place, "empty"), Path(place, "state")
        with serving(empty) as client:
            shoot(browser, client, {"home-empty": "/", "queue-empty": "/queue", "history-empty": "/history"}, args)
        make(state, DREAMS, vocabulary=400, width=64, steps=180)
        with serving(state) as client:
            world.fill(state, client.site.now())
            made = client.site.speaker.predict("My dream is", number=10, seed=1)
            shoot(browser, client, pages(f"/predictions/{made.key}"), args)
        browser.close()
    print(f"{len(list(args.folder.glob('*.png')))} pictures in {args.folder}")  # noqa: T201  a program
    return 0


def pages(predictions: str) -> dict[str, str]:
    from bot.web.app import PAGES

    tabs = {page.TAB.title.lower(): page.TAB.path for page in PAGES}
    more = {"refused": "/history?show=refused", "story": "/history/7", "sign-in": "/signin", "missing": "/nowhere"}
    return tabs | more | {"predictions": predictions}


def shoot(browser: Browser, client: Client, paths: dict[str, str], args: argparse.Namespace) -> None:
    for width, size in WIDTHS.items():
        for scheme in SCHEMES:
            with tab(
                browser, f"{client.origin}/signin?token={client.token}", size=size, scheme=scheme, strict=False
            ) as page:
                for name, path in paths.items():
                    page.goto(client.origin + path)
                    if path.startswith("/predictions/"):
                        page.get_by_text("The screen refuses").wait_for()
                    (args.folder / f"{name}-{width}-{scheme}.png").write_bytes(page.screenshot(full_page=True))
                    if args.readme and (file := README.get((name, width, scheme))):
                        (ROOT / "docs" / "images").mkdir(exist_ok=True)
                        (ROOT / "docs" / "images" / file).write_bytes(small(page))


def small(page: Page) -> bytes:
    """What one sees without scrolling, in few bytes."""
    from PIL import Image

    out = BytesIO()
    image = Image.open(BytesIO(page.screenshot())).convert("RGB")
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


if __name__ == "__main__":
    sys.exit(main())
