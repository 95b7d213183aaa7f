"""The precision of training and evaluation: bf16 products where the chip multiplies them faster than fp32."""

from __future__ import annotations

from functools import cache
from statistics import median

import torch
from torch.nn.functional import linear
from torch.utils.benchmark import Timer

ROWS, WIDTH = 1_024, 576  # a batch and a layer of SmolLM2: some milliseconds
ROUNDS = 9
FASTER = 1.15  # times; the chips that were looked at are at 0.6 (a Xeon without AMX) and at 2.2 (an EPYC)


def autocast(device: torch.device) -> torch.autocast:
    """bf16 where it is faster; weights that are fp32 stay so."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=has_fast_bf16(device))


def has_bf16(device: torch.device) -> bool:
    """Whether the chip has instructions for bf16. It then also saves memory traffic, when one text is spoken."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    chip = torch.cpu.get_capabilities()
    return device.type == "cpu" and bool(chip.get("avx512_bf16") or chip.get("amx_bf16"))


def has_fast_bf16(device: torch.device) -> bool:
    return has_bf16(device) and (device.type != "cpu" or _is_faster_on_cpu())


@cache
def _is_faster_on_cpu() -> bool:
    """Measured, once in a process: of two chips with the same instructions, one was twice as fast with them, one half.

    The two take turns, so that both meet the same load.
    """
    fp32, bf16 = (_timer(dtype) for dtype in (torch.float32, torch.bfloat16))
    ratios = [fp32.timeit(2).mean / bf16.timeit(2).mean for _ in range(ROUNDS)]
    return median(ratios) > FASTER


def _timer(dtype: torch.dtype) -> Timer:
    left, right = torch.ones(ROWS, WIDTH, dtype=dtype), torch.ones(WIDTH, WIDTH, dtype=dtype)
    return Timer("linear(left, right)", globals={"linear": linear, "left": left, "right": right})
