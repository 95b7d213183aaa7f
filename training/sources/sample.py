"""The sample account: an invented bird, whose archive is in the package for the demo and the tests."""

from __future__ import annotations

from pathlib import Path

ARCHIVE = Path(__file__).parent / "sample" / "stationmynah.zip"
HANDLE = "stationmynah"
