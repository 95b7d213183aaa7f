"""Every error the bot raises, as a tree; cli.py alone turns them into exit codes.

`training_errors` is the one place where an error of `training` becomes one of these.

MynahError                 exit 1
├── ConfigError            exit 78   the configuration or a secret is wrong; restarting will not help
├── Busy                   exit 75   somebody else holds the state folder; try later
├── StoreError             exit 1    the history cannot be used: a newer version, another account, …
│   ├── NoRoom             exit 1    the disk is full: nothing can be stored until space is freed
│   └── Damaged            exit 78   the file is not what was written; restarting will not help
├── ModelError             exit 1    no model, or one that may not speak
└── XError                           X did not do what was asked; one subclass per action to take
    ├── TryLater                     not created, and may be tried again
    │   └── RateLimited              the same, not before `until`
    ├── Refused                      not created, final for this post
    │   ├── Duplicate                X says that it has this text already
    │   ├── Unexplained              for a reason that nobody knows; several in a row halt
    │   └── Gone                     what should be deleted is not there
    ├── Halted                       keys, permission, suspension or credits: stop writing, tell the operator
    │   └── WrongPin                 of a login: it may be typed again
    └── Unknown                      it may or may not exist; only the timeline can tell
"""

from __future__ import annotations

import errno
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # what the system says of a full disk, a quota, a file-size limit


class MynahError(Exception):
    """One sentence for the user: what is wrong, where, and what to do about it."""

    exit_code = 1


class ConfigError(MynahError):
    exit_code = 78


class Busy(MynahError):
    exit_code = 75


class StoreError(MynahError):
    pass


class NoRoom(StoreError):
    pass


class Damaged(StoreError):
    exit_code = 78


class ModelError(MynahError):
    pass


class XError(MynahError):
    pass


class TryLater(XError):
    pass


class RateLimited(TryLater):
    def __init__(self, message: str, *, until: datetime) -> None:
        super().__init__(message)
        self.until = until


class Refused(XError):
    pass


class Duplicate(Refused):
    """X has this text already, perhaps from an earlier attempt at this post. The outbox treats it as Unknown."""


class Gone(Refused):
    pass


class Unexplained(Refused):
    """The reason may concern the account, so bot.sending.pause counts these refusals."""


class Halted(XError):
    pass


class WrongPin(Halted):
    pass


class Unknown(XError):
    pass


@contextmanager
def training_errors(otherwise: type[MynahError] = MynahError, *, about: str = "") -> Iterator[None]:
    """Raise training's errors as ours; `otherwise` is the class for those that have no counterpart here."""
    from training import errors

    try:
        yield
    except errors.TrainingError as error:
        ours = {errors.StateBusy: Busy, errors.OutOfRoom: NoRoom, errors.ModelError: ModelError}
        kind = next((ours[theirs] for theirs in ours if isinstance(error, theirs)), otherwise)
        raise kind(f"{about}{error}") from error
