"""The light form of a fresh model, made and held against the model itself before anyone speaks with it.

Where it cannot be had, a sentence says why, and the model folder goes without.
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

MOST = 64  # rows to compare on: some 2,000 tokens, which GPT-2 reads in a few seconds
OFF_MOST = 0.01  # of a row's log-likelihood, and every row is held to it
FEWEST_NATS = 10.0  # a row that the model is surer of counts as this: of next to nothing any error is a large share
OWN = 16  # texts of the model's own, where there are no rows
SAME_LEAST = 0.95  # of the steps: the likeliest token is the same


@dataclass(frozen=True, slots=True)
class OnnxExport:
    """Files for the model folder and figures for its manifest, or a sentence."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    figures: Mapping[str, float] = field(default_factory=dict)
    why: str = ""


def export_onnx(model: Any, tokenizer: Any, rows: Sequence[Sequence[int]], work: Path) -> OnnxExport:
    """`rows` are tweets in tokens, best such as the model has not seen; `work` is a folder for a moment's file.

    Without rows the two are compared on what the model says by itself.
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
        off, same = compare(model, engine, _spread(rows) or _spread(_said(model, tokenizer)))
    except ModelError as error:
        return _without(str(error))
    finally:
        path.unlink(missing_ok=True)
    if not off <= OFF_MOST:  # nor where it is no number
        return _without(f"the log-likelihood of a text is {off:.2%} off ({OFF_MOST:.0%} at most)")
    if not same >= SAME_LEAST:
        return _without(f"its likeliest token is the model's in {same:.1%} of the steps ({SAME_LEAST:.0%} at least)")
    return OnnxExport({onnx_weights.FILE: content}, {"light_off": round(off, 5), "light_same": round(same, 4)})


def compare(model: Any, engine: OnnxEngine, rows: Sequence[Sequence[int]]) -> tuple[float, float]:
    """By how much the log-likelihood differs of the row that is farthest off; in which share of the steps they agree.

    The steps are those of the rows themselves: where what was said is given, is the same token the likeliest next?
    """
    import torch

    offs, agreed, steps = [], 0, 0
    for row in rows:
        ids = list(row[: engine.context + 1])
        with torch.inference_mode():
            told = model(torch.tensor([ids[:-1]], device=model.device)).logits[0].float().log_softmax(-1)
        theirs = float(told.gather(1, torch.tensor(ids[1:], device=told.device)[:, None]).sum())
        ours, likeliest = engine.follow(ids)
        offs.append(abs(ours - theirs) / max(abs(theirs), FEWEST_NATS))
        agreed += sum(a == b for a, b in zip(likeliest, told.argmax(-1).tolist(), strict=True))
        steps += len(likeliest)
    return max(offs), agreed / steps


def _spread(rows: Sequence[Sequence[int]]) -> list[Sequence[int]]:
    """Some, from the first to the last; of a single token nothing can be said."""
    long = [row for row in rows if len(row) > 1]
    return long[:: max(1, len(long) // MOST)][:MOST]


def _said(model: Any, tokenizer: Any) -> list[list[int]]:
    from training.speak.torch_engine import TorchSampler

    said = TorchSampler(model, tokenizer).draft("", n=OWN, seed=0)
    return batches.encode(tokenizer, [text.text for text in said], model.config.n_positions)


def _without(why: str) -> OnnxExport:
    return OnnxExport(why=f"no light form for a machine without torch: {why}.")
