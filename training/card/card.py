"""The model card, for readers of a model folder and for the Hugging Face hub: facts in, Markdown out.

Every card has these sections in this order, also that of the base in the package (training/pretrain/base_card.py). The
file is long because it holds the card's text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from training.card.markup import front_matter, hyperparameters, in_code, in_html, in_markdown, picture, plain, table
from training.card.prompts import ENGLISH, prompt_in
from training.errors import ModelError
from training.models.base_model import SCRATCH, TINY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from training.judge.report import Row
    from training.recipe import Recipe

FILE = "README.md"  # its name in a model folder
SECTIONS = (
    "How does it work?",
    "Training data",
    "Consent and the source of the data",
    "Training procedure",
    "Evaluation",
    "How to use",
    "Limitations and bias",
    "About",
)
TAGS = ("mynah", "huggingtweets", "text-generation", "tweets")
PREDICTIONS, LOSS, LENGTHS = "predictions.png", "loss.png", "lengths.png"
PUBLISHED_RULES = ("retweet", "short")  # those of the published cards, shown on every card
RULES = {
    "retweet": "Retweets",
    "short": "Short tweets",
    "reply": "Replies",
    "quote": "Quotes of others",
    "truncated": "Cut off",
    "thread": "Parts of threads",
    "fragment": "Fragments",
    "mention": "Mentions of others",
    "unspeakable": "Not to be said",
    "duplicate": "Said before",
    "near_duplicate": "Nearly said before",
}
HUB = "https://huggingface.co"
CONSENT = 3_000  # the most characters of a statement of consent

# The lines that publishing replaces. Each is a whole line, so that no name from outside can be mistaken for one.
THUMBNAIL = f'thumbnail: "{PREDICTIONS}"'
MODEL = 'model = "path/to/this/folder"'
NO_CONSENT = (
    "**Nobody has said that the people above agree.** A model of a person's voice is about that person: publish it, "
    "or let it speak, only with their consent."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """One of the people whose tweets the model was trained on, with the counts of the tweets."""

    handle: str
    downloaded: int
    dropped: Mapping[str, int]  # rule -> how many, in the order of the rules
    kept: int
    name: str = ""  # as displayed; the handle if it is unknown
    avatar: str = ""  # the name of a file next to the card, or an https address
    source: str = ""  # "X archive" and the like
    first: str = ""  # the day of the oldest tweet
    last: str = ""

    def __post_init__(self) -> None:
        if self.downloaded != sum(self.dropped.values()) + self.kept:
            raise ModelError(
                f"The counts of @{self.handle} do not add up: {self.downloaded} {self.dropped} {self.kept}."
            )

    @property
    def shown(self) -> str:
        return plain(self.name) or self.handle


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFacts:
    """All facts on a card; any text in it may come from outside."""

    authors: Sequence[Author]
    base_model: str
    architecture: str = ""  # as transformers calls it
    recipe: Recipe
    run: Mapping[str, object] = field(default_factory=dict)  # results, not choices: steps, seed, device …
    figures: Sequence[Row] = ()  # rows of the report
    pictures: Iterable[str] = ()  # file names in the folder of the card
    rules: str = "mynah"
    version: str = ""
    created: str = ""
    languages: Sequence[str] = ("en",)
    tags: Sequence[str] = ()  # the prefixes of the authors' texts
    license: str = ""  # of the model; that of its base where it is not stated
    base_licence: str = ""
    base_notice: str = ""  # a sentence in Markdown, of our own
    consent: str = ""  # the operator's statement


def card(facts: CardFacts) -> str:
    """The whole card, as `README.md` of the model folder."""
    pictures = set(facts.pictures)
    front = {
        "language": list(map(plain, facts.languages)),
        "thumbnail": PREDICTIONS if PREDICTIONS in pictures else "",
        "license": plain(facts.license or facts.base_licence),
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "base_model": facts.base_model if _is_on_the_hub(facts.base_model) else "",
        "tags": [*TAGS, *filter(None, [plain(facts.architecture)])],
        "widget": [{"text": prompt_in(facts.languages)}],
    }
    texts = (
        _how_it_works(facts),
        _data(facts),
        _consent(facts),
        _procedure(facts, pictures),
        _evaluation(facts, pictures),
        how_to_use(facts.tags, prompt_in(facts.languages)),
        _limitations(facts),
        _about(facts),
    )
    return page(front, _head(facts, pictures), texts)


def page(front: Mapping[str, object], head: str, texts: Sequence[str]) -> str:
    """Front matter, head and sections."""
    sections = (f"## {title}\n\n{text}" for title, text in zip(SECTIONS, texts, strict=True))
    return "\n\n".join((front_matter(front), head, *sections)) + "\n"


def handles(authors: Iterable[Author]) -> str:
    """The name of a model of these people, whatever their order."""
    return "-".join(sorted(author.handle for author in authors))


def bot_word(authors: Sequence[Author]) -> Literal["AI BOT", "AI CYBORG"]:
    return "AI BOT" if len(authors) == 1 else "AI CYBORG"


def how_to_use(tags: Sequence[str] = (), prompt: str = ENGLISH) -> str:
    steered = [f"generator({in_code(plain(tag) + ' ')})  # as this one of the authors" for tag in tags]
    calls = "\n".join((f'generator("{prompt}", num_return_sequences=5)', *steered))
    return f"""You can use this model directly with a pipeline for text generation:

