"""What going live needs, each as one check: what was found, and what to do about it. It decides nothing else.

A `fail` is a must-have that is missing, and `mynah run --live` does not start with one; a `warn` is worth a look.
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
from bot.running.resources import LEAST, MEGABYTE
from bot.running.units import is_ours
from bot.sending import pause
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
GOOD_ROOM = 1_000 * MEGABYTE  # for a new model
DRIFT, TOLERATED = timedelta(seconds=30), timedelta(minutes=4)  # X refuses signatures that are some five minutes off
NETWORKED = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "ceph", "afs", "lustre", "fuse.sshfs", "fuse.glusterfs"}
BOT_WORDS = re.compile(r"bots?\b|automat|generated|\bAI\b|\bGPT|robot|機械|ボット|бот", re.IGNORECASE)
HANDLE = re.compile(r"@(\w{1,15})")
UNIT = "mynah@.service"
CONFIRMED = "confirmed"  # the bot whose checklist a person has confirmed, as the store names it
CHECKLIST = (
    "its Automated label is on (x.com: Settings, Your account, Automation)",
    "the label is linked to the account of the person who runs it",
    "its display name and its bio say that it is a bot, and the bio says who runs it",
    "the person whose tweets it speaks from agrees to it",
)
# What the screen must refuse, with the reason, and what it must let through, whatever the settings allow.
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
        return Check("keys", OK, "all are set that x.auth wants")
    do = "`mynah auth`; or put each in a file of that name in the folder that x.keys names (chmod 600)"
    return Check("keys", FAIL if live else WARN, f"{', '.join(missing)} not set", do)


def login(grant: Grant | None, *, live: bool) -> Check:
    """By OAuth 2.0; whether X still takes it, only X can say."""
    if grant is None:
        return Check("login", FAIL if live else WARN, "nobody is logged in", "`mynah auth`")
    if grant.tries >= MOST_TRIES:
        return Check("login", FAIL, "used up: X does not renew it", "`mynah auth` logs in again")
    return Check("login", OK, f"of @{grant.handle}" if grant.handle else "of an account that X did not name")


def account(of_keys: str, of_history: str | None) -> Check:
    """Both by the account's number on X; empty where the keys do not say."""
    if of_keys and of_history and of_keys != of_history:
        detail = f"the keys are of account {of_keys}, the history is of {of_history}"
        return Check("account", FAIL, detail, "choose another folder with --state, or the other keys")
    return Check(
        "account", OK, f"the history is of account {of_history}" if of_history else "the history is nobody's yet"
    )


def label(confirmed: str | None, bot: str, *, live: bool, on_x: bool) -> Check:
    if not on_x:
        return Check("label", OK, "x.base_url is not X: nobody is there to be told")
    if confirmed == bot:
        return Check("label", OK, f"confirmed for @{bot}")
    detail = f"nobody has confirmed that @{bot} shows what it is"
    return Check("label", FAIL if live else WARN, detail, "`mynah doctor --confirm` lists what X asks for")


def replies(standing: str, *, enabled: bool, unreadable: int) -> Check:
    if unreadable:
        detail = f"of {unreadable} mentions X did not say who wrote them: nobody of them was answered"
        return Check("replies", WARN, detail, "please report this: X may have changed its fields")
    if enabled and standing.startswith("off: replies."):
        do = "set it when X has approved generated replies (help.x.com/forms/platform)"
        return Check("replies", WARN, standing, do)
    return Check("replies", OK, standing)


def history(store: Store | None) -> Check:
    if store is None:
        return Check("history", OK, "none yet")
    try:
        damage = store.damage()
    except StoreError as error:
        damage = [str(error)]
    if damage:
        return Check("history", FAIL, "; ".join(damage), "keep the file, and restore a backup")
    return Check("history", OK, "sound")


def unsettled(store: Store | None, now: datetime, *, dry: bool) -> Check:
    if store and (paused := pause.why_paused(store, now)):
        return Check("nothing held", WARN, paused, "`mynah resume`, when what it says is put right")
    if store and (posts := store.posts_in("unknown", dry=dry)):
        number = posts[0].id
        do = f"look at the bot's page, then `mynah resolve {number} posted|abandoned`"
        return Check("nothing held", WARN, f"post {number} may or may not exist", do)
    return Check("nothing held", OK, "no pause, and no post in doubt")


