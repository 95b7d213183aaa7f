"""Begin: from a file of tweets to the first model. A training goes on when the page is closed, and is found again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from bot.commands.model.consent import consent
from bot.errors import MynahError
from bot.web.learning.charts import loss_curve
from bot.web.learning.jobs import arguments_of, jobs
from bot.web.learning.upload import received
from bot.web.page import Tab, done, get, post, render, site

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from bot.commands.model.training_log import Training
    from bot.web.learning.upload import Upload
    from bot.web.page import Form

TAB = Tab("Begin", "/begin", only_first=True)
UPLOAD = "/begin/upload"
SHOWN = timedelta(days=1)  # for which the end of a training is shown
SAID = 10  # texts
STAGES = {
    "read": "read the tweets",
    "clean": "filter them",
    "tokenise": "train the tokenizer",
    "train": "train the model",
    "judge": "evaluate it",
    "save": "save it",
    "promote": "put it into use",
}
ENDS = {
    "promoted": "The model is trained, passed its checks, and is in use.",
    "kept": "The model is trained and kept, but not in use, because it failed a check:",
    "nothing": "There was nothing to learn:",
    "failed": "The training failed:",
    "stopped": "The training was stopped. The next one goes on from its last checkpoint.",
    "": "The training ended without a word: the machine may have run out of memory, or was switched off. The next one "
    "goes on from its last checkpoint.",
}


def show(request: Request) -> Response:
    here, work = site(request), jobs(request)
    training = work.training()
    if training and not training.is_running and training.ended and here.now() - training.ended > SHOWN:
        training = None
    rows = work.library(wait="wait" in request.query_params)
    return render(
        request,
        "begin.html",
        training=training,
        **(progress(training) if training else {}),
        rows=rows,
        authors=here.settings.training.authors,
        consent=consent(here.state_dir),
    )


def live(request: Request) -> Response:
    """The progress, which htmx asks for again and again."""
    training = jobs(request).training()
    return render(request, "_training.html", training=training, **(progress(training) if training else {}))


def progress(training: Training) -> dict[str, Any]:
    """What `_training.html` shows."""
    steps, ran = training.steps, training.stages
    last = steps[-1] if steps else None
    names = [name for name in STAGES if name != "tokenise" or name in ran]
    current = ran[-1] if ran and training.is_running else ""
    left = training.seconds_left if training.is_running and current == "train" else None
    return {
        "stages": [(STAGES[name], "now" if name == current else "done" if name in ran else "") for name in names],
        "last": last,
        "curve": loss_curve(steps, last["of"]) if last else None,
        "pace": training.tokens_per_second if current == "train" else None,
        "left": None if left is None else timedelta(seconds=left),
        "said": [(step["number"], step["said"]) for step in steps if step["said"]][-SAID:][::-1],
        "end": "" if training.is_running else ENDS.get(training.outcome, ENDS[""]),
    }


async def upload(request: Request) -> Response:
    """Import a file: the command reads it, and refuses what it does not trust in its own sentence."""
    try:
        async with received(request, jobs(request).uploads) as sent:
            text = await run_in_threadpool(_import, request, sent)
    except MynahError as error:
        return done(request, "/begin", str(error), kind="problem")
    return done(request, "/begin", text)


def _import(request: Request, sent: Upload) -> str:
    author = sent.fields.get("author", "").strip()
    options = arguments_of([("--as", author)])
    if sent.fields.get("drop_deleted"):
        options.append("--drop-deleted")
    try:
        output = jobs(request).run("import", *options, "--", str(sent.path))
    except MynahError as error:
        raise MynahError(str(error).replace(str(sent.path), sent.name)) from error
    return output.out.strip().replace(str(sent.path), sent.name)


def train(request: Request, form: Form) -> Response:
    """Begin a training, for which somebody has to say that the people agree. The sample account is nobody."""
    rows = jobs(request).library()
    if rows and not form.get("agree"):
        raise MynahError("say that the people whose tweets are learnt agree: a model of a person needs their consent")
    jobs(request).train(consent=form.get("consent", "").strip() if rows else None)
    return done(request, "/begin", "The training begins. You may close this page: it goes on, and you find it here.")


def stop(request: Request, _: Form) -> Response:
    jobs(request).stop()
    return done(request, "/begin", "The training stops after this step.")


ROUTES = [
    get("/begin", show),
    get("/begin/live", live),
    Route(UPLOAD, upload, methods=["POST"]),
    post("/begin/train", train),
    post("/begin/stop", stop),
]