```python
from transformers import pipeline

{MODEL}
generator = pipeline("text-generation", model=model)
{calls}
```

Without a prompt it begins by itself: `generator("")`. It samples as it was evaluated, with the
values in `generation_config.json`."""


def for_hub(text: str, repo: str, *, consent: str = "") -> str:
    """The card of a folder for a repository of the hub: with addresses, and with the consent stated on publishing."""
    replacements = {
        THUMBNAIL: f'thumbnail: "{HUB}/{repo}/resolve/main/{PREDICTIONS}"',
        MODEL: f"model = {in_code(repo)}",
    }
    if consent:
        replacements[NO_CONSENT] = _statement(consent)
    return "\n".join(replacements.get(line, line) for line in text.split("\n"))


def has_consent(text: str) -> bool:
    return NO_CONSENT not in text.split("\n")


def _head(facts: CardFacts, pictures: set[str]) -> str:
    word = bot_word(facts.authors)
    names = " &amp; ".join(in_html(author.shown) for author in facts.authors)
    lines = ['<div align="center">']
    for author in facts.authors:
        if avatar := picture(author.avatar):
            style = "display: inline; border-radius: 50%;"
            lines.append(f'<img src="{avatar}" width="92" height="92" style="{style}" alt="{in_html(author.shown)}">')
    lines += [
        f"<div><b>🤖 {word} 🤖</b></div>",
        f"<div><b>{names}</b></div>",
        f"<div>@{in_html(handles(facts.authors))}</div>",
        "</div>",
    ]
    people = " & ".join(in_markdown(author.shown) for author in facts.authors)
    sentence = f"A language model that writes in the manner of {people}. It is a bot: no person wrote what it says."
    shown = [f"![{word}: a prompt and what the model made of it]({PREDICTIONS})"] if PREDICTIONS in pictures else []
    return "\n\n".join(("\n".join(lines), sentence, *shown))


def _how_it_works(facts: CardFacts) -> str:
    of = "the person" if len(facts.authors) == 1 else "each person"
    return f"""1. **Tweets** of {of} are read from an archive or a file. Retweets, tweets that are too short to learn
   from and others are left out; the table below counts them.
2. **A base** that can already write, {_base(facts.base_model)}, reads the other tweets a few times over and learns to
   continue them: which words follow which, in this voice.
3. **A test** on the newest tweets, which the model has never seen, says how well it knows the voice, and whether it
   repeats tweets instead of writing its own.
4. **A bot** that uses the model writes several drafts, refuses those that copy a tweet, mention somebody or do harm,
   and posts one of the rest, labelled as a bot's."""


def _data(facts: CardFacts) -> str:
    names = " & ".join(in_markdown(author.shown) for author in facts.authors)
    rules = {"huggingtweets": "the published rules of huggingtweets", "mynah": "Mynah's rules"}
    rules_text = rules.get(facts.rules, in_markdown(facts.rules))
    return f"""The model was trained on tweets from {names}.

{funnel_table(facts.authors)}

The tweets were filtered by {rules_text}. The newest of those kept were held out to evaluate the model, which
was trained on the others. The tweets themselves are not in this folder."""


