"""The page in a real Chromium: by mouse, by keys and on a phone, with nothing that axe-core finds serious."""

from __future__ import annotations

import socket
import subprocess
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from bot.clock import SystemClock
from bot.config.state_dir import StateDir
from bot.history.store import Store
from bot.web.access import Access
from tests.installed import MYNAH, environment
from tests.web import world
from tests.web.serving import Client, serving
from tests.web.watching import DESKTOP, PHONE, overflows, serious_faults, tab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

PAGES = ("/", "/predictions", "/queue", "/history", "/history?show=refused", "/history/1", "/settings")


@pytest.fixture(scope="module")
def bot(env: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """The page of a bot with a past, which is not running; a text and a handle of others are hostile."""
    state = tmp_path_factory.mktemp("browser") / "state"
    with serving(state) as client:
        now = client.site.now()
        world.fill(state, now)
        with Store.open(state / "history.db") as store:
            world.reply(store, f"Somebody said {world.EVIL}", now, handle=world.EVIL)
        yield client


def link(client: Client, path: str = "/") -> str:
    return f"{client.origin}/signin?token={client.token}&next={path}"


def states(client: Client) -> dict[str, str]:
    with client.site.history() as store:
        assert store is not None
        return {post.text: post.state for post in store.history()}


def focused(page: Page) -> str:
    """The text of the draft that has the focus."""
    return str(
        page.evaluate(
            "(document.activeElement.closest('[data-draft]') || document.body).querySelector('.text')?.textContent"
        )
    )


@pytest.mark.parametrize(("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")], ids=["desktop", "phone"])
def test_each_page_is_usable_by_everybody_and_fits_the_screen(
    browser: Browser, bot: Client, size: tuple[int, int], scheme: str
) -> None:
    with tab(browser, link(bot), size=size, scheme=scheme) as page:
        for path in PAGES:
            page.goto(bot.origin + path)

            assert serious_faults(page) == [], path
            assert not overflows(page), path


def test_a_hostile_text_runs_nothing(browser: Browser, bot: Client) -> None:
    with tab(browser, link(bot, "/queue")) as page:  # it fails for an alert
        text = page.locator("main").inner_text()

        assert "<script>alert(1)</script>" in text
        assert page.locator("main script, main img[onerror]").count() == 0


def test_a_page_of_another_site_cannot_frame_this_one(browser: Browser, bot: Client) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.set_content(f'<iframe src="{bot.origin}/signin"></iframe>')
    page.wait_for_function("document.querySelector('iframe')")
    frame = next(frame for frame in page.frames if frame.parent_frame)

    frame.wait_for_load_state()

    assert frame.locator("input").count() == 0
    context.close()


def test_the_page_works_without_javascript(browser: Browser, env: None, tmp_path: Path) -> None:
    with serving(tmp_path) as client:
        world.fill(tmp_path, client.site.now())
        context = browser.new_context(java_script_enabled=False)
        page = context.new_page()
        page.goto(link(client, "/queue"))

        page.get_by_role("button", name="Approve post 8").click()
        page.get_by_text("Edit post 9").click()
        page.get_by_label("New text of post 9").fill("Soup is a warm umbrella, and a wet one.")
        page.get_by_role("button", name="Save").click()

        assert "is changed" in page.get_by_role("status").inner_text()
        assert states(client)[world.WAITING[0]] == "approved"
        assert states(client)["Soup is a warm umbrella, and a wet one."] == "drafted"
        context.close()


def test_the_queue_is_worked_off_by_keys(browser: Browser, env: None, tmp_path: Path) -> None:
    with serving(tmp_path) as client:
        world.fill(tmp_path, client.site.now())
        with tab(browser, link(client, "/queue")) as page:
            page.keyboard.press("j")
            page.keyboard.press("j")
            assert focused(page) == world.WAITING[1]
            page.keyboard.press("k")
            assert focused(page) == world.WAITING[0]

            page.keyboard.press("a")
            page.get_by_role("status").wait_for()
            assert focused(page) == world.WAITING[1]

            page.keyboard.press("e")
            page.keyboard.type(" See example.com")
            page.get_by_text("It has a link").wait_for()
            page.keyboard.press("Escape")
            page.keyboard.press("r")
            page.keyboard.type("too wet")
            page.keyboard.press("Enter")
            page.get_by_text("is rejected").wait_for()

            assert focused(page) == world.WAITING[2]
            assert [states(client)[text] for text in world.WAITING] == ["approved", "rejected", "drafted"]


def test_a_refused_edit_keeps_the_words_on_a_phone(browser: Browser, env: None, tmp_path: Path) -> None:
    with serving(tmp_path) as client:
        world.fill(tmp_path, client.site.now())
        with tab(browser, link(client, "/queue"), size=PHONE, scheme="dark") as page:
            page.get_by_text("Edit post 8").tap()
            page.get_by_label("New text of post 8").fill("Call me at +1 202 555 0143")
            page.get_by_text("of 280").first.wait_for()
            with page.expect_response(lambda response: response.url.endswith("/edit")) as answer:
                page.get_by_role("button", name="Save").first.tap()

            assert answer.value.status == 200
            assert page.get_by_label("New text of post 8").input_value() == "Call me at +1 202 555 0143"
            assert "phone number" in page.locator("#check8").inner_text()
            assert not overflows(page)


def test_a_running_bot_posts_what_is_approved_and_what_is_chosen(browser: Browser, state: Path) -> None:
    """`mynah run --web`: the bot and its page, each a process, and everything by clicking."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    access = Access(StateDir(state), SystemClock())
    token = access.new_token()
    command = [MYNAH, "--state", state, "run", "--dry-run", "--mode", "review", "--every", "1s", "--web"]
    variables = environment(MYNAH_WEB__LISTEN=f"127.0.0.1:{port}")
    with subprocess.Popen(command, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            wait_for(port)
            with tab(browser, f"http://127.0.0.1:{port}/signin?token={token}") as page:
                page.get_by_role("link", name="Review").click()  # comes by itself, with the first draft
                text = page.locator("[data-draft] .text").first.inner_text()
                page.get_by_role("button", name="Approve").first.click()
                page.get_by_text("the running bot sends it").wait_for()
                page.get_by_role("link", name="Home", exact=True).click()
                page.get_by_label("Post 1", exact=True).get_by_text(text).wait_for()
                page.get_by_role("link", name="Its story (post 1)").click()
                page.get_by_text("Posted in a dry run").wait_for()

                page.get_by_role("link", name="Predictions").click()
                page.get_by_role("button", name="Go on").click()
                page.get_by_text("The screen refuses").wait_for()
                assert page.locator(".prediction").count() > 0
                assert serious_faults(page) == []
        finally:
            process.terminate()
            process.communicate()
    with closing(socket.socket()) as client:
        assert client.connect_ex(("127.0.0.1", port)) != 0  # the page has ended with the bot


def wait_for(port: int) -> None:
    """Until something listens there."""
    deadline = SystemClock().monotonic() + 120
    while SystemClock().monotonic() < deadline:
        with closing(socket.socket()) as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
    raise TimeoutError


def test_times_are_written_as_the_language_of_the_browser_has_it(browser: Browser, bot: Client) -> None:
    times = {}
    for locale in ("de-DE", "en-US"):
        context = browser.new_context(locale=locale, timezone_id="Asia/Tokyo")
        page = context.new_page()
        page.goto(link(bot, "/history/1"))
        times[locale] = page.locator("time.at").first.inner_text()
        context.close()

    assert not times["de-DE"].endswith(("AM", "PM"))
    assert times["en-US"].endswith(("AM", "PM"))
