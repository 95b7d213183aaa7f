"""Model: the versions and how good they are, each with its curves and its card, retraining, and the blind test."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from bot.commands.models import all_versions
from bot.errors import MynahError, training_errors
from bot.web.learning import card
from bot.web.learning.charts import length_bars, loss_curve
from bot.web.learning.jobs import jobs
from bot.web.page import Tab, done, get, post, render, site
from bot.web.pages.begin import progress

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request

    from bot.web.page import Form

TAB = Tab("Model", "/model")
PICTURES = {".png": "image/png", ".jpg": "image/jpeg"}
PICTURE = re.compile(r"(predictions|loss|lengths)\.png|avatar-[a-z0-9_]{1,20}\.jpg", re.ASCII)
LARGEST = 20_000_000  # bytes of a file that is read


def show(request: Request) -> Response:
    here, work = site(request), jobs(request)
    training = work.training()
    is_running = training is not None and training.is_running
    rows = all_versions(here.settings)[::-1]
    can_roll_back = any(row["in_use_before"] for row in rows)
    return render(
        request,
        "model.html",
        rows=rows,
        can_roll_back=can_roll_back,
        training=training if is_running else None,
        **(progress(training) if training and is_running else {}),
        plan=work.plan,
    )


def show_one(request: Request) -> Response:
    """A version with its figures and curves."""
    from training.judge import blind_test
    from training.judge import report as judgement

    folder = _version(request)
    row = next(row for row in all_versions(site(request).settings) if row["version"] == folder.name)
    with training_errors():
        report = judgement.read(folder)
        tests = blind_test.read(folder)
    return render(
        request,
        "version.html",
        row=row,
        figures=judgement.explained(report) if report else [],
        curve=loss_curve(_steps(folder)),
        bars=length_bars(report.lengths_author, report.lengths) if report else None,
        has_picture=(folder / "predictions.png").is_file(),
        tests=[(test, blind_test.interval(test.right, test.texts)) for test in tests],
    )


def _steps(folder: Path) -> list[dict[str, Any]]:
    """The steps of a training, as its metrics have them."""
    from training.models.model_dir import METRICS

    steps = []
    for line in _content(folder / METRICS).splitlines():
        with suppress(ValueError, LookupError, TypeError):
            row = json.loads(line)
            if row["kind"] == "step":
                number, loss, held_out = int(row["number"]), float(row["loss"]), row["held_out"]
                steps.append(
                    {"number": number, "loss": loss, "held_out": None if held_out is None else float(held_out)}
                )
    return steps


def show_card(request: Request) -> Response:
    from training.card.card import FILE

    folder = _version(request)
    text = _content(folder / FILE).decode("utf-8", "replace")
    if not text:
        raise MynahError(f"{folder.name} has no card")
    return render(request, "card.html", version=folder.name, card=card.page(text, f"/model/{folder.name}/files/"))


def picture(request: Request) -> Response:
    folder, name = _version(request), str(request.path_params["name"])
    content = _content(folder / name) if PICTURE.fullmatch(name) else b""
    if not content:
        raise HTTPException(404)
    return Response(content, media_type=PICTURES[name[-4:]])


def promote(request: Request, _: Form) -> Response:
    output = jobs(request).run("promote", _version(request).name)
    return done(
        request, "/model", "\n".join(filter(None, (output.out.strip(), output.err.replace("mynah: ", "").strip())))
    )


def roll_back(request: Request, _: Form) -> Response:
    return done(request, "/model", jobs(request).run("rollback").out.strip())


def plan(request: Request, _: Form) -> Response:
    jobs(request).begin_plan()
    return RedirectResponse("/model#retrain", 303)


def live_plan(request: Request) -> Response:
    return render(request, "_plan.html", plan=jobs(request).plan)


def retrain(request: Request, form: Form) -> Response:
    jobs(request).train(begin="current" if form.get("begin") == "current" else "base")
    jobs(request).plan = None
    return done(request, "/model", "The training begins. You may close this page: it goes on, and you find it here.")


def begin_test(request: Request, _: Form) -> Response:
    jobs(request).begin_blind_test(_version(request).name)
    return RedirectResponse("/model/blindtest", 303)


def test(request: Request) -> Response:
    return render(request, "blindtest.html", test=jobs(request).blind)


def live_test(request: Request) -> Response:
    return render(request, "_blindtest.html", test=jobs(request).blind)


def answer(request: Request, form: Form) -> Response:
    session, number = jobs(request).blind, form.get("number", "")
    if session is None or not number.isascii() or not number.isdigit():
        raise MynahError("no blind test is under way: begin one")
    session.answer(int(number), form.get("answer", ""))
    return RedirectResponse("/model/blindtest", 303)


def result_picture(request: Request) -> Response:
    session = jobs(request).blind
    if session is None or not session.picture:
        raise HTTPException(404)
    headers = {"content-disposition": 'inline; filename="blindtest.png"'}
    return Response(session.picture, media_type="image/png", headers=headers)


def _version(request: Request) -> Path:
    from training.models import registry

    name = str(request.path_params["version"])
    folders = {version.name: version.folder for version in registry.versions(site(request).state_dir.models)}
    if name not in folders:
        raise HTTPException(404)
    return folders[name]


def _content(path: Path) -> bytes:
    """Empty where there is no such file, or where it is a link."""
    from training import private_files

    try:
        return private_files.read(path, LARGEST)
    except OSError:
        return b""


ROUTES = [
    get("/model", show),
    post("/model/rollback", roll_back),
    post("/model/plan", plan),
    get("/model/plan/live", live_plan),
    post("/model/retrain", retrain),
    get("/model/blindtest", test),
    get("/model/blindtest/live", live_test),
    post("/model/blindtest/answer", answer),
    get("/model/blindtest/result.png", result_picture),
    get("/model/{version}", show_one),
    get("/model/{version}/card", show_card),
    get("/model/{version}/files/{name}", picture),
    post("/model/{version}/promote", promote),
    post("/model/{version}/blindtest", begin_test),
]
