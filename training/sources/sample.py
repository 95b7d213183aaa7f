"""The sample account, an invented bird: its archive is in the package for the demo and the tests."""

from __future__ import annotations

from pathlib import Path

ARCHIVE = Path(__file__).parent / "sample" / "stationmynah.zip"
HANDLE = "stationmynah"
