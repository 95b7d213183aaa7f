"""The checks of `mynah doctor`, each with a result and what to do about it.

With a `fail`, `mynah run --live` does not start; a `warn` should be looked at. The file is long because each check is a
short function with its advice.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from bot.clock import why_doubted
from bot.errors import ModelError, StoreError
from bot.running.resources import MEGABYTE, MIN_FREE
from bot.running.units import is_ours
from bot.sending import pause
from bot.sending.outbox import how_to_resolve
from bot.values import Draft
from bot.x.tokens import MOST_TRIES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from bot.history.store import Store
    from bot.screen.chain import Screen
    from bot.voice.voice import Voice
    from bot.x.payloads import Account
    from bot.x.tokens import Grant

Verdict = Literal["ok", "warn", "fail"]
OK: Verdict = "ok"
WARN: Verdict = "warn"
FAIL: Verdict = "fail"
ENOUGH_FREE = 1_000 * MEGABYTE  # for a new model
DRIFT, TOLERATED = (
    timedelta(seconds=30),
    timedelta(minutes=4),
)  # X refuses signatures about five minutes off
NETWORKED = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "ceph", "afs", "lustre", "fuse.sshfs", "fuse.glusterfs"}
BOT_WORDS = re.compile(r"bots?\b|automat|generated|\bAI\b|\bGPT|robot|機械|ボット|бот", re.IGNORECASE)
HANDLE = re.compile(r"@(\w{1,15})")
UNIT = "mynah@.service"
CONFIRMED_LANGUAGES = "confirmed_languages"  # those without a word list that the bot may write
CONFIRMED = "confirmed"  # the key in the store: the bot whose checklist a person has confirmed
UNLABELLED = "unlabelled"  # what the profile on X lacked when somebody last asked X; empty if nothing
CHECKLIST = (
    "its Automated label is on (x.com: Settings, Your account, Automation)",
    "the label is linked to the account of the person who runs it",
    "its display name and its bio say that it is a bot, and the bio says who runs it",
    "the person whose tweets it was trained on agrees to it",
)
# Texts that the screen must refuse, with the reason, and texts that must pass, whatever the settings allow.
REFUSED = (
    ("Good morning @somebody, how are you?", "mention"),
    ("Write to me, jo.doe@example.org, any time.", "email"),
    ("Call me on +1 202 555 0143 tonight.", "phone"),
    ("I will kill you tomorrow.", "threat"),
    ("Buy $AAA and $BBB now.", "too_many_cashtags"),
    ("no no no no no no", "repetition"),
    ("word " * 80 + "end.", "too_long"),
    ("Nothing to see\u202e here.", "control_character"),
    ("", "empty"),
)
PASSED = (
    "Good morning to everyone who is carrying two umbrellas.",
    "The night train was late again and nobody minded ☔",
    "I learnt a new word today and I will not tell you which.",
)


@dataclass(frozen=True, slots=True)
class Check:
    check: str
    verdict: Verdict
    detail: str
    do: str = ""


def keys(missing: Sequence[str], *, live: bool) -> Check:
    if not missing:
        return Check("keys", OK, "all that x.auth needs are set")
    do = "`mynah auth`; or put each in a file of that name in the folder that x.keys names (chmod 600)"
    return Check("keys", FAIL if live else WARN, f"{', '.join(missing)} not set", do)


def login(grant: Grant | None, *, live: bool) -> Check:
    """Check the OAuth 2.0 login on disk; whether X still accepts it is not checked."""
    if grant is None:
        return Check("login", FAIL if live else WARN, "not logged in to X", "`mynah auth` logs in")
    if grant.tries >= MOST_TRIES:
        return Check("login", FAIL, "used up: X does not renew it any more", "`mynah auth` logs in again")
    return Check("login", OK, f"of @{grant.handle}" if grant.handle else "of an account that X did not name")


def account(of_keys: str, of_history: str | None) -> Check:
    """Both are ids of accounts on X; empty if the keys do not contain one."""
    if of_keys and of_history and of_keys != of_history:
        detail = f"the keys belong to account {of_keys}, the history to account {of_history}"
        return Check("account", FAIL, detail, "choose another folder with --state, or use the other keys")
    return Check(
        "account",
        OK,
        f"the history belongs to account {of_history}" if of_history else "the history belongs to no account yet",
    )


def label(confirmed: str | None, bot: str, unlabelled: str | None = None, *, live: bool, on_x: bool) -> Check:
    """`unlabelled`: what the profile lacked when X was last asked."""
    if not on_x:
        return Check("label", OK, "not needed: x.base_url is not X")
    if unlabelled:
        do = "change the profile, then run `mynah doctor --online`"
        return Check("label", FAIL if live else WARN, f"when X was last asked: {unlabelled}", do)
    if confirmed == bot:
        return Check("label", OK, f"confirmed for @{bot}")
    detail = f"nobody has confirmed that @{bot} is labelled as a bot"
    return Check("label", FAIL if live else WARN, detail, "`mynah doctor --confirm` lists what X requires")


def languages(written: Sequence[str], listed: Sequence[str], confirmed: str | None, *, live: bool) -> Check:
    """Check whether the screen has word lists for what the model writes; `confirmed` are those it may do without."""
    without = [code for code in written if code not in {"en", *listed}]
    unconfirmed = [code for code in without if code not in (confirmed or "").split()]
    if unconfirmed:
        detail = f"the screen has no list of words in {', '.join(map(str, unconfirmed))}, which the model writes"
        do = "add such words to screen.deny_file; then `mynah doctor --confirm` confirms that the bot may post"
        return Check("languages", FAIL if live else WARN, detail, do)
    names = ", ".join(map(str, written)) or "not known: the model was trained by an earlier version"
    return Check("languages", OK, names + (f" (confirmed without a list: {', '.join(without)})" if without else ""))


def replies(standing: str, *, enabled: bool, unreadable: int) -> Check:
    if unreadable:
        detail = f"X did not name the author of {unreadable} mentions, so they were not answered"
        return Check("replies", WARN, detail, "report this: X may have changed its fields")
    if enabled and standing.startswith("off: replies."):
        do = "set it when X has approved generated replies (help.x.com/forms/platform)"
        return Check("replies", WARN, standing, do)
    return Check("replies", OK, standing)


def history(store: Store | None, *, whole: bool = True) -> Check:
    if store is None:
        return Check("history", OK, "none yet")
    try:
        damage = store.damage(whole=whole)
    except StoreError as error:
        damage = [str(error)]
    if damage:
        return Check("history", FAIL, "; ".join(damage), "keep the file, and restore a backup")
    return Check("history", OK, "sound")


def unsettled(store: Store | None, now: datetime, *, dry: bool) -> Check:
    if store and (paused := pause.why_paused(store, now)):
        return Check("posting", WARN, paused, "`mynah resume`, when the cause is fixed")
    if store and (posts := store.posts_in("unknown", dry=dry)):
        number = posts[0].id
        do = f"look at the bot's page on X, then {how_to_resolve(number)}"
        return Check("posting", WARN, f"post {number} may or may not exist", do)
    return Check("posting", OK, "not paused, and no unconfirmed post")


def private(folder: Path, unsafe: str, *, live: bool) -> Check:
    """`unsafe`: who else could change what the folder has."""
    if unsafe:
        do = f"chown it to the bot's user and chmod 700 {folder}, or choose another folder"
        return Check("privacy", FAIL if live else WARN, unsafe, do)
    if folder.exists() and folder.stat().st_mode & 0o077:
        return Check("privacy", WARN, f"{folder} can be read by others", f"chmod 700 {folder}")
    return Check("privacy", OK, f"only its owner can read {folder}")


def memory(locked: str, *, is_open_to_all: bool, live: bool) -> Check:
    """`locked`: why copies of tweets cannot be found."""
    if locked:
        return Check("memory", FAIL if live else WARN, locked, "copy memory.key too when a model moves, or retrain")
    if is_open_to_all:
        detail = "the model is from before memory.key: anyone who has its folder can test which tweets it learnt"
        return Check("memory", WARN, detail, "`mynah retrain` makes one with a key")
    return Check("memory", OK, "only someone with memory.key can test which tweets the model learnt")


def engine(missing: Sequence[str], purpose: str, do: str) -> Check:
    """`missing`: packages that are not installed; `purpose`: what the bot cannot do without them."""
    if missing:
        return Check("engine", FAIL, f"{', '.join(missing)} not installed: the bot cannot {purpose}", do)
    return Check("engine", OK, f"everything is installed to {purpose}")


def owner(folder: Path, *, live: bool) -> Check:
    """Check that all files have the folder's owner: the bot may not be able to read what root has created there."""
    uid = folder.stat().st_uid if folder.exists() else None
    others = sorted(str(path) for path in folder.rglob("*") if path.lstat().st_uid != uid)
    if others:
        more = f" and {len(others) - 1} others" if len(others) > 1 else ""
        do = f"chown -R --reference={folder} {folder}"
        return Check("owner", FAIL if live else WARN, f"{others[0]}{more}: another owner than that of the folder", do)
    return Check("owner", OK, "all files have the same owner")


