from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    """The precision of a training is measured; these tests compare weights, on any chip and however busy it is."""
    monkeypatch.setattr("training.learn.precision._is_faster_on_cpu", lambda: False)
