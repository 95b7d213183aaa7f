"""Every error that training raises, as a tree; bot/errors.py turns them into the bot's, with exit codes.

TrainingError
├── SourceError       a file of tweets that cannot be read: which, why, what to do
├── LibraryError      a library of tweets that is damaged, newer than this program, or lacks an author
├── TooLittleData     fewer characters than a model can be trained on
├── NothingNew        the current model was trained on all tweets already
├── ModelError        a model folder that is missing, damaged or differs from its manifest
│   ├── MemoryLocked      the key of a model's copy index is not here
│   ├── HubUnreachable    a base model that is neither local nor cached, and the hub cannot be reached
│   └── UnknownArchitecture  a model that only transformers can run; never shown, since transformers then runs it
├── PublishError      what cannot be published to the hub, or failed to upload
├── StateBusy         another process holds the models folder or the library
├── OutOfRoom         the disk is too small: how much there is, how much is needed
└── OutOfMemory       the memory is too small
"""

from __future__ import annotations

import errno

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Stopped(KeyboardInterrupt):
    """Somebody stopped a training, after it had saved a checkpoint."""


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


class MemoryLocked(ModelError):
    pass


class HubUnreachable(ModelError):
    pass


class UnknownArchitecture(ModelError):
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
    """Whether the disk, the quota or the file size limit is exceeded; safetensors gives errno only in its message."""
    in_message = any(f"os error {number})" in str(error) for number in _FULL)
    return in_message or (isinstance(error, OSError) and error.errno in _FULL)


def first_line(error: Exception) -> str:
    """The first line of another library's error message, to quote in an error of this program."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(": ")[:200]