def funnel_table(authors: Sequence[Author]) -> str:
    """A column for each author. Retweets and short tweets are always shown, the other rules where they dropped any."""
    dropped = (rule for author in authors for rule, count in author.dropped.items() if count)
    rules = dict.fromkeys((*PUBLISHED_RULES, *dropped))
    rows = [("Tweets downloaded", *(author.downloaded for author in authors))]
    for rule in rules:
        words = RULES.get(rule) or in_markdown(rule.replace("_", " ").capitalize())
        rows.append((words, *(author.dropped.get(rule, 0) for author in authors)))
    rows.append(("Tweets kept", *(author.kept for author in authors)))
    return table(("Data", *(in_markdown(author.shown) for author in authors)), rows)


def _consent(facts: CardFacts) -> str:
    rows = []
    for author in facts.authors:
        handle = f"[@{in_markdown(author.handle)}](https://x.com/{quote(author.handle, safe='')})"
        days = f"{author.first} to {author.last}" if author.first and author.last else "not known"
        rows.append((handle, in_markdown(author.source or "not known"), in_markdown(days)))
    return "\n\n".join(
        (table(("author", "source", "days"), rows), _statement(facts.consent) if facts.consent else NO_CONSENT)
    )


def _statement(consent: str) -> str:
    return f"Whoever made this model says about the consent of the people above: “{in_markdown(consent, CONSENT)}”"


def _procedure(facts: CardFacts, pictures: set[str]) -> str:
    who = in_markdown(handles(facts.authors))
    curve = [f"![Loss, step by step]({LOSS})"] if LOSS in pictures else []
    return "\n\n".join(
        (
            f"The model is based on {_base(facts.base_model)}, fine-tuned on @{who}'s tweets.",
            hyperparameters(facts.recipe, facts.run, idle=_idle(facts)),
            *curve,
        )
    )


def _idle(facts: CardFacts) -> set[str]:
    """The hyperparameters without effect: the shape where the base has its own, LoRA in full training."""
    shape = {f"shape.{name}" for name in ("vocabulary", "layers", "width", "heads")}
    lora = {"lora_rank", "lora_alpha"}
    return (set() if facts.base_model == SCRATCH else shape) | (lora if facts.recipe.method == "full" else set())


def _evaluation(facts: CardFacts, pictures: set[str]) -> str:
    if not facts.figures:
        return "This model was not evaluated: nothing was held out."
    rows = [tuple(map(in_markdown, row)) for row in facts.figures if row.value]
    lengths = [f"![Lengths: the author's tweets and the model's]({LENGTHS})"] if LENGTHS in pictures else []
    intro = "On the newest tweets, which the model has not seen, and on unselected samples:"
    return "\n\n".join((intro, table(("figure", "value", "to compare", "what it says"), rows, right=(1,)), *lengths))


def _limitations(facts: CardFacts) -> str:
    base = _base(facts.base_model)
    return f"""The model suffers from the same limitations and bias as {base}. In addition, the data present in the
tweets further affects the text that it generates: it repeats their errors, their manners and their quarrels.

It makes sentences, not facts. It invents people, events and quotations, and it can come close to a tweet that it was
trained on. What it writes must be labelled as a bot's, must not be passed off as the person's own words, and must be
screened before anybody sees it. It is not for advice, for decisions about people, or for speaking in the name of
somebody who has not agreed."""


def _about(facts: CardFacts) -> str:
    version = f" This is version {in_markdown(facts.version)}." if facts.version else ""
    made = f" It was made on {in_markdown(facts.created[:10])}." if facts.created else ""
    about = (
        f"Made with Mynah, which fine-tunes a model on a person's tweets and lives as a labelled bot.{version}{made}"
    )
    notice = facts.base_notice or f"The licence of its base applies to the weights: {_base(facts.base_model)}."
    rights = "The rights in the tweets stay with those who wrote them."
    return f"{about}\n\n**Licence.** {notice} {rights}"


def _base(name: str) -> str:
    """The base in words, without the path of a local folder, which is private."""
    if name == TINY:
        return "the small English GPT-2 in Mynah's package"
    if name == SCRATCH:
        return "a GPT-2 with random weights"
    if _is_on_the_hub(name):
        return f"a pre-trained [{in_markdown(name)}]({HUB}/{quote(name)})"
    return "a model in a local folder"


def _is_on_the_hub(name: str) -> bool:
    if name in {TINY, SCRATCH} or name.startswith((".", "/", "~")) or name.count("/") > 1:
        return False
    return name.replace("/", "").replace("-", "").replace("_", "").replace(".", "").isalnum() and name.isascii()
