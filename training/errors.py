"""Every error that training raises, as a tree; the caller (bot/commands, training/__main__.py) prints and exits.

TrainingError
├── SourceError       a file of tweets that cannot be read: which, why, what to do
├── TooLittleData     fewer characters than a model can learn from
├── ModelError        a model folder that is missing, damaged or not what its manifest says
│   └── HubUnreachable    a base model that is neither here nor cached, and no hub to ask
├── StateBusy         another training holds the folder
└── OutOfRoom         the disk or the memory is too small: how much is there, how much is needed
"""

from __future__ import annotations


class TrainingError(Exception):
    """One sentence for the user: what is wrong, where, and what to do about it."""


class SourceError(TrainingError):
    pass


class TooLittleData(TrainingError):
    pass


class ModelError(TrainingError):
    pass


class HubUnreachable(ModelError):
    pass


class StateBusy(TrainingError):
    pass


class OutOfRoom(TrainingError):
    pass
