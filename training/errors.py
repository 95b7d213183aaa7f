"""Every error that training raises, as a tree; the caller (bot/commands) prints and exits.

TrainingError
├── SourceError       a file of tweets that cannot be read: which, why, what to do
├── LibraryError      a library of tweets that is damaged, newer than us, or lacks somebody
├── TooLittleData     fewer characters than a model can learn from
├── NothingNew        the model in use has learnt all that there is
├── ModelError        a model folder that is missing, damaged or not what its manifest says
│   └── HubUnreachable    a base model that is neither here nor cached, and no hub to ask
├── PublishError      what cannot go to the hub, or did not arrive there
├── StateBusy         another training holds the folder, another import the library
├── OutOfRoom         the disk is too small: how much is there, how much is needed
└── OutOfMemory       the memory is: other than on a disk, waiting frees none
"""

from __future__ import annotations

import errno

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class TrainingError(Exception):
    """One sentence for the user: what is wrong, where, and what to do about it."""


class SourceError(TrainingError):
    pass


class LibraryError(TrainingError):
    pass


class TooLittleData(TrainingError):
    pass


class NothingNew(TrainingError):
    pass


class ModelError(TrainingError):
    pass


class HubUnreachable(ModelError):
    pass


class PublishError(TrainingError):
    pass


class StateBusy(TrainingError):
    pass


class OutOfRoom(TrainingError):
    pass


class OutOfMemory(TrainingError):
    pass


def is_full(error: Exception) -> bool:
    """No room, no quota, or a limit on the size of files; safetensors has the number in its text only."""
    named = any(f"os error {number})" in str(error) for number in _FULL)
    return named or (isinstance(error, OSError) and error.errno in _FULL)


def first_line(error: Exception) -> str:
    """What a stranger's error says, short enough to stand in a sentence of ours."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(": ")[:200]
