"""Every fault of X in every state of a post or a login: the next state, and that no secret is shown."""

from __future__ import annotations

import io
import traceback
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import structlog

from bot.errors import Gone, Halted, TryLater, Unknown, XError
from bot.history.store import Store
from bot.running import assembly, log
from bot.sending import pause
from bot.sending.budget import Caps, Prices
from bot.sending.outbox import Outbox
from bot.sending.reconcile import Reconciler
from bot.values import Draft, Slot
from bot.x import signin
from bot.x.bearer import Bearer
from bot.x.signin import Client
from bot.x.signing import Keys
from bot.x.tokens import Grant, TokenFile
from bot.x.twitter import X
from bot.x.wire import WITHIN, Wire
from tests.fake_x.faults import FAULTS, End
from tests.fake_x.oauth import Secrets
from tests.fake_x.server import FakeX
from tests.fake_x.signin import CLIENT_ID, CLIENT_SECRET, TOKEN_LIVES
from tests.fake_x.state import User, World
from tests.fakes import FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bot.values import Post
    from bot.x.twitter import Identity

# A column is a state; a cell is the state after the fault.
#   approved    a post that is being sent: posted, approved (X may be asked again), halted (the same, and paused),
#               refused, unknown
#   renewing    the same post, where the fault meets the renewal of a login by OAuth 2.0 before it
#   unknown     a post that exists on X and is looked up: posted, or still unknown
#   abandoned   the same, after it was given up
#   posted      a post that is being deleted: deleted, gone, or still posted
TABLE = """
ok                      posted     posted     posted     posted     deleted
duplicate               unknown    halted     unknown    abandoned  posted
duplicate_187           unknown    halted     unknown    abandoned  posted
not_summoned            refused    halted     unknown    abandoned  posted
not_summoned_newer      refused    halted     unknown    abandoned  posted
quote_gate              refused    halted     unknown    abandoned  posted
target_gone             refused    halted     unknown    abandoned  posted
forbidden               refused    halted     unknown    abandoned  posted
forbidden_html          refused    halted     unknown    abandoned  posted
echo                    refused    halted     unknown    abandoned  posted
permissions             halted     halted     unknown    abandoned  posted
permissions_x           halted     halted     unknown    abandoned  posted
auth_kind               halted     halted     unknown    abandoned  posted
not_enrolled            halted     halted     unknown    abandoned  posted
suspended               halted     halted     unknown    abandoned  posted
suspended_64            halted     halted     unknown    abandoned  posted
token_89                halted     halted     unknown    abandoned  posted
daily_185               approved   halted     unknown    abandoned  posted
automated_226           halted     halted     unknown    abandoned  posted
no_write_261            halted     halted     unknown    abandoned  posted
locked_326              halted     halted     unknown    abandoned  posted
bad_request             approved   halted     unknown    abandoned  posted
bad_auth_32             halted     halted     unknown    abandoned  posted
unauthorized            halted     halted     unknown    abandoned  posted
unauthorized_html       halted     halted     unknown    abandoned  posted
no_credits              halted     halted     unknown    abandoned  posted
not_found               approved   halted     unknown    abandoned  gone
teapot                  unknown    halted     unknown    abandoned  posted
too_many                approved   approved   unknown    abandoned  posted
too_many_88             approved   approved   unknown    abandoned  posted
too_many_no_reset       approved   approved   unknown    abandoned  posted
too_many_past_reset     approved   approved   unknown    abandoned  posted
too_many_absurd_reset   approved   approved   unknown    abandoned  posted
too_many_html           approved   approved   unknown    abandoned  posted
capped_no_reset         approved   approved   unknown    abandoned  posted
capped_past_reset       approved   approved   unknown    abandoned  posted
unavailable             unknown    approved   unknown    abandoned  posted
unavailable_text        unknown    approved   unknown    abandoned  posted
unavailable_after       unknown    approved   unknown    abandoned  posted
server_error_list       unknown    approved   unknown    abandoned  posted
redirect                unknown    approved   unknown    abandoned  posted
redirect_away           unknown    approved   unknown    abandoned  posted
html                    unknown    approved   unknown    abandoned  posted
created_html            unknown    approved   unknown    abandoned  posted
created_no_id           unknown    approved   unknown    abandoned  posted
created_null            unknown    approved   unknown    abandoned  posted
created_empty           unknown    approved   unknown    abandoned  posted
created_deep            unknown    approved   unknown    abandoned  posted
created_long_number     unknown    approved   unknown    abandoned  posted
created_bad_zip         unknown    approved   unknown    abandoned  posted
only_errors             unknown    approved   unknown    abandoned  posted
reset_before            unknown    approved   unknown    abandoned  posted
reset_after             unknown    approved   unknown    abandoned  posted
hang_before             unknown    approved   unknown    abandoned  posted
hang_after              unknown    approved   unknown    abandoned  posted
cut                     unknown    approved   unknown    abandoned  posted
endless                 unknown    approved   unknown    abandoned  posted
zipped_bomb             unknown    approved   unknown    abandoned  posted
trickle                 unknown    approved   unknown    abandoned  posted
trickling_head          unknown    approved   unknown    abandoned  posted
"""
COLUMNS = ("approved", "renewing", "unknown", "abandoned", "posted")
ROWS = {cells[0]: dict(zip(COLUMNS, cells[1:], strict=True)) for cells in map(str.split, TABLE.strip().splitlines())}
ME = User(
    "1500000000000000001", "stationmynah", "Station Mynah", "1500000000000000001-canaryaccesstoken",
    Secrets("canary-consumer-key", "canary-consumer-secret", "canary-token-secret"),
)  # fmt: skip
SHORT_TIMEOUT, SHORT_LIMIT = (
    (10.0, 0.2),
    0.3,
)  # seconds: how long a test waits for an answer that never comes, or never ends