def units(folder: Path, bot: str, *, system: Path, shipped: Path) -> Check:
    """The units in systemd's own folders; `shipped` is the folder with the units of this program."""
    if not (system / UNIT).exists():
        return Check("units", OK, "not installed: nothing restarts the bot")
    name = folder.name if folder.parent.name == "mynah" else bot  # the units keep a bot in /var/lib/mynah/NAME
    foreign = sorted(path.name for path in shipped.glob("mynah*@.*") if not is_ours(system / path.name, path))
    if foreign:
        do = "`mynah install-units`, then systemctl daemon-reload"
        return Check("units", WARN, f"not the units of this program: {', '.join(foreign)}", do)
    if not os.path.lexists(system / "multi-user.target.wants" / f"mynah@{name}.service"):
        return Check("units", WARN, f"mynah@{name} does not start at boot", f"systemctl enable --now mynah@{name}")
    timer = os.path.lexists(system / "timers.target.wants" / f"mynah-retrain@{name}.timer")
    return Check("units", OK, f"mynah@{name} starts at boot{', and retrains each week' if timer else ''}")


def disk(folder: Path, mounts: str) -> Check:
    """`mounts` is the text of /proc/self/mountinfo; empty where that does not exist."""
    kind = _kind_of_disk(folder, mounts)
    if kind in NETWORKED:
        detail = f"{folder} is on {kind}, where neither locks nor commits are reliable"
        return Check("disk", FAIL, detail, "choose a folder on a local disk with --state")
    if kind in {"tmpfs", "ramfs"}:
        return Check("disk", WARN, f"{folder} is in memory and lost at a reboot", "choose another folder with --state")
    return Check("disk", OK, kind or "unknown file system")


