from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def test_a_retraining_killed_at_any_moment_breaks_nothing_and_gives_the_same_weights() -> None:
    process = subprocess.run(
        [sys.executable, "-m", "tests.trials.killing_retrain", "--kills", "3", "--steps", "6"],
        check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip

    outcome = json.loads(process.stdout)

    assert (outcome.pop("kills"), outcome.pop("finished") > 0) == (3, True)
    assert outcome.pop("resumed") >= 0
    assert not any(outcome.values()), outcome
