"""The card: valid, true, safe with hostile names, and equal to the published cards."""

from __future__ import annotations

import html
import json
import re
from dataclasses import fields, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from huggingface_hub import ModelCard
from markdown_it import MarkdownIt

from training.card.card import (
    LENGTHS,
    LOSS,
    PREDICTIONS,
    RULES,
    SECTIONS,
    Author,
    CardFacts,
    bot_word,
    card,
    for_hub,
    funnel_table,
    handles,
    has_consent,
)
from training.card.licences import Licence, files_of, licence_of
from training.card.markup import in_markdown, plain
from training.errors import ModelError
from training.judge.report import Row
from training.recipe import FINETUNE, TINY, Shape
from training.rules import huggingtweets, mynah

if TYPE_CHECKING:
    from collections.abc import Sequence

ROWS = ("Tweets downloaded", "Retweets", "Short tweets", "Tweets kept")
BIRD = Author(handle="stationmynah", name="Mynah", downloaded=10, dropped={"retweet": 2, "short": 1}, kept=7)
OTHER = Author(handle="a_pigeon", name="A Pigeon", downloaded=5, dropped={"retweet": 0, "emoji_only": 2}, kept=3)
FACTS = CardFacts(
    authors=[BIRD],
    base_model="gpt2",
    recipe=FINETUNE,
    run={"steps": 330, "seed": 7},
    figures=[
        Row("bits per character", "1.511", "base 1.702", "lower is better"),
        Row("detector AUC", "", "", "nothing was held out"),
    ],
    pictures=[PREDICTIONS, LOSS, LENGTHS],
    version="20261120T120000Z-0000",
    created="2026-11-20T12:00:00+00:00",
)
# Numbers of five published cards, a column for each author: downloaded, retweets, short, kept.
PUBLISHED = [
    pytest.param([(1727, 360, 539, 828)], "AI BOT", id="000"),
    pytest.param([(3237, 316, 244, 2677)], "AI BOT", id="001"),
    pytest.param([(3248, 311, 178, 2759), (3219, 850, 404, 1965), (3244, 553, 1300, 1391)], "AI CYBORG", id="002"),
    pytest.param([(596, 102, 112, 382)], "AI BOT", id="003"),
    pytest.param([(3202, 553, 276, 2373)], "AI BOT", id="004"),
]
SEEDS = sorted((Path(__file__).parents[4] / "shared" / "seeds").glob("*.md"))


def author(counts: Sequence[int], handle: str, name: str = "") -> Author:
    downloaded, retweets, short, kept = counts
    dropped = {"retweet": retweets, "short": short}
    return Author(handle=handle, name=name, downloaded=downloaded, dropped=dropped, kept=kept)


def table(text: str) -> list[list[str]]:
    """The table that begins with Data, without its second line."""
    lines = re.search(r"^\| Data \|.*\n(?:\|.*\n)+", text, re.MULTILINE)
    assert lines
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines[0].splitlines()]
    return [[re.sub(r"\\(.)", r"\1", cell.strip()) for cell in row] for row in (rows[0], *rows[2:])]


