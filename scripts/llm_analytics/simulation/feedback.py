"""What users say and show: thumbs, stars, comments, copies, shares, and surveys."""

from __future__ import annotations

import numpy as np

from . import texts
from .conversations import FEEDBACK_WITHIN_MS
from .parameters import Parameters
from .population import Window
from .randomness import Columns, Integers, Randomness, choose, stack

TYPES = (
    "thumbs_up", "thumbs_down", "retracted", "rating", "csat", "nps", "comment", "copy", "share",
)  # fmt: skip
NO_SCORE = -100
#: Texts: 0 none, then praise, then complaints.
FEEDBACK_TEXTS = ("", *texts.PRAISE, *texts.COMPLAINTS)
DAY_MS = 86_400_000


def simulate_feedback(
    parameters: Parameters,
    randomness: Randomness,
    interactions: Columns,
    answer_of: Integers,
    sessions: Columns,
    window: Window,
) -> Columns:
    """One row per feedback: session, call (or -1), type, score, text, survey, timestamp."""
    rng = randomness.stream("feedback")
    answered = np.nonzero(interactions["is_answered"])[0]
    facts = {
        name: interactions[name][answered]
        for name in (
            "session", "conversation", "answered_at", "is_satisfied", "votes", "is_up",
            "is_retracted", "is_revoted", "complaint_factor",
        )
    }  # fmt: skip
    facts["call"] = answer_of[answered]
    parts = [
        *_thumbs(parameters, rng, facts),
        *_shown(parameters, rng, facts),
        _csat(parameters, rng, sessions),
        _nps(parameters, rng, sessions, window),
    ]
    return stack(parts)


def _events(
    facts: Columns,
    rows: Integers,
    kind: str,
    delay_ms: Integers,
    score: Integers,
    text: Integers,
) -> Columns:
    n = len(rows)
    return {
        "session": facts["session"][rows],
        "conversation": facts["conversation"][rows],
        "call": facts["call"][rows],
        "type": np.full(n, TYPES.index(kind), dtype=np.int64),
        "score": score,
        "text": text,
        "survey": np.full(n, -1, dtype=np.int64),
        "timestamp": facts["answered_at"][rows] + delay_ms,
    }


def _thumbs(parameters: Parameters, rng: np.random.Generator, facts: Columns) -> list[Columns]:
    """Votes with their comments, retractions of them, and votes after a retraction."""
    rules, parts = parameters.feedback, []
    voted = np.nonzero(facts["votes"])[0]
    first_delay = rng.integers(1_500, FEEDBACK_WITHIN_MS - 7_000, len(voted))
    is_up = facts["is_up"][voted]
    comment_rate = np.where(
        is_up,
        rules.comment_rate_up,
        np.minimum(rules.comment_rate_down * facts["complaint_factor"][voted], 0.9),
    )
    comments = rng.random(len(voted)) < comment_rate
    praise = 1 + rng.integers(0, len(texts.PRAISE), len(voted))
    complaint = 1 + len(texts.PRAISE) + rng.integers(0, len(texts.COMPLAINTS), len(voted))
    text = np.where(comments, np.where(is_up, praise, complaint), 0)
    # Half of the comments come with the thumb, the other half as an event of their own.
    is_apart = comments & (rng.random(len(voted)) < 0.5)
    for kind, chosen in (("thumbs_up", is_up), ("thumbs_down", ~is_up)):
        score = np.full(int(chosen.sum()), 1 if kind == "thumbs_up" else -1, dtype=np.int64)
        parts.append(
            _events(
                facts, voted[chosen], kind, first_delay[chosen], score,
                np.where(is_apart, 0, text)[chosen],
            )
        )  # fmt: skip
    none = np.full(len(voted), NO_SCORE, dtype=np.int64)
    parts.append(
        _events(
            facts, voted[is_apart], "comment", first_delay[is_apart] + 1_200, none[is_apart],
            text[is_apart],
        )
    )  # fmt: skip
    gone = facts["is_retracted"][voted]
    silent = np.zeros(len(voted), dtype=np.int64)
    parts.append(
        _events(
            facts, voted[gone], "retracted", first_delay[gone] + 2_500, none[gone], silent[gone]
        )
    )
    again = facts["is_revoted"][voted]
    for kind, chosen in (("thumbs_up", again & ~is_up), ("thumbs_down", again & is_up)):
        score = np.full(int(chosen.sum()), 1 if kind == "thumbs_up" else -1, dtype=np.int64)
        parts.append(
            _events(facts, voted[chosen], kind, first_delay[chosen] + 4_000, score, silent[chosen])
        )
    return parts


