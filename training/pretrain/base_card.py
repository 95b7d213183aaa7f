"""The card of the base in the package: the sections of every card, from its manifest, its recipe and `made.json`.

`python -m training.pretrain card` writes it again after a new base was made; it does not know how to make one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from training.card.card import how_to_use, page
from training.card.markup import hyperparameters, in_markdown, number, table
from training.errors import ModelError
from training.models.model_dir import Manifest, read_manifest
from training.pretrain.recipe import Pretraining

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

MADE = "made.json"  # in the model folder: facts about the run, and the first samples
SAMPLES = 20
FRONT: Mapping[str, object] = {
    "language": ["en"],
    "license": "mit",
    "library_name": "transformers",
    "pipeline_tag": "text-generation",
    "tags": ["mynah", "gpt2", "text-generation"],
    "widget": [{"text": "The night train"}],
}
SOURCES = (  # what, licence, MB
    ("Fiction, plays, essays, letters, diaries: 958 books of Standard Ebooks", "public domain; editions CC0", 27.4),
    ("Self-dialogue Corpus: chat about films, music, sport", "BSD-3-Clause", 16.6),
    ("Tatoeba English sentences, through manythings.org", "CC BY 2.0 FR", 4.9),
    ("18F and Digital.gov posts", "CC0, US Government work", 4.3),
    ("Humour, letters, essays, stories from Project Gutenberg", "public domain", 2.3),
    ("Common Voice English sentences", "CC0", 2.2),
    ("Synthetic-Persona-Chat: small talk written by a language model", "CC BY 4.0", 2.0),
    ("Children's stories: Pratham Books, African Storybook, Book Dash", "CC BY", 1.2),
    ("NASA air-to-ground transcripts, by Spacelog", "public domain", 1.1),
    ("The Jargon File", "public domain", 0.5),
    ("Bot chit-chat answers of botframework-cli", "MIT", 0.01),
)
HELD_OUT = {  # the names of the texts that were held out by document
    "heldout": "paragraphs of three books and a hundredth of the rest",
    "heldout-short": "lines of tweet length",
}
HOW = """\
It reads a text piece by piece and says how likely each of its pieces is to come next; a sampler draws one, and so on
until the end of the text. It learnt that from the texts below. A person's tweets are then read on top of them."""
CONSENT = """\
There are no tweets in it: every text was published under a licence that allows this use, or is in the public
domain. The credits and the licence notices are in `NOTICE`. Texts that are free in the United States alone were not
used."""
LIMITATIONS = """\
It must not be used for facts, advice, translation or any decision, nor to speak unlabelled or in a
person's name without their consent. It makes up people, events and quotations. Names of actors, musicians and athletes
occur in its texts with opinions and wrong facts of 2017. The word lists took out neutral mentions of many peoples and
countries, so it knows little of them; mild oaths, drink, crime, death and the attitudes of 1880 to 1930 remain in part.
Everything that it says goes through the bot's screen, and yours needs one too."""


@dataclass(frozen=True, slots=True)
class Made:
    """Facts about the run that neither the recipe nor the manifest has."""

    run: Mapping[str, object] = field(default_factory=dict)  # steps, pieces, machine: rows below the hyperparameters
    note: str = ""  # a paragraph in Markdown on how the run went
    samples: Sequence[str] = ()


def read_made(folder: Path) -> Made:
    path = folder / MADE
    try:
        made = json.loads(path.read_text(encoding="utf-8"))
        return Made(dict(made["run"]), str(made["note"]), tuple(map(str, made["samples"])))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{path} does not say how the base was made ({error}): it must have run, note and samples."
        ) from error


def write_made(folder: Path, made: Made) -> None:
    content = {"run": dict(made.run), "note": made.note, "samples": list(made.samples)}
    (folder / MADE).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def base_card(folder: Path) -> str:
    """The card of the base in this folder."""
    manifest, made, recipe = read_manifest(folder), read_made(folder), Pretraining()
    use = f'Mynah uses it by itself: `base_model = "tiny"`. {how_to_use()}'
    about = f"Made by Mynah's own training code on {manifest.created[:10]}. The package's licence is MIT."
    texts = (HOW, _data(), CONSENT, _procedure(recipe, made), _evaluation(manifest, made), use, LIMITATIONS, about)
    return page(FRONT, _head(manifest, recipe), texts)


def _head(manifest: Manifest, recipe: Pretraining) -> str:
    shape, size = recipe.shape, manifest.files["model.safetensors"][1]
    kind = f"GPT-2: {shape.layers} layers, {shape.width} wide, {shape.heads} heads, a context of {shape.context} pieces"
    pieces = f"byte-level BPE, {shape.vocabulary:,} pieces, every byte among them"
    rows = (
        ("architecture", f"{kind}, head and table shared"),
        ("tokenizer", f"{pieces}; `<\\|endoftext\\|>` begins and ends each text"),
        ("on disk", f"{size / 1e6:.1f} MB, fp16, safetensors; `manifest.json` holds the sha256 of every file"),
    )
    return f"""# The base model in the package

A GPT-2 of {size / 2e6:.1f} million weights that knows a little plain English. `base_model = "tiny"` fine-tunes it on a
person's tweets, so that the demo and the tests speak without a model hub. Its size is that of a picture, and so is its
knowledge: it makes sentences, not sense.

{table(("", ""), rows)}"""


def _data() -> str:
    return f"""\
55 MB of prose and 45 MB of lines of tweet length, cut mostly from the same texts, all plain English. None of
the text is in the package. Left out before training, by word lists: slurs, profanity, sexual content and self-harm, and
from the short lines threats and insults; also dialect, archaic and rare words.

{table(("source", "licence", "MB"), SOURCES, right=(2,))}"""


def _procedure(recipe: Pretraining, made: Made) -> str:
    return f"""\
`python -m training.pretrain pretrain PROSE... --last SHORT... --work WORK --out BASE`, with the numbers of
`Pretraining` in `training/pretrain/recipe.py`. Every line is a document of its own. Muon learns the matrices
between the layers, AdamW the rest. The rate warms up, stays, and in the last part of the run goes straight down to
nothing, on short lines alone.

{hyperparameters(recipe, made.run)}

{made.note}

The log of the runs is `training/LOG.md`."""


def _evaluation(manifest: Manifest, made: Made) -> str:
    rows = []
    for name, value in manifest.figures.items():
        figure, _, text = name.partition(".")
        rows.append((in_markdown(figure.replace("_", " ")), HELD_OUT.get(text) or in_markdown(text), number(value)))
    samples = "\n".join(f"- {in_markdown(sample)}" for sample in made.samples)
    return f"""Of texts that were held out by document, each line on its own and its end included:

{table(("figure", "text", "value"), rows, right=(2,))}

What fine-tuning makes of it, and what n-grams, xz and gzip reach: `docs/performance.md`.

The first {len(made.samples)} samples from nothing, unselected (`Sampler.draft("", n={len(made.samples)}, seed=0)`):

{samples}"""
