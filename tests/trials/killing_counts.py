"""What the kills left in the history and on the server; all counts but the first three must be 0."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.trials.killing_x import posts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.trials.killing import Trial


def count(trial: Trial) -> dict[str, Any]:
    server = posts(trial.folder)
    rows = trial.query("id, state, text, x_id, slot FROM post")
    posted = {(x_id, text) for _, state, text, x_id, _ in rows if state == "posted"}
    texts = Counter(text for _, text in server)
    state_of = {number: state for number, state, *_ in rows}
    approved = {row[0] for row in trial.query("post FROM review WHERE verdict = 'approved'")}
    rejected = {row[0] for row in trial.query("post FROM review WHERE verdict = 'rejected'")}
    reviewed = {number for number, _, text, *_ in rows if text.startswith(("Perhaps", "Edited"))}
    sent = {number for number, state, *_ in rows if state not in {"drafted", "approved", "rejected", "expired"}}
    slots = [slot for *_, slot in rows if slot]
    return {
        "kills": trial.kills,
        "posts_on_server": len(server),
        "states": dict(sorted(Counter(state_of.values()).items())),
        "found_in_timeline": trial.query("count(*) FROM look WHERE outcome = 'found'")[0][0],
        "posted_twice": sum(texts.values()) - len(texts),
        "missing_from_history": len(set(server) - posted),
        "posted_but_not_on_server": len(posted - set(server)),
        "rows_lost": max(state_of, default=0) - len(state_of),
        "promises_broken": [promise for promise in trial.promises if not _holds(promise, state_of, server)],
        "sent_unapproved": len((sent & reviewed) - approved),
        "sent_after_rejection": len(sent & rejected),
        "slots_used_twice": len(slots) - len(set(slots)),
        "left_unknown": sum(state in {"sending", "unknown"} for state in state_of.values()),
        "rounds_of_daemon": trial.rounds,
        "ticks_failed": trial.ticks_failed,
        "integrity": trial.query("* FROM pragma_integrity_check")[0][0],
    }


def _holds(promise: dict[str, Any], state_of: dict[int, str], server: Sequence[tuple[str, str]]) -> bool:
    """Whether a command's output is still true."""
    if promise.get("outcome") == "posted":
        return (promise["x_id"], promise["text"]) in server and state_of.get(promise["post"]) == "posted"
    if promise.get("state") == "rejected":
        return state_of.get(promise["id"]) == "rejected"
    if promise.get("state") == "approved" and "id" in promise:
        return state_of.get(promise["id"]) not in {None, "drafted"}
    return True