def _shown(parameters: Parameters, rng: np.random.Generator, facts: Columns) -> list[Columns]:
    """Stars, copies and shares of answers."""
    rules, n, is_satisfied = parameters.feedback, len(facts["session"]), facts["is_satisfied"]
    parts = []
    rated = np.nonzero(rng.random(n) < rules.star_rate)[0]
    stars = np.where(
        is_satisfied[rated],
        choose(rng, rules.stars_satisfied, len(rated)),
        choose(rng, rules.stars_unsatisfied, len(rated)),
    )
    parts.append(_plain(rng, facts, rated, "rating", stars + 1))
    for kind, if_satisfied, if_not in (
        ("copy", rules.copy_rate_satisfied, rules.copy_rate_unsatisfied),
        ("share", rules.share_rate_satisfied, rules.share_rate_unsatisfied),
    ):
        chosen = np.nonzero(rng.random(n) < np.where(is_satisfied, if_satisfied, if_not))[0]
        if kind == "copy":
            twice = rng.random(len(chosen)) < rules.second_copy_rate
            chosen = np.concatenate([chosen, chosen[twice]])
        parts.append(_plain(rng, facts, chosen, kind, np.full(len(chosen), NO_SCORE)))
    return parts


def _plain(
    rng: np.random.Generator,
    facts: Columns,
    rows: Integers,
    kind: str,
    score: Integers,
) -> Columns:
    delay = rng.integers(1_000, FEEDBACK_WITHIN_MS, len(rows))
    return _events(facts, rows, kind, delay, score, np.zeros(len(rows), dtype=np.int64))


def _csat(parameters: Parameters, rng: np.random.Generator, sessions: Columns) -> Columns:
    """CSAT at the end of some sessions; the wave is the month of the answer."""
    rules, n = parameters.feedback, len(sessions["user"])
    is_happy = rng.random(n) < rules.happy_rate
    rate = np.where(is_happy, rules.csat_response_rate_happy, rules.csat_response_rate_unhappy)
    rows = np.nonzero(rng.random(n) < rate)[0]
    score = np.where(
        is_happy[rows],
        choose(rng, rules.csat_happy, len(rows)),
        choose(rng, rules.csat_unhappy, len(rows)),
    )
    return _survey(sessions, rows, "csat", score + 1, 25_000, np.full(len(rows), 0))


def _nps(
    parameters: Parameters, rng: np.random.Generator, sessions: Columns, window: Window
) -> Columns:
    """NPS at the end of the first session of a user in the week after each wave starts."""
    rules, parts = parameters.feedback, []
    for wave, start_ms in enumerate(nps_waves(parameters, window)):
        invited = np.nonzero(
            (sessions["started_at"] >= start_ms) & (sessions["started_at"] < start_ms + 7 * DAY_MS)
        )[0]
        user = sessions["user"][invited]
        invited = invited[np.concatenate([[True], user[1:] != user[:-1]])] if len(user) else invited
        n = len(invited)
        is_happy = rng.random(n) < rules.happy_rate
        rate = np.where(is_happy, rules.nps_response_rate_happy, rules.nps_response_rate_unhappy)
        responds = rng.random(n) < rate
        for again in (False, True):
            if again:
                responds &= rng.random(n) < rules.nps_second_answer_rate
            score = np.where(
                is_happy, choose(rng, rules.nps_happy, n), choose(rng, rules.nps_unhappy, n)
            )
            rows = invited[responds]
            delay = 35_000 if again else 30_000
            parts.append(
                _survey(sessions, rows, "nps", score[responds], delay, np.full(len(rows), wave + 1))
            )
    if not parts:
        none = np.zeros(0, dtype=np.int64)
        parts.append(_survey(sessions, none, "nps", none, 0, none))
    return stack(parts)


def nps_waves(parameters: Parameters, window: Window) -> list[int]:
    """Start of each wave, epoch milliseconds."""
    rules = parameters.feedback
    first, step = rules.nps_first_wave_day, rules.nps_wave_days
    return [window.start_ms + day * DAY_MS for day in range(first, window.days, step)]


def _survey(
    sessions: Columns,
    rows: Integers,
    kind: str,
    score: Integers,
    delay_ms: int,
    survey: Integers,
) -> Columns:
    n = len(rows)
    none = np.full(n, -1, dtype=np.int64)
    return {
        "session": np.asarray(rows, dtype=np.int64),
        "conversation": none,
        "call": none,
        "type": np.full(n, TYPES.index(kind), dtype=np.int64),
        "score": score,
        "text": np.zeros(n, dtype=np.int64),
        "survey": survey,
        "timestamp": sessions["last_answer_at"][rows] + delay_ms,
    }