def room(folder: Path) -> Check:
    existing = next(each for each in (folder, *folder.parents) if each.exists())
    free = shutil.disk_usage(existing).free
    verdict = FAIL if free < MIN_FREE else WARN if free < ENOUGH_FREE else OK
    do = "" if verdict == OK else f"free some space on the disk of {existing}; old models take most (training.keep)"
    return Check("room", verdict, f"{free / MEGABYTE:,.0f} MB free", do)


def clock(now: datetime, last: datetime | None) -> Check:
    if doubt := why_doubted(now):
        return Check("clock", FAIL, doubt, "set the clock: X refuses requests that are signed with a wrong time")
    if last and last - now > DRIFT:
        detail = f"it shows {now:%Y-%m-%d %H:%M} UTC, but the history has entries until {last:%Y-%m-%d %H:%M}"
        return Check("clock", WARN, detail, "set the clock if it is wrong")
    return Check("clock", OK, f"{now:%Y-%m-%d %H:%M} UTC")


def clock_of_x(now: datetime, on_x: datetime) -> Check:
    """X's time is always slightly earlier, since its answer took a moment."""
    off = abs(now - on_x)
    detail = f"{off.total_seconds():.0f} s difference"
    do = "synchronise the clock over the network (timedatectl set-ntp true)"
    if off > TOLERATED:
        return Check("clock offset to X", FAIL, detail, do)
    return Check("clock offset to X", WARN if off > DRIFT else OK, detail, do if off > DRIFT else "")


