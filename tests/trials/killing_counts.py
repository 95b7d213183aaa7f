"""What the kills left in the history and on the server; all counts but the first few must be 0."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.trials.killing_x import posts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.trials.killing import Bird


def count(bird: Bird) -> dict[str, Any]:
    server = posts(bird.folder)
    rows = bird.ask("id, state, text, x_id, slot FROM post")
    posted = {(x_id, text) for _, state, text, x_id, _ in rows if state == "posted"}
    texts = Counter(text for _, text in server)
    state_of = {number: state for number, state, *_ in rows}
    yes = {row[0] for row in bird.ask("post FROM review WHERE verdict = 'approved'")}
    no = {row[0] for row in bird.ask("post FROM review WHERE verdict = 'rejected'")}
    asked = {number for number, _, text, *_ in rows if text.startswith(("Perhaps", "Edited"))}
    sent = {number for number, state, *_ in rows if state not in {"drafted", "approved", "rejected", "expired"}}
    slots = [slot for *_, slot in rows if slot]
    return {
        "kills": bird.kills,
        "posts_on_server": len(server),
        "states": dict(sorted(Counter(state_of.values()).items())),
        "found_by_looking": bird.ask("count(*) FROM look WHERE outcome = 'found'")[0][0],
        "doubled": sum(texts.values()) - len(texts),
        "missing_from_history": len(set(server) - posted),
        "posted_but_not_on_server": len(posted - set(server)),
        "rows_lost": max(state_of, default=0) - len(state_of),
        "promises_broken": [told for told in bird.promised if not _kept(told, state_of, server)],
        "sent_without_a_yes": len((sent & asked) - yes),
        "sent_after_a_no": len(sent & no),
        "slots_used_twice": len(slots) - len(set(slots)),
        "left_unknown": sum(state in {"sending", "unknown"} for state in state_of.values()),
        "rounds_of_the_one_that_stays": bird.beats,
        "ticks_failed": bird.ticks_failed,
        "integrity": bird.ask("* FROM pragma_integrity_check")[0][0],
    }


def _kept(told: dict[str, Any], state_of: dict[int, str], server: Sequence[tuple[str, str]]) -> bool:
    """Is it still so what a command said before it ended?"""
    if told.get("outcome") == "posted":
        return (told["x_id"], told["text"]) in server and state_of.get(told["post"]) == "posted"
    if told.get("state") == "rejected":
        return state_of.get(told["id"]) == "rejected"
    if told.get("state") == "approved" and "id" in told:
        return state_of.get(told["id"]) not in {None, "drafted"}
    return True
