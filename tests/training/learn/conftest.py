from __future__ import annotations

import pytest
import torch


@pytest.fixture(autouse=True)
def _fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    """The precision of a training is measured; these tests compare weights, on any chip and however busy it is."""
    monkeypatch.setattr("training.learn.precision._is_faster_on_cpu", lambda: False)
    torch.set_float32_matmul_precision("highest")  # a training of an earlier test may still be open