def zone(name: str, local: datetime, due: datetime) -> Check:
    detail = f"{name}, where it is {local:%H:%M}; the next slot is on {due:%Y-%m-%d} at {due:%H:%M}"
    return Check("time zone", OK, detail)


def library(authors: int, tweets: int) -> Check:
    if not tweets:
        return Check("library", WARN, "empty: there are no tweets to train on", "`mynah import ARCHIVE.zip`")
    return Check("library", OK, f"{tweets:,} tweets of {'1 author' if authors == 1 else f'{authors:,} authors'}")


def screen(whole: Screen) -> Check:
    wrong = [f"does not refuse {name}" for text, name in REFUSED if not _refuses(whole, text, name)]
    wrong += [f"refuses {text!r}" for text in PASSED if whole.why_not(Draft(text))]
    if wrong:
        return Check("screen", FAIL, "; ".join(wrong), "install mynah again, and report this if it remains")
    return Check("screen", OK, f"refuses all {len(REFUSED)} bad examples, passes all {len(PASSED)} good ones")


def voice(speaker: Voice | ModelError | None, whole: Screen, engine: str = "torch") -> Check:
    """`speaker` is an error if no model could be opened; `engine` is the one that the voice uses."""
    if speaker is None:
        return Check("model", WARN, "none yet", "`mynah retrain` trains one, and so does the first `mynah run`")
    if isinstance(speaker, ModelError):
        return Check("model", FAIL, str(speaker), "`mynah rollback`, or `mynah retrain`")
    drafts = speaker.draft("", n=8, seed=0)
    passing = [draft for draft in drafts if not whole.why_not(draft)]
    if not any(draft.text.strip() for draft in drafts):
        return Check("model", FAIL, f"{speaker.name} generates no text", "`mynah rollback`, or `mynah retrain`")
    if not passing:
        do = "`mynah sample` shows the drafts and the reasons; train the model on more tweets"
        return Check("model", WARN, f"the screen refuses all {len(drafts)} drafts of {speaker.name}", do)
    likeliest = max(passing, key=lambda draft: draft.likelihood)
    return Check("model", OK, f"{speaker.name} ({engine}) generates {likeliest.text!r}")


def identity(handle: str, bot: str) -> Check:
    if handle.lower() != bot.lower():
        detail = f"the keys belong to @{handle}, the configuration is for @{bot}"
        return Check("handle", FAIL, detail, f'set bot = "{handle}" in the configuration, or use the keys of @{bot}')
    return Check("handle", OK, f"the keys work and belong to @{handle}")


def access(level: str | None) -> Check:
    if level == "read":
        do = "set Read and write for the app in X's developer console, then make new access tokens"
        return Check("access", FAIL, "the keys allow only reading", do)
    return Check("access", OK if level else WARN, level or "X does not say what the keys allow")


def profile(account: Account, bot: str, *, live: bool) -> Check:
    """Look for certain words in the name and bio. Only a person can judge whether they are a sufficient label."""
    text = f"{account.name} {account.bio}"
    missing = []
    if not BOT_WORDS.search(text):
        missing.append("that this is a bot")
    if not any(handle.lower() != bot.lower() for handle in HANDLE.findall(account.bio)):
        missing.append("who runs it (@handle)")
    if missing:
        do = f"write it into the bio of @{account.handle}"
        return Check("profile", FAIL if live else WARN, f"name and bio do not say {' nor '.join(missing)}", do)
    return Check("profile", OK, "says that it is a bot, and names a person")


def _refuses(whole: Screen, text: str, name: str) -> bool:
    return name in {reason.name for reason in whole.reasons(Draft(text))}


def _kind_of_disk(folder: Path, mounts: str) -> str:
    """The file system of the deepest mount that contains the folder; of two at one path the later one counts."""
    kinds = {}
    for line in mounts.splitlines():
        mount, _, kind = line.partition(" - ")
        if len(fields := mount.split()) > 4:
            kinds[fields[4].replace("\\040", " ")] = kind.split()[0]
    paths = [str(each) for each in (folder.resolve(), *folder.resolve().parents)]
    return next((kinds[path] for path in paths if path in kinds), "")
