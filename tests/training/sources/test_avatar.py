"""The avatar in an archive: a small JPEG without metadata, and never a reason to refuse the tweets."""

from __future__ import annotations

import io
import zlib
from pathlib import Path
from struct import pack

import pytest
from PIL import Image

from tests.training.archives import of_2024, tweet, zipped
from training.sources import archive, avatar
from training.sources.archive_file import MIB

NAME = "data/profile_media/12345-AbC_d-9.jpg"
TWEETS = of_2024([tweet(1, "a nest of wire")])


def picture(size: tuple[int, int] = (800, 800), kind: str = "JPEG", **options: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "navy").save(out, kind, **options)
    return out.getvalue()


def png_that_claims(width: int, height: int) -> bytes:
    parts = (b"IHDR" + pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0), b"IDAT" + zlib.compress(b"\0" * 99))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        pack(">I", len(part) - 4) + part + pack(">I", zlib.crc32(part)) for part in parts
    )


def with_media(tmp_path: Path, media: dict[str, bytes]) -> Path:
    return zipped(tmp_path / "archive.zip", TWEETS | media)


@pytest.mark.parametrize("name", [NAME, NAME.replace("jpg", "png"), NAME.removeprefix("data/"), f"twitter-2026/{NAME}"])
def test_the_square_picture_is_the_avatar(tmp_path: Path, name: str) -> None:
    kind = "PNG" if name.endswith("png") else "JPEG"
    path = with_media(tmp_path, {name: picture(kind=kind), name.replace("123", "4"): picture((1500, 500))})

    shown = Image.open(io.BytesIO(archive.read(path).avatar))

    assert (shown.format, shown.size, shown.mode) == ("JPEG", (400, 400), "RGB")


def test_an_unpacked_archive_has_an_avatar_too(tmp_path: Path) -> None:
    for name, content in {**{name: text.encode() for name, text in TWEETS.items()}, NAME: picture()}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)

    assert archive.read(tmp_path).avatar


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.jpg").write_bytes(picture())
    media = tmp_path / "archive" / "data" / "profile_media"
    media.mkdir(parents=True)
    (media / "1-a.jpg").symlink_to(tmp_path / "secret.jpg")

    assert avatar.read(tmp_path / "archive") == b""


def test_where_a_photo_was_taken_is_not_kept(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x8825] = {1: "N"}
    exif[0x010E] = "at home"

    data = avatar.read(with_media(tmp_path, {NAME: picture(exif=exif)}))

    assert b"at home" not in data
    assert not Image.open(io.BytesIO(data)).getexif()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a picture",
        picture((1500, 500)),
        picture(kind="GIF"),
        picture()[:300],
        png_that_claims(60_000, 60_000),
        b"\0" * (40 * MIB),  # a bomb: it packs to nothing
    ],
    ids=["empty", "text", "banner", "gif", "half", "too many pixels", "bomb"],
)
def test_a_strange_picture_costs_the_avatar_and_not_the_tweets(tmp_path: Path, data: bytes) -> None:
    result = archive.read(with_media(tmp_path, {NAME: data}))

    assert result.avatar == b""
    assert len(result.tweets) == 1
    assert result.notes == ()


@pytest.mark.parametrize(
    "name", ["data/tweets_media/1-a.jpg", "data/profile_media/../../a.jpg", "data/profile_media/a.svg"]
)
def test_no_other_file_is_an_avatar(tmp_path: Path, name: str) -> None:
    assert avatar.read(with_media(tmp_path, {name: picture()})) == b""


def test_a_single_file_has_no_avatar() -> None:
    assert avatar.read(Path(__file__)) == b""
