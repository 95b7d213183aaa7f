"""The avatar in an X archive: the square picture in its folder of profile media, made small and without metadata.

The profile itself (`profile.js`) is not opened. A missing or strange picture is no reason to refuse the tweets.
"""

from __future__ import annotations

import re
import warnings
from io import BytesIO
from typing import TYPE_CHECKING

from training.errors import SourceError
from training.sources import archive_file

if TYPE_CHECKING:
    from pathlib import Path

    from PIL.Image import Image

MEDIA = re.compile(r"(?:[^/\\:.][^/\\:]*/)??(?:data/)?profile_media/[A-Za-z0-9_-]{1,80}\.(?:jpe?g|png)", re.ASCII)
MOST_BYTES = 10_000_000  # of all profile media: X allows 2 MB for an avatar and 5 MB for a banner
MOST_PIXELS = 9_000_000  # 27 MB in memory
SIZE = 400  # as X shows the largest
SQUARE = 0.02  # of the width: a banner is three times as wide as high
FORMATS = ("PNG", "JPEG")


def read(path: Path) -> bytes:
    """A JPEG of at most SIZE pixels square; b"" where the archive has no avatar that can be read."""
    try:
        if not archive_file.is_bundle(path):
            return b""
        pictures = [b"".join(member.chunks) for member in archive_file.members(path, MEDIA, limit=MOST_BYTES)]
        return max(map(_squared, pictures), key=len, default=b"")
    except (SourceError, ModuleNotFoundError):  # no Pillow: then there are no pictures either
        return b""


def _squared(data: bytes) -> bytes:
    """The picture as a small JPEG; b"" where it is not square or cannot be read."""
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's about sizes; the check is below
            with Image.open(BytesIO(data), formats=FORMATS) as opened:
                wide, high = opened.size
                if abs(wide - high) > SQUARE * wide or wide * high > MOST_PIXELS:
                    return b""
                upright = ImageOps.exif_transpose(opened)
                upright.thumbnail((SIZE, SIZE))
                return _jpeg(upright.convert("RGBA"))
    except Exception:  # noqa: BLE001  a broken picture makes Pillow's readers raise nearly anything
        return b""


def _jpeg(picture: Image) -> bytes:
    from PIL import Image

    white = Image.new("RGBA", picture.size, "white")
    flat = Image.alpha_composite(white, picture).convert("RGB")
    out = BytesIO()
    flat.save(out, "JPEG", quality=90)
    return out.getvalue()
