"""Exports a trained model to the light form, and compares the two before the light form is used.

If either fails, the model folder has no light form, and a sentence says why.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from training.errors import ModelError
from training.learn import batches
from training.speak import onnx_weights

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from training.speak.onnx_engine import OnnxEngine

ROWS = 64  # to compare on: some 2,000 tokens, which take GPT-2 a few seconds
OFF_MOST = 0.01  # of the log-likelihood of each row
FEWEST_NATS = 10.0  # the least that an error is divided by: for a very likely row any error is a large share
SAMPLES = 16  # generated to compare on, where there are no rows
SAME_LEAST = 0.95  # of the steps must have the same likeliest token


@dataclass(frozen=True, slots=True)
class OnnxExport:
    """Files for the model folder and figures for its manifest, or the reason why there are none."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    figures: Mapping[str, float] = field(default_factory=dict)
    why: str = ""


def export_onnx(model: Any, tokenizer: Any, rows: Sequence[Sequence[int]], work: Path) -> OnnxExport:
    """`rows` are tokenised tweets, best held-out ones; `work` is a folder for a temporary file.

    Without rows the two are compared on samples of the model.
    """
    if why := onnx_weights.why_not(model.config):
        return _without(why)
    try:
        from training.speak.onnx_engine import OnnxEngine
    except ModuleNotFoundError as error:
        return _without(f"{error.name} is not installed (pip install 'mynah-bot[light]')")
    end = tokenizer.eos_token_id
    start = end if tokenizer.bos_token_id is None else tokenizer.bos_token_id
    content = onnx_weights.write(model, start=start, end=end)
    path = work / onnx_weights.FILE
    try:
        path.write_bytes(content)
        engine = OnnxEngine(path, threads=1)
        off, same = compare(model, engine, _every_nth(rows) or _every_nth(_sample(model, tokenizer)))
    except ModelError as error:
        return _without(str(error))
    finally:
        path.unlink(missing_ok=True)
    if not off <= OFF_MOST:  # also refuses NaN
        return _without(f"the log-likelihood of a text is {off:.2%} off ({OFF_MOST:.0%} at most)")
    if not same >= SAME_LEAST:
        return _without(f"its likeliest token is the model's in {same:.1%} of the steps ({SAME_LEAST:.0%} at least)")
    return OnnxExport({onnx_weights.FILE: content}, {"light_off": round(off, 5), "light_same": round(same, 4)})


def compare(model: Any, engine: OnnxEngine, rows: Sequence[Sequence[int]]) -> tuple[float, float]:
    """The largest relative error of a row's log-likelihood, and the share of steps with the same likeliest token."""
    import torch

    offs, agreed, steps = [], 0, 0
    for row in rows:
        ids = list(row[: engine.context + 1])
        with torch.inference_mode():
            ours = model(torch.tensor([ids[:-1]], device=model.device)).logits[0].float().log_softmax(-1)
        expected = float(ours.gather(1, torch.tensor(ids[1:], device=ours.device)[:, None]).sum())
        actual, likeliest = engine.follow(ids)
        offs.append(abs(actual - expected) / max(abs(expected), FEWEST_NATS))
        agreed += sum(a == b for a, b in zip(likeliest, ours.argmax(-1).tolist(), strict=True))
        steps += len(likeliest)
    return max(offs), agreed / steps


def _every_nth(rows: Sequence[Sequence[int]]) -> list[Sequence[int]]:
    """At most `ROWS`, evenly spaced; rows of a single token have nothing to compare."""
    long = [row for row in rows if len(row) > 1]
    return long[:: max(1, len(long) // ROWS)][:ROWS]


def _sample(model: Any, tokenizer: Any) -> list[list[int]]:
    from training.speak.torch_engine import TorchSampler

    samples = TorchSampler(model, tokenizer).draft("", n=SAMPLES, seed=0)
    return batches.encode(tokenizer, [text.text for text in samples], model.config.n_positions)


def _without(why: str) -> OnnxExport:
    return OnnxExport(why=f"no light form for a machine without torch: {why}.")