def private(folder: Path) -> Check:
    if folder.exists() and folder.stat().st_mode & 0o077:
        return Check("privacy", WARN, f"{folder} can be read by others", f"chmod 700 {folder}")
    return Check("privacy", OK, f"{folder} is its owner's alone")


def owner(folder: Path) -> Check:
    """What root makes there by hand the bot may not be able to read."""
    there = folder.stat().st_uid if folder.exists() else None
    others = sorted(str(path) for path in folder.rglob("*") if path.lstat().st_uid != there)
    if others:
        more = f" and {len(others) - 1} others" if len(others) > 1 else ""
        do = f"chown -R --reference={folder} {folder}"
        return Check("owner", WARN, f"{others[0]}{more} do not belong to whom the folder belongs to", do)
    return Check("owner", OK, "all in it belongs to one")


def units(folder: Path, bot: str, *, system: Path, shipped: Path) -> Check:
    """systemd's, by its own folders; `shipped` are those of this program, where it was not installed without them."""
    if not (system / UNIT).exists():
        return Check("units", OK, "not installed: nothing starts it again by itself")
    name = folder.name if folder.parent.name == "mynah" else bot  # the units keep a bot in /var/lib/mynah/NAME
    ours = sorted(path.name for path in shipped.glob("mynah*@.*") if not is_ours(system / path.name, path))
    if ours:
        do = "mynah install-units; systemctl daemon-reload"
        return Check("units", WARN, f"not those of this program: {', '.join(ours)}", do)
    if not os.path.lexists(system / "multi-user.target.wants" / f"mynah@{name}.service"):
        return Check("units", WARN, f"mynah@{name} does not start at boot", f"systemctl enable --now mynah@{name}")
    timer = os.path.lexists(system / "timers.target.wants" / f"mynah-retrain@{name}.timer")
    return Check("units", OK, f"mynah@{name} starts at boot{', and retrains each week' if timer else ''}")


def disk(folder: Path, mounts: str) -> Check:
    """`mounts` is what /proc/self/mountinfo says; where there is no such thing it is empty."""
    kind = _kind_of_disk(folder, mounts)
    if kind in NETWORKED:
        detail = f"{folder} is on {kind}, where neither locks nor commits are safe"
        return Check("disk", FAIL, detail, "choose a folder on a local disk with --state")
    if kind in {"tmpfs", "ramfs"}:
        return Check("disk", WARN, f"{folder} is in memory, and gone at the next start", "choose another with --state")
    return Check("disk", OK, kind or "of an unknown kind")


def room(folder: Path) -> Check:
    there = next(each for each in (folder, *folder.parents) if each.exists())
    free = shutil.disk_usage(there).free
    verdict = FAIL if free < LEAST else WARN if free < GOOD_ROOM else OK
    do = "" if verdict == OK else f"free some on the disk of {there}; old models are the largest (training.keep)"
    return Check("room", verdict, f"{free / MEGABYTE:,.0f} MB free", do)


def clock(now: datetime, last: datetime | None) -> Check:
    if doubt := why_doubted(now):
        return Check("clock", FAIL, doubt, "X refuses what is signed by a wrong clock")
    if last and last - now > DRIFT:
        detail = f"it says {now:%Y-%m-%d %H:%M} UTC, and the history goes on until {last:%Y-%m-%d %H:%M}"
        return Check("clock", WARN, detail, "set the clock, if it is that which is wrong")
    return Check("clock", OK, f"{now:%Y-%m-%d %H:%M} UTC")


def clock_of_x(now: datetime, on_x: datetime) -> Check:
    """An answer took its time, so X is always a little behind."""
    off = abs(now - on_x)
    detail = f"{off.total_seconds():.0f} s away from X's"
    do = "let the machine set its clock by the network (timedatectl set-ntp true)"
    if off > TOLERATED:
        return Check("clock as X sees it", FAIL, detail, do)
    return Check("clock as X sees it", WARN if off > DRIFT else OK, detail, do if off > DRIFT else "")