class Reader(HTMLParser):
    """Which elements a page has, with the names of their attributes, and which links; and what can be read."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.shape: list[tuple[str, tuple[str, ...]]] = []
        self.links: list[str | None] = []
        self.words: list[str] = []
        body = text.split("---\n", 2)[2]
        self.feed(MarkdownIt("commonmark").enable("table").render(body))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.shape.append((tag, tuple(name for name, _ in attrs)))
        self.links += [value for name, value in attrs if name in {"href", "src"}]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


# Is it a card


def test_the_hub_reads_the_card_and_its_metadata() -> None:
    data = ModelCard(card(FACTS)).data

    assert data.language == ["en"]
    assert data.library_name == "transformers"
    assert data.pipeline_tag == "text-generation"
    assert data.base_model == "gpt2"
    assert "huggingtweets" in data.tags
    assert data.widget == [{"text": "My dream is"}]
    assert data.thumbnail == "predictions.png"


@pytest.mark.parametrize(
    ("languages", "prompt"), [(["de", "en"], "Mein Traum ist"), (["xx", "pt"], "Meu sonho é"), ([], "My dream is")]
)
def test_the_widget_speaks_the_persons_language(languages: list[str], prompt: str) -> None:
    text = card(replace(FACTS, languages=languages))

    assert ModelCard(text).data.widget == [{"text": prompt}]
    assert f'generator("{prompt}", num_return_sequences=5)' in text


def test_another_architecture_is_not_tagged_gpt2() -> None:
    assert "gpt2" not in ModelCard(card(FACTS)).data.tags
    assert "llama" in ModelCard(card(replace(FACTS, architecture="llama"))).data.tags


def test_every_section_is_there_in_order() -> None:
    assert tuple(re.findall(r"^## (.+)$", card(FACTS), re.MULTILINE)) == SECTIONS


@pytest.mark.parametrize("base", ["tiny", "scratch", "/home/alice/secret", "./secret", "~/secret"])
def test_a_base_that_is_not_on_the_hub_is_not_linked(base: str) -> None:
    text = card(replace(FACTS, base_model=base))

    assert ModelCard(text).data.base_model is None
    assert "secret" not in text


def test_a_language_code_that_yaml_reads_as_a_boolean_is_quoted() -> None:
    assert ModelCard(card(replace(FACTS, languages=["no", "en"]))).data.language == ["no", "en"]


def test_a_licence_is_stated_where_there_is_one() -> None:
    assert ModelCard(card(replace(FACTS, license="cc-by-nc-4.0"))).data.license == "cc-by-nc-4.0"
    assert ModelCard(card(FACTS)).data.license is None


@pytest.mark.parametrize(("base", "code"), [("tiny", "mit"), ("smollm2", "apache-2.0"), ("gpt2", "mit")])
def test_the_base_has_its_licence_and_its_notice(base: str, code: str) -> None:
    licence = licence_of(base)

    text = card(replace(FACTS, base_model=base, base_licence=licence.code, base_notice=licence.notice))

    assert ModelCard(text).data.license == code
    assert f"**Licence.** {licence.notice}" in text
    assert files_of(base)["NOTICE"]
    assert ("LICENSE" in files_of(base)) == (code == "apache-2.0")  # that licence wants its text beside the weights


def test_of_an_unknown_base_the_licence_is_left_to_the_reader() -> None:
    assert licence_of("you/your-base") == Licence()
    assert files_of("you/your-base") == {}
    assert "**Licence.** The licence of its base applies to the weights" in card(FACTS)


def test_a_model_folder_as_base_passes_on_the_licence_of_its_own_base(tmp_path: Path, model_folder: Path) -> None:
    manifest = json.loads((model_folder / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(json.dumps(manifest | {"base_model": "smollm2"}))
    inherited = files_of(str(tmp_path))
    (tmp_path / "NOTICE").write_text("Made by somebody.")

    assert licence_of(str(tmp_path)) == licence_of("smollm2")
    assert inherited == files_of("smollm2")
    assert files_of(str(tmp_path))["NOTICE"] == b"Made by somebody."


def test_an_avatar_is_shown() -> None:
    text = card(replace(FACTS, authors=[replace(BIRD, avatar="avatar-stationmynah.jpg")]))

    assert '<img src="avatar-stationmynah.jpg" width="92" height="92"' in text


# Is it true


def test_one_author_is_a_bot_and_two_are_a_cyborg_with_their_handles_sorted() -> None:
    both = [BIRD, OTHER]

    assert (bot_word([BIRD]), bot_word(both)) == ("AI BOT", "AI CYBORG")
    assert handles(both) == handles(both[::-1]) == "a_pigeon-stationmynah"
    text = card(replace(FACTS, authors=both))
    assert "🤖 AI CYBORG 🤖" in text
    assert "@a_pigeon-stationmynah" in text
    assert "Mynah &amp; A Pigeon" in text


def test_further_rules_have_rows_where_they_dropped_something() -> None:
    quiet = replace(BIRD, dropped={"retweet": 2, "short": 1, "duplicate": 0})

    assert table(funnel_table([quiet]) + "\n") == [
        ["Data", "Mynah"],
        ["Tweets downloaded", "10"],
        ["Retweets", "2"],
        ["Short tweets", "1"],
        ["Tweets kept", "7"],
    ]
    assert table(funnel_table([quiet, OTHER]) + "\n")[3:] == [
        ["Short tweets", "1", "0"],
        ["Emoji only", "0", "2"],
        ["Tweets kept", "7", "3"],
    ]


def test_every_rule_has_a_label() -> None:
    assert {*mynah.RULES, *huggingtweets.RULES} == set(RULES)


def test_counts_that_do_not_add_up_make_no_card() -> None:
    with pytest.raises(ModelError, match="@stationmynah do not add up"):
        replace(BIRD, kept=8)


def test_every_hyperparameter_with_an_effect_is_in_the_procedure() -> None:
    names = {field.name for field in fields(FINETUNE) if field.name != "shape"}
    names |= {f"shape.{field.name}" for field in fields(Shape)}
    text = card(FACTS)

    whole = card(replace(FACTS, base_model="scratch", recipe=replace(FINETUNE, method="lora")))
    assert set(re.findall(r"^\| `(.+?)` \|", whole, re.MULTILINE)) == names
    idle = {"shape.vocabulary", "shape.layers", "shape.width", "shape.heads", "lora_rank", "lora_alpha"}
    assert set(re.findall(r"^\| `(.+?)` \|", text, re.MULTILINE)) == names - idle
    assert "| `learning_rate` | 0.0001372 |" in text
    assert "| steps | 330 |" in text


def test_a_model_with_tags_shows_how_to_prompt_for_one_author() -> None:
    text = card(replace(FACTS, authors=[BIRD, OTHER], tags=["@stationmynah: ", "@a_pigeon: "]))

    assert 'generator("@a_pigeon: ")' in text
    assert "authors" not in card(FACTS).split("```")[1]


def test_the_figures_are_explained_and_what_was_not_measured_is_left_out() -> None:
    text = card(FACTS)

    assert "| bits per character | 1.511 | base 1.702 | lower is better |" in text
    assert "detector AUC" not in text
    assert "was not evaluated" in card(replace(FACTS, figures=[]))


@pytest.mark.parametrize("name", [PREDICTIONS, LOSS, LENGTHS])
def test_a_picture_is_shown_where_it_is_there(name: str) -> None:
    assert name in Reader(card(FACTS)).links
    assert name not in card(replace(FACTS, pictures=[]))


@pytest.mark.parametrize(
    ("avatar", "is_shown"),
    [
        ("avatar-stationmynah.png", True),
        ("https://example.org/a_400x400.jpg", True),
        ("http://example.org/a.jpg", False),
        ("javascript:alert(1)", False),
        ("../../etc/passwd", False),
        ('a.png" onerror="alert(1)', False),
        ("https://example.org/a.jpg'); x", False),
        ("", False),
    ],
)
def test_an_avatar_is_a_file_beside_the_card_or_an_https_address(avatar: str, is_shown: bool) -> None:
    page = Reader(card(replace(FACTS, authors=[replace(BIRD, avatar=avatar)])))

    assert (avatar in page.links) == is_shown
    assert sum(tag == "img" for tag, _ in page.shape) == 3 + is_shown


def test_the_card_states_consent_and_source() -> None:
    known = replace(BIRD, source="X archive", first="2019-03-01", last="2024-11-20")

    text = card(replace(FACTS, authors=[known], consent="It is me."))

    assert "| [@stationmynah](https://x.com/stationmynah) | X archive | 2019-03-01 to 2024-11-20 |" in text
    assert "“It is me.”" in text
    assert has_consent(text)
    assert not has_consent(card(FACTS))


def test_a_consent_is_quoted_whole() -> None:
    letter = "She wrote to me. " * 60

    assert f"“{letter.strip()}”" in card(replace(FACTS, consent=letter))


def test_a_name_that_is_cut_says_so() -> None:
    text = card(replace(FACTS, authors=[replace(BIRD, name="caw " * 100), OTHER]))

    assert f"| Data | {'caw ' * 74}caw… |" in text


def test_on_the_hub_the_card_has_addresses_and_the_consent_given_there() -> None:
    text = for_hub(card(FACTS), "someone/bird", consent="She told me so.")

    assert ModelCard(text).data.thumbnail == "https://huggingface.co/someone/bird/resolve/main/predictions.png"
    assert 'model = "someone/bird"' in text
    assert "“She told me so.”" in text
    assert has_consent(text)


# The published cards


@pytest.mark.parametrize(("columns", "word"), PUBLISHED)
def test_the_table_of_a_published_card_is_rebuilt_from_its_numbers(columns: list[tuple[int, ...]], word: str) -> None:
    authors = [author(counts, f"handle{number}", f"Name {number}") for number, counts in enumerate(columns)]

    text = card(replace(FACTS, authors=authors))

    head, *rows = table(text)
    assert head == ["Data", *(f"Name {number}" for number in range(len(columns)))]
    assert [(row[0], *map(int, row[1:])) for row in rows] == list(zip(ROWS, *columns, strict=True))
    assert f"🤖 {word} 🤖" in text


@pytest.mark.parametrize("seed", SEEDS or [None], ids=lambda seed: seed.stem[:3] if seed else "none")
def test_a_published_card_is_rebuilt(seed: Path | None) -> None:
    if seed is None:
        pytest.skip("the published cards are not on this machine (../shared/seeds)")
    published = seed.read_text(encoding="utf-8")
    names, handle = heading(published)
    head, *rows = table(published)
    columns = list(zip(*([int(cell) for cell in row[1:]] for row in rows), strict=True))
    authors = [author(*each) for each in zip(columns, handle.split("-")[::-1], names, strict=True)]

    rebuilt = card(replace(FACTS, authors=authors))

    assert heading(rebuilt) == (names, handle)
    assert table(rebuilt)[1:] == rows
    assert table(rebuilt)[0][1:] == (names if head[1] == "Quantity" else head[1:])
    assert word_of(rebuilt) == word_of(published)
    assert ModelCard(rebuilt).data.widget == ModelCard(published).data.widget
    assert set(ModelCard(published).data.tags) <= set(ModelCard(rebuilt).data.tags)


def heading(text: str) -> tuple[list[str], str]:
    """The names and the handles above a card, of either generation; the first said "bot" after both."""
    lines = re.findall(r">([^<>]+?)\s*</(?:div|b)>", text.split("## ", maxsplit=1)[0])
    lines = [html.unescape(line) for line in lines]
    handle = next(line for line in lines if line.startswith("@"))
    names = lines[lines.index(handle) - 1]
    names = names.removesuffix("AI Bot").rstrip().rsplit(" ", 1)[0] if names.endswith("AI Bot") else names
    return names.split(" & "), handle.removesuffix(" bot").removeprefix("@")


def word_of(text: str) -> str:
    words = re.findall(r"AI (?:BOT|CYBORG)", text.split("## ", maxsplit=1)[0], re.IGNORECASE)
    return str(words[0]).upper()


# Names that want out

HOSTILE = {
    "pipe": "a | b || c",
    "line breaks": "a\nb\r\nc\u2028d\u2029e\x0bf",
    "front matter": "\n---\nlicense: mit\n---\n",
    "rule": "---",
    "end of the box": "</div></div><div>",
    "script": "<script>alert(1)</script>",
    "attribute": "\" onload='x' \"",
    "comment": "<!--",
    "right to left": "abc\u202edef\u2066ghi\u200f",
    "invisible": "a\u200bb\ufeffc\x00d\x7fe",
    "half a character": "a\ud800b",
    "bold": "*a* __b__ ~~c~~",
    "code": "``` `a` ~~~",
    "link": "[a](javascript:alert(1)) <https://evil.example>",
    "picture": "![a](https://evil.example/a.png)",
    "bare link": "https://evil.example www.evil.example",
    "reference": "[a]: https://evil.example",
    "heading": "# a\n## Training data",
    "list": "- a\n1. b\n> c",
    "entity": "&lt;b&gt; &amp; &#60;i&#62;",
    "backslash": "a\\",
    "backslash and pipe": "a\\| b",
    "formula": "$a$ $$b$$ \\(c\\)",
    "template": "{{ card_data }} {facts} %(name)s $NAME ${NAME} {0}",
    "our own lines": 'model = "path/to/this/folder"',
    "table": "\n| a | b |\n| --- | --- |\n",
    "long": "a" * 10_000,
    "nothing to see": "\u200e\u202e \t",
}


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_name_from_outside_stays_letters(name: str) -> None:
    text = card(replace(FACTS, authors=[replace(BIRD, name=name), OTHER], consent=name))
    harmless = card(replace(FACTS, authors=[BIRD, OTHER], consent="yes"))

    page, expected = Reader(text), Reader(harmless)
    assert ModelCard(text).data.to_dict() == ModelCard(harmless).data.to_dict()
    assert page.shape == expected.shape
    assert page.links == expected.links
    assert len(table(text)) == len(table(harmless))
    assert {len(row) for row in table(text)} == {3}


@pytest.mark.parametrize("name", [name for name in HOSTILE.values() if plain(name)])
def test_a_name_from_outside_can_still_be_read(name: str) -> None:
    words = "".join(Reader(card(replace(FACTS, authors=[replace(BIRD, name=name)]))).words).replace("\u2060", "")

    assert words.count(plain(name)) >= 4  # above, in a sentence, in the data, and over its column


def test_an_invisible_name_is_replaced_by_the_handle() -> None:
    assert "<div><b>stationmynah</b></div>" in card(replace(FACTS, authors=[replace(BIRD, name="\u202e \n")]))


@pytest.mark.parametrize("name", ["☔🐦\u200d⬛ Mynah", "日本語", "e\u0301 é", "क्\u200dष", "🏳️\u200d🌈"])
def test_names_of_any_script_are_whole(name: str) -> None:
    assert name in card(replace(FACTS, authors=[replace(BIRD, name=name)]))


@pytest.mark.parametrize("handle", ["__wmww", "a|b", "<b>", "a\n## b", "x" * 500, "../../x?y#z"])
def test_a_handle_is_from_outside_too(handle: str) -> None:
    page = Reader(card(replace(FACTS, authors=[replace(BIRD, handle=handle)])))

    assert page.shape == Reader(card(FACTS)).shape
    assert all(link is None or link.startswith(("https://", *FACTS.pictures)) for link in page.links)


@pytest.mark.parametrize("text", ["*a* | b", "_a_", "`a`", "<b>", "a\nb", "\\", "[a](b)", "~a~", "&lt;"])
def test_markdown_shows_a_text_as_it_is(text: str) -> None:
    assert MarkdownIt("commonmark").render(f"a {in_markdown(text)} b") == f"<p>a {html.escape(plain(text))} b</p>\n"


def test_the_front_matter_is_plain_yaml() -> None:
    front: Any = yaml.safe_load(card(replace(FACTS, recipe=TINY)).split("---\n")[1])

    assert list(front) == [
        "language",
        "thumbnail",
        "library_name",
        "pipeline_tag",
        "base_model",
        "tags",
        "widget",
    ]