class Scene:
    """A bot, a fake X, and everything that was logged."""

    def __init__(self, x: FakeX, clock: FakeClock, folder: Path, stream: io.StringIO) -> None:
        self.x = x
        self.clock = clock
        self.folder = folder
        self.stream = stream
        self.fault = FAULTS["ok"]
        secrets = ME.secrets
        self.keys: Identity = Keys(secrets.consumer_key, secrets.consumer_secret, ME.access_token, secrets.token_secret)
        self.tokens = TokenFile(folder / "oauth2.json")
        login = x.api.signin.login(ME)
        expires = clock.now().timestamp() + TOKEN_LIVES.total_seconds()
        self.tokens.keep(Grant(str(login["access_token"]), str(login["refresh_token"]), expires, ME.id, ME.handle))
        self.login = Bearer(self.tokens, Client(CLIENT_ID, CLIENT_SECRET), now=clock.now)

    def fail_with(self, fault: str) -> None:
        self.x.fail_with(fault)
        self.fault = FAULTS[fault]

    def gateway(self) -> X:
        return X(self.keys, now=self.clock.now, base_url=self.x.url, **self.patience)

    @property
    def patience(self) -> dict[str, object]:
        slow = self.fault.end in {End.TRICKLE, End.TRICKLE_HEAD}
        timeout = SHORT_TIMEOUT if self.fault.end is End.HANG else (10.0, 10.0)
        return {"timeout": timeout, "within": SHORT_LIMIT if slow else WITHIN}

    def send(self, fault: str) -> Post:
        with Store.open(self.folder / "history.db") as store:
            now = self.clock.now()
            number = store.add_draft(
                Draft("good morning"), slot=Slot("a", now), norm="good morning", length=12, dry=False, model="m", at=now
            )
            store.move(number, "approved", at=now)
            self.fail_with(fault)
            with self.gateway() as x:
                box = Outbox(x, assembly.NO_BRAKES, self.clock, dry=False, price=lambda _: 15_000)
                self.log(box.send(store, store.post(number)).detail)
            return store.post(number)

    def look_up(self, state: str, fault: str) -> None:
        self.fail_with(fault)
        with Store.open(self.folder / "history.db") as store, self.gateway() as x:
            Reconciler(x, Caps(10**9, 10**9), self.clock, prices=Prices(), log=structlog.get_logger()).look_up(
                store, state
            )

    def log(self, *lines: str) -> None:
        self.stream.write("".join(lines))

    @property
    def post(self) -> Post:
        with Store.open(self.folder / "history.db") as store:
            return store.history(limit=1)[0]

    @property
    def is_paused(self) -> bool:
        with Store.open(self.folder / "history.db") as store:
            return pause.why_paused(store, self.clock.now()) is not None

    def leaked_secrets(self) -> list[str]:
        """The secrets that appear in the log or in a file that should not contain them."""
        families = self.x.api.signin.families
        login = [token for family in families for token in (*family.access, *family.used, family.refresh) if token]
        files = b"".join(path.read_bytes() for path in self.folder.iterdir() if path.suffix != ".json")
        output = self.stream.getvalue().encode() + files
        return [secret for secret in ("canary", CLIENT_SECRET, *login) if secret.encode() in output]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    clock, stream = FakeClock(), io.StringIO()
    log.configure(level="debug", stream=stream, secrets=[], clock=clock)
    with FakeX(World(ME, now=clock.now, refuses_duplicates=False)) as x:
        yield Scene(x, clock, tmp_path, stream)
    assert x.broken == []


