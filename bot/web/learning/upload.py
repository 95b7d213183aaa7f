"""A file that a browser sends, written to a folder of its own as it arrives. It is gone when the block ends."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.concurrency import run_in_threadpool

from bot.errors import MynahError, NoRoom
from bot.running.resources import MIN_FREE
from bot.text.visible import visible

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from starlette.requests import Request

LONGEST_FIELD = 4_000  # bytes
MOST_PARTS = 20
LONGEST_NAME = 100
ODD = re.compile(r"[^\w. ()-]")  # in a file's name


@dataclass
class Upload:
    path: Path
    name: str = ""  # as the browser calls it
    fields: dict[str, str] = field(default_factory=dict)


class _Form:
    """The parts of a form, as the parser calls for them: one file, and short fields."""

    def __init__(self, folder: Path) -> None:
        self.upload = Upload(folder)
        self._folder = folder
        self._file = -1
        self._headers: dict[str, bytes] = {}
        self._header = [b"", b""]
        self._field: tuple[str, bytearray] | None = None
        self._parts = 0
        self._is_file = False

    def on_part_begin(self) -> None:
        self._headers, self._header, self._field, self._is_file = {}, [b"", b""], None, False
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise MynahError("the form has too many parts")

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header[0] += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header[1] += data[start:end]

    def on_header_end(self) -> None:
        self._headers[self._header[0].decode("latin-1").lower()] = self._header[1]
        self._header = [b"", b""]

    def on_headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get("content-disposition", b""))
        name = options.get(b"filename")
        if name is None:
            self._field = options.get(b"name", b"").decode("utf-8", "replace"), bytearray()
            return
        if self._file >= 0:
            raise MynahError("send one file at a time")
        self._is_file = True
        self.upload.name = visible(re.split(r"[/\\]", name.decode("utf-8", "replace"))[-1])[:LONGEST_NAME]
        self.upload.path = self._folder / _safe(self.upload.name)
        self._file = os.open(self.upload.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._is_file:
            part = memoryview(data)[start:end]
            while part:
                part = part[os.write(self._file, part) :]
        elif self._field:
            self._field[1].extend(data[start:end])
            if len(self._field[1]) > LONGEST_FIELD:
                raise MynahError(f"{self._field[0][:40]} is too long")

    def on_part_end(self) -> None:
        if self._field:
            self.upload.fields[self._field[0]] = self._field[1].decode("utf-8", "replace")

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


@asynccontextmanager
async def received(request: Request, uploads: Path) -> AsyncIterator[Upload]:
    """The form with its file. bot/web/guard.py bounds its size and its pace."""
    _, options = parse_options_header(request.headers.get("content-type", ""))
    if not options.get(b"boundary"):
        raise MynahError("this is not a form with a file")
    _check_room(uploads.parent, int(request.headers.get("content-length", "0")))
    folder = uploads / secrets.token_hex(8)
    folder.mkdir(mode=0o700, parents=True)
    form = _Form(folder)
    try:
        await _receive(request, form, options[b"boundary"])
        if not form.upload.name:
            raise MynahError("choose a file first")
        yield form.upload
    finally:
        form.close()
        await run_in_threadpool(shutil.rmtree, folder, ignore_errors=True)


async def _receive(request: Request, form: _Form, boundary: bytes) -> None:
    callbacks: Any = {name: getattr(form, name) for name in dir(form) if name.startswith("on_")}
    parser = MultipartParser(boundary, callbacks)
    try:
        async for block in request.stream():
            await run_in_threadpool(parser.write, block)
        parser.finalize()
    except FormParserError as error:
        raise MynahError("the form did not arrive whole: send it again") from error
    except OSError as error:
        raise NoRoom(f"the file cannot be stored: {error.strerror}") from error
    finally:
        form.close()


def _check_room(folder: Path, size: int) -> None:
    disk = os.statvfs(folder)
    if size > disk.f_bavail * disk.f_frsize - MIN_FREE:
        raise NoRoom(f"the disk of {folder} has no room for a file of {size / 1e6:,.0f} MB: free some space")


def _safe(name: str) -> str:
    """A name for the file: its ending says what it is, and nothing in it leads elsewhere."""
    return ODD.sub("_", name).lstrip(".- ") or "upload.txt"
