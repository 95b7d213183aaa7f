"""Files of tweets in every format, read, filtered and imported into a library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes import NOON
from tests.training.archives import zipped
from tests.trials.fuzz import documents
from tests.trials.fuzz.kinds import rolled_back
from training.corpus.corpus import filter_tweets
from training.library.library import Library
from training.sources import recognise

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MEMBER = b"\n==> "  # before each member's name, which is a line: a mutated zip would mostly be damaged


class Archives:
    """The first line of an input names the file; `members` are zipped first."""

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
        path = self._write(data)
        archive = recognise.read(path, author="magpie")
        assert archive.tweets
        for tweet in archive.tweets:
            tweet.text.encode()
        filter_tweets(archive.author, archive.tweets)
        with rolled_back(self._library):
            for _ in range(2):  # the second import adds nothing
                added = self._library.add(archive, source=path.name, at=NOON)
            assert added.new == 0
            assert 0 < len(self._library.archive(archive.author).tweets) <= len(archive.tweets)
            self._library.authors()

    def close(self) -> None:
        self._library.close()

    def _write(self, data: bytes) -> Path:
        head, _, rest = data.partition(b"\n")
        if head == b"members":
            pieces = (piece.partition(b"\n") for piece in (b"\n" + rest).split(MEMBER)[1:])
            members = {name.decode("utf-8", "replace").replace("\0", "")[:200] or "x": text for name, _, text in pieces}
            return zipped(self._folder / "archive.zip", members)
        suffix = head.decode("ascii", "ignore").rpartition(".")[2]
        path = self._folder / f"file.{suffix if suffix.isalnum() and len(suffix) < 6 else 'dat'}"
        path.write_bytes(rest)
        return path
