"""`mynah publish`: shows what would go to the model hub, asks, and sends it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from bot.commands.opening import agreed, loaded
from bot.errors import training_errors

if TYPE_CHECKING:
    from argparse import Namespace

    from training.card.publish import Upload


def publish(args: Namespace) -> int:
    from bot.config.state_dir import StateDir
    from training.card import publish as hub
    from training.models import registry

    models = StateDir(loaded(args).settings.state).models
    with training_errors():
        version = registry.find(models, args.version)
        parcel = hub.parcel(version, args.repo, private=not args.public, consent=args.consent)
        _show(parcel)
        if not args.yes and not agreed("Does the person agree, and shall this go up?"):
            print("nothing went up")
            return 0
        print(hub.send(parcel, progress=sys.stderr.isatty()))
    return 0


def _show(parcel: Upload) -> None:
    whose = ", ".join(f"@{author}" for author in sorted(parcel.manifest.authors)) or "nobody that it names"
    seen = "private: only you, and whom you let in" if parcel.private else "public: everybody"
    print(f"model       {parcel.folder.name}")
    print(f"repository  {parcel.repo}")
    print(f"seen by     {seen}")
    print(f"learnt from tweets of {whose}")
    for name, size in parcel.files.items():
        print(f"{size:>13,}  {name}")
    print(f"{sum(parcel.files.values()):>13,}  bytes in all", flush=True)
