"""Files of tweets in every format, read, filtered and imported into a library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes import NOON
from tests.training.archives import zipped
from tests.trials.fuzz import documents
from tests.trials.fuzz.kinds import undone
from training.corpus.corpus import filter_tweets
from training.library.library import Library
from training.sources import recognise

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MEMBER = b"\n==> "  # begins the name of one, up to the end of the line: a mutated zip would seldom be more than damaged


class Archives:
    """The first line of an input names the file; `members` are zipped on the way."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "tweets"
        self._folder.mkdir(exist_ok=True)
        self._library = Library.open(folder / "library.db")

    def seeds(self) -> Iterator[bytes]:
        for members in documents.ARCHIVES:
            yield b"members" + b"".join(MEMBER + f"{name}\n{text}".encode() for name, text in members.items())
        for name, text in documents.FILES:
            yield name.encode() + b"\n" + text.encode()
        path = zipped(self._folder / "seed.zip", documents.ARCHIVES[0])
        yield b"file.zip\n" + path.read_bytes()

    def take(self, data: bytes) -> None:
        path = self._written(data)
        found = recognise.read(path, author="magpie")
        assert found.tweets
        for tweet in found.tweets:
            tweet.text.encode()
        filter_tweets(found.author, found.tweets)
        with undone(self._library):
            for _ in range(2):  # the second time everything is there
                added = self._library.add(found, source=path.name, at=NOON)
            assert added.new == 0
            assert 0 < len(self._library.archive(found.author).tweets) <= len(found.tweets)
            self._library.authors()

    def close(self) -> None:
        self._library.close()

    def _written(self, data: bytes) -> Path:
        head, _, rest = data.partition(b"\n")
        if head == b"members":
            pieces = (piece.partition(b"\n") for piece in (b"\n" + rest).split(MEMBER)[1:])
            members = {name.decode("utf-8", "replace").replace("\0", "")[:200] or "x": text for name, _, text in pieces}
            return zipped(self._folder / "archive.zip", members)
        suffix = head.decode("ascii", "ignore").rpartition(".")[2]
        path = self._folder / f"file.{suffix if suffix.isalnum() and len(suffix) < 6 else 'dat'}"
        path.write_bytes(rest)
        return path
