"""Exports a trained model to the light form, and compares the two before the light form is used.

If either fails, the model folder has no light form, and a sentence says why.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from training import installation
from training.errors import ModelError
from training.learn import batches
from training.speak import onnx_weights

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from training.speak.onnx_engine import OnnxEngine

ROWS = 64  # to compare on: some 2,000 tokens, which take GPT-2 a few seconds
MEAN_OFF_MOST = 0.01  # of the log-likelihood of a row, on average
# Of each row. Set after measuring SmolLM2, untouched, on 40 tweets: .5 % on average and 2.0 % for one of them; with its
# weights alone in 8 bits, .3 and 1.1 %. LOG: 2026-11-30, SmolLM2 in 8 bits.
OFF_MOST = 0.03
FEWEST_NATS = 10.0  # the least that an error is divided by: for a very likely row any error is a large share
SAMPLES = 16  # generated to compare on, where there are no rows
SAME_LEAST = 0.9  # of the steps must have the same likeliest token


@dataclass(frozen=True, slots=True)
class OnnxExport:
    """Files for the model folder and figures for its manifest, or the reason why there are none."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    figures: Mapping[str, float] = field(default_factory=dict)
    why: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How far the light form is from the model."""

    most: float  # the largest relative error of a row's log-likelihood
    mean: float  # the mean of these errors
    same: float  # the share of steps with the same likeliest token


def export_onnx(model: Any, tokenizer: Any, rows: Sequence[Sequence[int]], work: Path) -> OnnxExport:
    """`rows` are tokenised tweets, best held-out ones; `work` is a folder for a temporary file.

    Without rows the two are compared on samples of the model.
    """
    if why := onnx_weights.why_not(model.config):
        return _without(why)
    try:
        from training.speak.onnx_engine import OnnxEngine
    except ModuleNotFoundError as error:
        return _without(f"{error.name} is not installed ({installation.command('speak')})")
    end = tokenizer.eos_token_id
    start = end if tokenizer.bos_token_id is None else tokenizer.bos_token_id
    path = work / onnx_weights.FILE
    try:
        content = onnx_weights.write(model, start=start, end=end)
        path.write_bytes(content)
        engine = OnnxEngine(path, threads=1)
        comparison = compare(model, engine, _every_nth(rows) or _every_nth(_sample(model, tokenizer)))
    except ModelError as error:
        return _without(str(error))
    finally:
        path.unlink(missing_ok=True)
    if why := _why_too_far(comparison):
        return _without(why)
    figures = {
        "light_off": round(comparison.most, 5),
        "light_off_mean": round(comparison.mean, 5),
        "light_same": round(comparison.same, 4),
    }
    return OnnxExport({onnx_weights.FILE: content}, figures)


def _why_too_far(comparison: Comparison) -> str:
    """The comparisons are written so that they refuse NaN too."""
    if not comparison.most <= OFF_MOST:
        return f"the log-likelihood of a text is {comparison.most:.2%} off ({OFF_MOST:.0%} at most)"
    if not comparison.mean <= MEAN_OFF_MOST:
        return f"the log-likelihood of texts is {comparison.mean:.2%} off on average ({MEAN_OFF_MOST:.0%} at most)"
    if not comparison.same >= SAME_LEAST:
        return f"its likeliest token is the model's in {comparison.same:.1%} of the steps ({SAME_LEAST:.0%} at least)"
    return ""


def compare(model: Any, engine: OnnxEngine, rows: Sequence[Sequence[int]]) -> Comparison:
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
    return Comparison(max(offs), sum(offs) / len(offs), agreed / steps)


def _every_nth(rows: Sequence[Sequence[int]]) -> list[Sequence[int]]:
    """At most `ROWS`, evenly spaced; rows of a single token have nothing to compare."""
    long = [row for row in rows if len(row) > 1]
    return long[:: max(1, len(long) // ROWS)][:ROWS]


def _sample(model: Any, tokenizer: Any) -> list[list[int]]:
    from training.speak.torch_engine import TorchSampler

    samples = TorchSampler(model, tokenizer).draft("", n=SAMPLES, seed=0)
    return batches.encode(tokenizer, [text.text for text in samples], model.config.max_position_embeddings)


def _without(why: str) -> OnnxExport:
    return OnnxExport(why=f"no light form for a machine without torch: {why}.")
