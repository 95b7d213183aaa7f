"""The card of the base in the package agrees with its manifest, its recipe and `made.json`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from huggingface_hub import ModelCard

from training.card.card import FILE, SECTIONS
from training.card.markup import hyperparameters
from training.models import base_model
from training.pretrain.__main__ import main
from training.pretrain.base_card import MADE, base_card
from training.pretrain.recipe import Pretraining

if TYPE_CHECKING:
    from pathlib import Path


def test_the_card_of_the_base_is_what_the_template_makes_of_its_manifest_and_recipe() -> None:
    shipped = (base_model.EMBEDDED / FILE).read_text(encoding="utf-8")

    assert shipped == base_card(base_model.EMBEDDED), "`python -m training.pretrain card` writes it again"


def test_the_card_of_the_base_has_the_sections_of_every_card() -> None:
    text = (base_model.EMBEDDED / FILE).read_text(encoding="utf-8")

    assert tuple(re.findall(r"^## (.+)$", text, re.MULTILINE)) == SECTIONS
    assert hyperparameters(Pretraining(), {}) in text
    assert ModelCard(text).data.license == "mit"
    assert "must not be used" in text


def test_the_card_of_a_base_is_written_with_one_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in (MADE, "manifest.json"):
        (tmp_path / name).write_bytes((base_model.EMBEDDED / name).read_bytes())

    assert main(["card", "--folder", str(tmp_path)]) == 0

    assert capsys.readouterr().out == f"{tmp_path / FILE}\n"
    assert (tmp_path / FILE).read_bytes() == (base_model.EMBEDDED / FILE).read_bytes()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"run": 1, "note": "", "samples": []}', None])
def test_a_base_without_its_history_has_no_card(
    content: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "manifest.json").write_bytes((base_model.EMBEDDED / "manifest.json").read_bytes())
    if content is not None:
        (tmp_path / MADE).write_text(content)

    assert main(["card", "--folder", str(tmp_path)]) == 1
    assert MADE in capsys.readouterr().err
