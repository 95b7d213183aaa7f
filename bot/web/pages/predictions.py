"""Predictions: drafts for a prompt, as they are made, to post, to share, or only to laugh at."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from bot.commands.post import Wish, post_now
from bot.config.types import LONGEST_PROMPT, fits
from bot.errors import MynahError
from bot.text.length import weighted_length
from bot.values import Draft, Reason
from bot.voice.model_voice import promoted
from bot.web.page import Tab, done, get, post, render, site
from bot.web.reasons import sentence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from bot.rounds.posting import Round
    from bot.web.page import Form
    from bot.web.speaker import Predictions

TAB = Tab("Predictions", "/predictions")
NUMBER = 10
PROMPT = "My dream is"
PATIENCE = 3.0  # seconds for a running bot to send a post; it may take longer, and the history shows it then
WEAK = 0.5  # a part of the score below this is worth a word
GOOD, FAIR = 0.75, 0.6
WEAKNESSES = {
    "person": "does not sound like a tweet of theirs",
    "likely": "is unlikely to make sense",
    "words": "has words that nobody knows",
    "whole": "ends or closes oddly",
    "length": "has an unusual length",
    "fresh": "repeats the last posts",
}
OUTCOMES = {
    "dry": "Posted in a dry run: nothing was sent to X.",
    "posted": "It is on X.",
    "drafted": "It waits in the queue for your approval.",
    "approved": "It is approved; the running bot sends it as soon as its limits allow.",
}


@dataclass(frozen=True, slots=True)
class Prediction:
    """A draft as the page shows it."""

    number: int
    text: str
    prompt: str  # the part of the text that was given
    length: int
    score: int
    opinion: str
    reasons: tuple[str, ...]
    intent: str  # where X asks whether to post it
    times: int  # how often the model said the same

    @property
    def rest(self) -> str:
        return self.text.removeprefix(self.prompt)


def show(request: Request) -> Response:
    here = site(request)
    newest = here.speaker.newest()
    if newest and "again" not in request.query_params:
        return RedirectResponse(f"/predictions/{newest.key}", 303)
    return _page(request, None, PROMPT)


def show_one(request: Request) -> Response:
    made = _made(request)
    return _page(request, made, made.prompt)


def live(request: Request) -> Response:
    """What has come since, for htmx."""
    return render(request, "_predictions.html", **_about(request, _made(request)))


def begin(request: Request, form: Form) -> Response:
    prompt = " ".join(form.get("prompt", "").split())
    if not fits(prompt):
        raise MynahError(f"the prompt is longer than {LONGEST_PROMPT} bytes: use the first words of a tweet")
    seed = random.SystemRandom().randrange(2**32)
    made = site(request).speaker.predict(prompt, number=NUMBER, seed=seed)
    return RedirectResponse(f"/predictions/{made.key}", 303)


def post_this(request: Request, _: Form) -> Response:
    """Through all brakes: the screen, the limits, and in review mode the queue."""
    here, row = site(request), _row(request)
    wish = Wish(chosen=_draft(row), model=row["model"])
    ended = post_now(wish, here.settings, here.state_dir, here.clock, patience=PATIENCE)
    path = "/queue" if ended.outcome == "drafted" else request.url.path.rpartition("/")[0].rpartition("/")[0]
    is_good = ended.outcome in {"dry", "posted", "drafted", "approved"}
    return done(request, path, _outcome(ended), kind="done" if is_good else "problem")


def picture(request: Request) -> Response:
    row = _row(request)
    png = site(request).speaker.picture(row["text"], row["prompt"])
    return Response(png, media_type="image/png", headers={"content-disposition": 'inline; filename="prediction.png"'})


def _outcome(ended: Round) -> str:
    text = OUTCOMES.get(ended.outcome, "It was not posted.")
    return text if ended.outcome == "drafted" or not ended.detail else f"{text} {ended.detail}"


def _page(request: Request, made: Predictions | None, prompt: str) -> Response:
    here = site(request)
    has_model = promoted(here.state_dir.models) is not None
    about = _about(request, made) if made else {"made": None, "predictions": [], "best": 0}
    return render(request, "predictions.html", prompt=prompt, has_model=has_model, **about)


def _about(request: Request, made: Predictions) -> dict[str, Any]:
    rows = list(made.drafts)
    times = Counter(row["text"] for row in rows)
    first: dict[str, int] = {}  # where each text came first
    for number, row in enumerate(rows, start=1):
        first.setdefault(row["text"], number)
    predictions = [_prediction(number, rows[number - 1], times[text]) for text, number in first.items()]
    passing = [one for one in predictions if not one.reasons]
    best = max(passing, key=lambda one: one.score).number if made.is_done and passing else 0
    return {
        "made": made,
        "predictions": predictions,
        "made_count": len(rows),
        "best": best,
        "is_live": site(request).settings.live,
    }


def _prediction(number: int, row: Mapping[str, Any], times: int) -> Prediction:
    reasons = tuple(sentence(Reason(*pair)) for pair in row["reasons"])
    text, prompt = row["text"], row["prompt"]
    return Prediction(
        number,
        text,
        prompt if text.startswith(prompt) else "",
        weighted_length(text),
        round(100 * row["score"]),
        _opinion(row["score"], row["parts"]),
        reasons,
        f"https://x.com/intent/post?text={quote(text)}",
        times,
    )


def _opinion(score: float, parts: Mapping[str, float]) -> str:
    """The score in words, with its weakest part."""
    verdict = "very good" if score >= GOOD else "good" if score >= FAIR else "so-so"
    name, least = min(parts.items(), key=lambda item: item[1])
    return f"{verdict}, but it {WEAKNESSES[name]}" if least < WEAK and name in WEAKNESSES else verdict


def _draft(row: Mapping[str, Any]) -> Draft:
    return Draft(row["text"], row["prompt"], row["seed"], row["likelihood"], row["finished"])


def _made(request: Request) -> Predictions:
    made = site(request).speaker.predictions(request.path_params["key"])
    if made is None:
        raise HTTPException(404)
    return made


def _row(request: Request) -> Mapping[str, Any]:
    rows, number = _made(request).drafts, int(request.path_params["number"])
    if not 1 <= number <= len(rows):
        raise HTTPException(404)
    return rows[number - 1]


ROUTES = [
    get("/predictions", show),
    post("/predictions", begin),
    get("/predictions/{key}", show_one),
    get("/predictions/{key}/live", live),
    post("/predictions/{key}/{number:int}/post", post_this),
    get("/predictions/{key}/{number:int}.png", picture),
]
