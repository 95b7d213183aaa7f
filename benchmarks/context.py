"""What leaving out short tweets that only make sense in their context would gain: replies, thanks, words to a picture.

    python benchmarks/context.py FILE... [--texts 1200] [--base tiny]

Each line is a training on the newest texts, without those of the named kind. All are held against the same newest
texts, none of which is context-bound. Only figures are printed.
"""

from __future__ import annotations

import argparse
import math
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bot.screen import entities
from training.corpus import corpus
from training.learn import batches
from training.learn.finetune import finetune, mean_loss
from training.models import base_model
from training.recipe import recipe_for
from training.rules.words import count, words
from training.sources import recognise
from training.speak.torch_engine import TorchSampler
from training.speak.types import Sampling

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from training.corpus.corpus import Kept
    from training.sources.archive import Archive

SHORT = 9  # words: fewer are a short text
OPENING = re.compile(
    r"(?:thanks|thank you|thx|cheers|congrats|congratulations|well done|happy birthday|yes|yeah|yep|no|nope|agreed?"
    r"|exactly|absolutely|indeed|lol|haha+|ok|okay|same|me too|good luck|welcome|sorry|wow|this|so true|true)\b",
    re.IGNORECASE,
)
PICTURE = re.compile(r"(?:https?://|pic\.(?:twitter|x)\.com/)\S*\s*$")
DRAFTS = 128


def is_short_reply(kept: Kept) -> bool:
    return kept.tweet.kind == "reply" and count(kept.text) < SHORT


def is_bound(kept: Kept) -> bool:
    """A short reply, a short text with a link or picture at its end, or short thanks and the like."""
    opens = OPENING.match(kept.text) or PICTURE.search(kept.tweet.text)
    return is_short_reply(kept) or (count(kept.text) < SHORT and opens is not None)


KINDS: dict[str, Callable[[Kept], bool]] = {
    "nothing": lambda _: False,
    "short replies": is_short_reply,
    "all context-bound": is_bound,
}


def main() -> None:
    parser = argparse.ArgumentParser(description="What leaving out short, context-bound tweets would gain.")
    parser.add_argument("tweets", type=Path, nargs="+", help="whatever `mynah import` reads")
    parser.add_argument("--as", dest="author", help="the author, where a file names none")
    parser.add_argument("--texts", type=int, default=1_200, help="training texts at most, the newest")
    parser.add_argument("--held-out", type=int, default=200, help="held-out texts at most, the newest")
    parser.add_argument("--base", default="tiny")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    for path in args.tweets:
        compare(recognise.read(path, args.author or path.stem), args)


def compare(archive: Archive, args: argparse.Namespace) -> None:
    kept = corpus.filter_tweets(archive.author, archive.tweets).kept
    cut = len(kept) - len(kept) // 10
    held_out = [one.text for one in kept[cut:] if not is_bound(one)][-args.held_out :]
    known = {word for one in kept for word in words(one.text)}
    print(f"\n{archive.author}: {len(kept):,} texts, {sum(map(is_bound, kept)):,} of them context-bound")
    print("| left out | learnt | bits | short drafts | drafts with a word of nobody's | with a mention | seconds |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name, is_left_out in KINDS.items():
        began = time.monotonic()
        texts = [one.text for one in kept[:cut][-args.texts :] if not is_left_out(one)]
        bits, drafts = learn(texts, held_out, args)
        shares = (
            sum(count(draft) < SHORT for draft in drafts),
            sum(any(word not in known for word in words(draft)) for draft in drafts),
            sum(entities.mention(draft) is not None for draft in drafts),
        )
        cells = " | ".join(f"{share / len(drafts):.1%}" for share in shares)
        print(f"| {name} | {len(texts):,} | {bits:.3f} | {cells} | {time.monotonic() - began:.0f} |", flush=True)


def learn(texts: Sequence[str], held_out: Sequence[str], args: argparse.Namespace) -> tuple[float, list[str]]:
    """Bits per held-out character, and drafts at the bot's temperature."""
    recipe = recipe_for(args.base)
    model, tokenizer = base_model.load_base(args.base, texts=texts, shape=recipe.shape, seed=args.seed)
    context = min(recipe.shape.context, base_model.context_of(model))
    train, others = (batches.encode(tokenizer, part, context) for part in (texts, held_out))
    for _ in finetune(model, train, others, recipe, seed=args.seed):
        pass
    bits = (
        mean_loss(model, others, recipe.batch_tokens)
        * sum(len(row) - 1 for row in others)
        / math.log(2)
        / sum(map(len, held_out))
    )
    drafts = TorchSampler(model, tokenizer, {}).draft("", n=DRAFTS, seed=args.seed, sampling=Sampling(0.8, 0.95))
    return bits, [draft.text for draft in drafts]


if __name__ == "__main__":
    main()
