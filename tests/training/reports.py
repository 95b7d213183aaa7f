"""The report of a good model, which tests make worse."""

from __future__ import annotations

from training.judge.report import Report

GOOD = Report(
    seed=0,
    samples=256,
    learnt=657,
    held_out=72,
    bits_per_character=1.5,
    base_bits=1.95,
    current_bits=1.52,
    ngram_bits=2.06,
    copied=0.01,
    copied_author=0.02,
    exact=0.0,
    overlong=0.0,
    overlong_author=0.01,
    unfinished=0.0,
    lengths=(1, 2, 3),
    lengths_author=(3, 2, 1),
    length_distance=8.0,
    distinct=(0.2, 0.7, 0.9),
    distinct_author=(0.2, 0.7, 0.95),
    told_apart=0.6,
    told_apart_author=0.51,
    likeness=0.8,
    drafts=2_048,
    flaws=(0.02, 0.01, 0.0),
    flaws_author=(0.03, 0.0, 0.0),
)