def approved(scene: Scene, fault: str) -> str:
    post = scene.send(fault)
    count = len(scene.x.world.texts)
    assert count == (post.state == "posted" or FAULTS[fault].commits)
    assert post.state in {"posted", "unknown"} or count == 0  # a post that may exist is never recorded as refused
    return "halted" if post.state == "approved" and scene.is_paused else post.state


def renewing(scene: Scene, fault: str) -> str:
    scene.keys = scene.login
    scene.clock.passes(TOKEN_LIVES)
    post = scene.send(fault)
    assert (post.state == "posted") == bool(scene.x.world.texts)
    return "halted" if post.state == "approved" and scene.is_paused else post.state


def unknown(scene: Scene, fault: str) -> str:
    assert scene.send("reset_after").state == "unknown"
    scene.look_up("unknown", fault)
    return scene.post.state


def abandoned(scene: Scene, fault: str) -> str:
    number = scene.send("reset_after").id
    with Store.open(scene.folder / "history.db") as store:
        store.move(number, "abandoned", at=scene.clock.now())
    scene.clock.passes(timedelta(hours=2))
    scene.look_up("abandoned", fault)
    return scene.post.state


def posted(scene: Scene, fault: str) -> str:
    x_id = scene.send("ok").x_id
    assert x_id
    scene.fail_with(fault)
    with scene.gateway() as x:
        try:
            x.delete(x_id)
        except XError as error:
            scene.log(*traceback.format_exception(error))
            states = {Gone: "gone", Unknown: "in doubt"}  # never in doubt: a deletion can be repeated
            return states.get(type(error), "posted")
    return "deleted"


STATES = {each.__name__: each for each in (approved, renewing, unknown, abandoned, posted)}


def test_the_table_has_every_fault_and_every_state() -> None:
    assert list(ROWS) == list(FAULTS)
    assert set(STATES) == set(COLUMNS)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("state", COLUMNS)
def test_every_fault_leads_from_every_state_as_in_the_table_and_shows_no_secret(
    scene: Scene, state: str, fault: str
) -> None:
    actual = STATES[state](scene, fault)

    assert actual == ROWS[fault][state]
    assert scene.leaked_secrets() == []


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_has_the_same_result_with_a_login_by_oauth_2(scene: Scene, fault: str) -> None:
    scene.keys = scene.login

    assert approved(scene, fault) == ROWS[fault]["approved"]
    assert scene.leaked_secrets() == []


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != "ok"])
def test_every_fault_while_logging_in_is_one_message_without_a_secret(scene: Scene, fault: str) -> None:
    scene.fault = FAULTS[fault]
    wire = Wire(scene.x.url, **scene.patience)
    consumer = ME.secrets.consumer_key, ME.secrets.consumer_secret
    pin = signin.Pin("", "canary-request-token", "canary-request-secret")
    client = Client(CLIENT_ID, CLIENT_SECRET)
    code = "canary-code"
    request = signin.ask_for_code(wire, client, "http://127.0.0.1:8765/")
    steps = (
        lambda: signin.ask_for_pin(wire, *consumer),
        lambda: signin.keys_for(wire, *consumer, pin, "1234567"),
        lambda: signin.log_in(wire, client, request, code, now=scene.clock.now()),
    )

    for step in steps:
        scene.x.fail_with(fault)
        with pytest.raises((Halted, TryLater, Unknown)) as excinfo:
            step()
        scene.log(*traceback.format_exception(excinfo.value))

    wire.close()
    assert scene.leaked_secrets() == []
