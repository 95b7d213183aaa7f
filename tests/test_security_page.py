"""Each claim of docs/security.md names a test that exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
CLAIM = re.compile(r"^\| (?P<claim>[^|]+) \| (?P<proof>[^|]+) \|$", re.MULTILINE)
FILES = {path.name: path for path in ROOT.glob("tests/**/test_*.py")}


def claims() -> dict[str, list[str]]:
    """The proofs of each claim: `file.py::test`, where `::test` is one more of the same file, or a path."""
    tables = re.findall(r"\| claim \| test \|\n\|---\|---\|\n((?:\|.*\n?)+)", PAGE)
    rows = [match for table in tables for match in CLAIM.finditer(table)]
    return {row["claim"]: re.findall(r"`([^`]+)`", row["proof"]) for row in rows}


def test_every_kind_of_attacker_has_claims() -> None:
    sections = PAGE.split("\n## ")[1:]

    assert sections
    assert [section.splitlines()[0] for section in sections if "| claim | test |" not in section] == []


@pytest.mark.parametrize("claim", claims())
def test_the_tests_of_a_claim_exist(claim: str) -> None:
    proofs, file = claims()[claim], ""

    assert proofs
    for proof in proofs:
        name, _, function = proof.partition("::")
        file = name or file
        if function:
            assert re.search(rf"^def {function}\(", FILES[file].read_text(encoding="utf-8"), re.MULTILINE), proof
        else:
            assert (ROOT / proof).exists(), proof