def zone(name: str, here: datetime, due: datetime) -> Check:
    detail = f"{name}, where it is {here:%H:%M}; the next slot is on {due:%Y-%m-%d} at {due:%H:%M}"
    return Check("time zone", OK, detail)


def library(authors: int, tweets: int) -> Check:
    if not tweets:
        return Check("library", WARN, "empty: there is nobody to learn from", "`mynah import ARCHIVE.zip`")
    return Check("library", OK, f"{tweets:,} tweets of {'1 author' if authors == 1 else f'{authors:,} authors'}")


def screen(whole: Screen) -> Check:
    wrong = [f"lets through what is {name}" for text, name in REFUSED if not _refuses(whole, text, name)]
    wrong += [f"refuses {text!r}" for text in PASSED if whole.why_not(Draft(text))]
    if wrong:
        return Check("screen", FAIL, "; ".join(wrong), "install mynah again, and report this if it stays so")
    return Check("screen", OK, f"refuses {len(REFUSED)} texts of {len(REFUSED)}, passes {len(PASSED)} of {len(PASSED)}")


def voice(speaker: Voice | ModelError | None, whole: Screen, engine: str = "torch") -> Check:
    """An error in the place of a voice is why there is none; `engine` is what it speaks with."""
    if speaker is None:
        return Check("model", WARN, "none yet", "`mynah retrain` makes one, or `mynah run` before it speaks")
    if isinstance(speaker, ModelError):
        return Check("model", FAIL, str(speaker), "`mynah rollback`, or `mynah retrain`")
    drafts = speaker.draft("", n=8, seed=0)
    fit = [draft for draft in drafts if not whole.why_not(draft)]
    if not any(draft.text.strip() for draft in drafts):
        return Check("model", FAIL, f"{speaker.name} says nothing at all", "`mynah rollback`, or `mynah retrain`")
    if not fit:
        do = "`mynah sample` shows what and why; a model that has learnt more says more"
        return Check("model", WARN, f"{speaker.name} says nothing that may go out, in {len(drafts)} drafts", do)
    likeliest = max(fit, key=lambda draft: draft.likelihood)
    return Check("model", OK, f"{speaker.name} says {likeliest.text!r} ({engine})")


def identity(handle: str, bot: str) -> Check:
    if handle.lower() != bot.lower():
        detail = f"the keys are of @{handle}, the configuration is for @{bot}"
        return Check("handle", FAIL, detail, f'put bot = "{handle}" in it, or give it the keys of @{bot}')
    return Check("handle", OK, f"the keys work, and are of @{handle}")


def access(level: str | None) -> Check:
    if level == "read":
        do = "set Read and write for the app in X's developer console, then make new access tokens"
        return Check("access", FAIL, "the keys may only read", do)
    return Check("access", OK if level else WARN, level or "X does not say what the keys may do")


def profile(found: Account, bot: str) -> Check:
    """What people see, by words: nobody but a person can say whether it is enough."""
    shown = f"{found.name} {found.bio}"
    lacking = []
    if not BOT_WORDS.search(shown):
        lacking.append("that this is a bot")
    if not any(handle.lower() != bot.lower() for handle in HANDLE.findall(found.bio)):
        lacking.append("who runs it (@handle)")
    if lacking:
        do = f"write it into the bio of @{found.handle}"
        return Check("profile", WARN, f"name and bio do not say {' nor '.join(lacking)}", do)
    return Check("profile", OK, "says that it is a bot, and names somebody")


def _refuses(whole: Screen, text: str, name: str) -> bool:
    return name in {reason.name for reason in whole.reasons(Draft(text))}


def _kind_of_disk(folder: Path, mounts: str) -> str:
    """By the deepest mount that the folder is in; of two at one place the later one lies on top."""
    kinds = {}
    for line in mounts.splitlines():
        place, _, kind = line.partition(" - ")
        if len(fields := place.split()) > 4:
            kinds[fields[4].replace("\\040", " ")] = kind.split()[0]
    there = [str(each) for each in (folder.resolve(), *folder.resolve().parents)]
    return next((kinds[each] for each in there if each in kinds), "")
