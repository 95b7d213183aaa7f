"""Which X account the bot is: its keys, its login, and the client that uses them. tweepy is imported on first use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.config.settings import KEYS, SECRETS, Settings
from bot.config.state_dir import StateDir
from bot.errors import ConfigError
from bot.sending.outbox import DryRunPublisher
from bot.sending.reconcile import ACCOUNT
from bot.x.tokens import NAME, TokenFile

if TYPE_CHECKING:
    from bot.clock import Clock
    from bot.history.store import Store
    from bot.x.bearer import Bearer
    from bot.x.signing import Keys
    from bot.x.twitter import X


def secrets(settings: Settings) -> dict[str, str]:
    """The secrets that are set, by name."""
    configured = {name: getattr(settings.x, name) for name in SECRETS}
    return {name: secret.get_secret_value() for name, secret in configured.items() if secret is not None}


def hidden(settings: Settings) -> list[str]:
    """Everything that must not appear in a log, the login's tokens included."""
    grant = login(settings).read() if settings.x.auth == "oauth2" else None
    tokens = (grant.access_token, grant.refresh_token) if grant else ()
    return [*secrets(settings).values(), *tokens, *settings.notify.urls().values()]


def lacking(settings: Settings) -> list[str]:
    """The required keys that are not set."""
    required = KEYS if settings.x.auth == "oauth1" else ("client_id",)
    return [f"x.{name}" for name in required if name not in secrets(settings)]


def login(settings: Settings) -> TokenFile:
    return TokenFile(StateDir(settings.state).root / NAME)


def account_id(settings: Settings) -> str:
    """The id of the account that the keys belong to, without asking X; empty if the keys do not contain it."""
    if settings.x.auth == "oauth2":
        grant = login(settings).read()
        return grant.account if grant else ""
    prefix = secrets(settings).get("access_token", "").split("-")[0]  # a token of OAuth 1.0a begins with the id
    return prefix if prefix.isdigit() else ""


def publisher(settings: Settings, clock: Clock) -> X | DryRunPublisher:
    """Where posts go: X when live, nowhere in a dry run."""
    return gateway(settings, clock) if settings.live else DryRunPublisher()


def gateway(settings: Settings, clock: Clock) -> X:
    from bot.x.twitter import X

    return X(identity(settings, clock), now=clock.now, base_url=settings.x.base_url)


def identity(settings: Settings, clock: Clock) -> Keys | Bearer:
    from bot.x.bearer import Bearer
    from bot.x.signin import Client
    from bot.x.signing import Keys

    if missing := lacking(settings):
        raise ConfigError(
            f"Keys for X are missing: {', '.join(missing)}. Run `mynah auth`, put each in a file of that name in the "
            "folder given by x.keys (chmod 600), or use systemd credentials"
        )
    known = secrets(settings)
    if settings.x.auth == "oauth1":
        return Keys(**{name: known[name] for name in KEYS})
    file = login(settings)
    if file.read() is None:
        raise ConfigError(f"Not logged in to X: {file.path} does not exist. Run `mynah auth`")
    return Bearer(file, Client(known["client_id"], known.get("client_secret", "")), now=clock.now)


def claim(store: Store, settings: Settings) -> None:
    """Bind a live history to the account of the keys, and refuse the keys of another account."""
    own = account_id(settings)
    if not settings.live or not own:
        return
    recorded = store.meta(ACCOUNT)
    if recorded is None:
        store.keep_meta(ACCOUNT, own)
    elif recorded != own:
        raise ConfigError(
            f"the keys belong to account {own}, but the history in {settings.state} to {recorded}: "
            "choose another folder with --state"
        )
