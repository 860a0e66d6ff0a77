"""Write the events of a made-up product, many and fast: what the benchmark loads.

    python bench/events.py --interactions N --out FOLDER [--seed S]

The simulator of the package is the realistic one; this one only keeps what costs time: users of
very different activity, visits with pauses, conversations that go on another day, retries and steps
of agents, six models at dated prices, answers that find their query by id or only by their turn,
votes that change, 1 % of lines sent twice and about 2 % late. The same arguments give the same
bytes. N interactions are 2.17 N lines and 1.2 kB each.

The folders say when lines arrive: `week-01` to `week-17`, the last day `day`, and `late`, what only
arrives after all days: visits of the last week mostly, and some that are months old.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Columns = dict[str, NDArray[Any]]

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
DAYS = 120
#: A Monday, in epoch milliseconds; two of the models change their price in the window.
START = 1_754_265_600_000
END = START + DAYS * DAY
LAST_DAY = END - DAY

#: Provider, model, milliseconds per output token, does it read prompts from a cache.
MODELS = (
    ("openai", "gpt-4o-2024-08-06", 14, True),
    ("anthropic", "claude-sonnet-4-20250514", 18, True),
    ("anthropic", "claude-3-5-haiku-20241022", 9, True),
    ("google", "gemini-2.5-flash", 6, True),
    ("deepseek", "deepseek-chat", 22, False),
    ("mistral", "open-mistral-nemo", 8, False),
)
SUCCESS, ERROR, TIMEOUT = 0, 1, 2
ATTEMPT, RETRY, STEP = 0, 1, 2
UP, DOWN, RATING, COPY = 0, 1, 2, 3
UNKNOWN = -1

_ENVELOPE = """
    md5(concat('{stream}', id)) as event_id,
    ts as "timestamp",
    printf('user_%08d', "user") as user_id,
    printf('sess_%09d', session) as session_id,
    printf('conv_%09d', conversation) as conversation_id,
    ['web', 'ios', 'android'][1 + "user" % 3] as platform,
    case when "user" % 4 = 0 then '1.9.2' else '2.0.1' end as app_version"""

_FEATURE = "['chat', 'search', 'write', 'code'][1 + conversation % 4] as feature"
_TEXT = "substr(getvariable('texts')[1 + (id * 7919) % 4096], 1, text_length)"

#: What one line of a stream is, from the columns of its events; clients 1.9 send no query_id.
LINES = {
    "queries": f"""
    select 'llm_query_sent' as event, {_ENVELOPE.format(stream="query")},
        turn as conversation_turn,
        {_TEXT} as query_text,
        text_length as query_length,
        case when is_regenerated then 'regenerate' else 'new' end as query_kind,
        {_FEATURE}
    from part""",
    "responses": f"""
    select 'llm_response_generated' as event, {_ENVELOPE.format(stream="response")},
        turn as conversation_turn,
        printf('resp_%010d', id) as response_id,
        case when "user" % 4 > 0 then md5(concat('query', interaction)) end as query_id,
        case when kind = {STEP} then 'step' else 'answer' end as call_role,
        case when kind = {RETRY} then 2 else 1 end as attempt_number,
        case when status = {SUCCESS} then {_TEXT} end as response_text,
        case when status = {SUCCESS} then text_length end as response_length,
        getvariable('providers')[1 + model] as provider,
        getvariable('models')[1 + model] as response_model,
        case when status = {SUCCESS} then input_tokens end as input_tokens,
        case when status = {SUCCESS} then cache_read_tokens end as cache_read_tokens,
        case when status = {SUCCESS} then output_tokens end as output_tokens,
        latency as latency_ms,
        latency + 40 + id % 200 as client_latency_ms,
        case when status = {SUCCESS} then least(latency, 150 + id % 900) end
            as time_to_first_token_ms,
        ['success', 'error', 'timeout'][1 + status] as status,
        [null, 'server_error', 'timeout'][1 + status] as error_type,
        case when status = {SUCCESS} then 'stop' end as finish_reason,
        'v' || (1 + (ts - {START}) // {30 * DAY}) as prompt_version,
        {_FEATURE}
    from part""",
    "feedback": f"""
    select 'response_feedback' as event, {_ENVELOPE.format(stream="feedback")},
        printf('resp_%010d', response) as response_id,
        ['thumbs_up', 'thumbs_down', 'rating', 'copy'][1 + kind] as feedback_type,
        case when kind = {RATING} then 1 + id % 5 end as feedback_score,
        case when id % 10 = 0 then substr(getvariable('texts')[1 + id % 4096], 1, 80) end
            as feedback_text
    from part""",
}


def interactions(random: np.random.Generator, n: int) -> Columns:
    """Exactly n queries, in order of user and time.

    `position` is the number of the query in its visit, from 0, `turn` in its conversation, from 1.
    """
    n_users = max(n // 60, 10)
    first_seen = (119 * DAY * random.random(n_users) ** 2.5).astype(np.int64)
    activity = np.cumsum(random.lognormal(0, 1.3, n_users))
    favourite_hour = random.normal(14, 4, n_users)

    n_sessions = n_users + int(n / 3.6)
    user = np.searchsorted(activity, random.random(n_sessions) * activity[-1])
    user[:n_users] = np.arange(n_users)
    length = np.minimum(random.geometric(0.25, n_sessions), 60)
    # Cut to exactly n; the first visits of all users come first and stay.
    ends = np.minimum(np.cumsum(length), n)
    ends[-1] = n
    length = np.diff(ends, prepend=0)
    start = START + first_seen[user]
    later = np.arange(n_sessions) >= n_users
    spread = (END - start) * random.random(n_sessions) ** 1.5
    hour = (favourite_hour[user] + random.normal(0, 3, n_sessions)) % 24
    at = (start + spread) // DAY * DAY + (hour * HOUR).astype(np.int64)
    start = np.where(later, np.maximum(at, start), start).astype(np.int64)

    session = np.repeat(np.arange(n_sessions), length)
    first = np.repeat(ends - length, length)
    pause = np.clip(random.lognormal(np.log(75 * SECOND), 0.9, n), 3 * SECOND, 20 * MINUTE)
    pause += (random.random(n) < 0.02) * (31 + 209 * random.random(n)) * MINUTE
    elapsed = np.cumsum(pause.astype(np.int64))
    ts = start[session] + elapsed - elapsed[first]
    # A visit that would go on after the window took place some days before.
    last = np.maximum.reduceat(ts, (ends - length)[length > 0])
    excess = np.maximum(-(-(last - (END - 2 * HOUR)) // DAY), 0) * DAY
    ts -= np.repeat(excess, length[length > 0])

    order = np.lexsort((ts, user[session]))
    drawn = {
        "user": user[session][order].astype(np.int64),
        "session": session[order].astype(np.int64),
        "position": (np.arange(n) - first)[order],
        "ts": ts[order],
    }
    return drawn | _conversations(random, drawn)


def _conversations(random: np.random.Generator, drawn: Columns) -> Columns:
    n = len(drawn["ts"])
    is_new_session = np.diff(drawn["session"], prepend=-1) != 0
    is_new_user = np.diff(drawn["user"], prepend=-1) != 0
    is_new = is_new_user | (random.random(n) < np.where(is_new_session, 0.8, 0.12))
    conversation = np.cumsum(is_new) - 1
    turn = np.arange(n) - np.flatnonzero(is_new)[conversation] + 1
    return {
        "id": np.arange(n),
        "conversation": conversation,
        "turn": turn,
        "is_regenerated": (turn > 1) & (random.random(n) < 0.03),
        "text_length": random.integers(20, 121, n),
    }


def responses(random: np.random.Generator, queries: Columns) -> Columns:
    """The calls of a model that serve the queries: attempts, retries of failed ones, steps."""
    n = len(queries["id"])
    is_called = random.random(n) >= 0.005
    chance = random.random(n)
    status = np.where(chance < 0.005, TIMEOUT, np.where(chance < 0.025, ERROR, SUCCESS))
    is_retried = is_called & (status != SUCCESS) & (random.random(n) < 0.7)
    has_step = is_called & (random.random(n) < 0.04)
    parts = []
    for kind, chosen in ((ATTEMPT, is_called), (RETRY, is_retried), (STEP, has_step)):
        of = np.flatnonzero(chosen)
        # Retries and steps succeed.
        parts.append((of, np.full(len(of), kind), status[of] * (kind == ATTEMPT)))
    of, kinds, status = (np.concatenate(column) for column in zip(*parts, strict=True))
    size = len(of)
    user, turn = queries["user"][of], queries["turn"][of]
    model = (user * 31 + (random.random(size) < 0.15) * random.integers(1, 6, size)) % len(MODELS)
    reads_cache = np.array([reads for *_, reads in MODELS])[model]
    input_tokens = (60 + 220 * np.minimum(turn, 40) * random.random(size)).astype(np.int64)
    cached = np.where(reads_cache & (turn > 1), input_tokens * 0.6 * random.random(size), 0)
    output_tokens = 10 + np.minimum(random.lognormal(4.8, 0.8, size), 4000).astype(np.int64)
    speed = np.array([speed for _, _, speed, _ in MODELS])[model]
    latency = 200 + output_tokens * speed * random.lognormal(0, 0.3, size)
    latency = np.where(status == TIMEOUT, 60_000, np.minimum(latency, 59_000)).astype(np.int64)
    # A retry follows the attempt, at the latest after its timeout.
    ts = queries["ts"][of] + 50 + latency + (kinds == RETRY) * (61 * SECOND)
    return {
        "id": of * 3 + kinds,
        "interaction": of,
        "user": user,
        "session": queries["session"][of],
        "conversation": queries["conversation"][of],
        "turn": turn,
        "ts": ts,
        "kind": kinds,
        "status": status,
        "model": model,
        "input_tokens": input_tokens,
        "cache_read_tokens": cached.astype(np.int64),
        "output_tokens": output_tokens,
        "latency": latency,
        "text_length": random.integers(20, 161, size),
    }


def feedback(random: np.random.Generator, calls: Columns) -> Columns:
    """Opinions on 8 % of the answers; 2 % of the votes are followed by the opposite one."""
    is_answer = (calls["kind"] != STEP) & (calls["status"] == SUCCESS)
    of = np.flatnonzero(is_answer & (random.random(len(is_answer)) < 0.08))
    kind = np.searchsorted([0.6, 0.85, 0.95], random.random(len(of)), side="right")
    ts = calls["ts"][of] + 3 * SECOND + (HOUR * random.random(len(of)) ** 4).astype(np.int64)
    again = np.flatnonzero((kind <= DOWN) & (random.random(len(of)) < 0.02))
    chosen = np.concatenate([np.arange(len(of)), again])
    of = of[chosen]
    return {
        "id": np.arange(len(of)),
        "response": calls["id"][of],
        "user": calls["user"][of],
        "session": calls["session"][of],
        "conversation": calls["conversation"][of],
        "ts": np.concatenate([ts, ts[again] + 40 * SECOND]),
        "kind": np.concatenate([kind, 1 - kind[again]]),
    }


def offline_sessions(random: np.random.Generator, queries: Columns) -> NDArray[np.bool_]:
    """By session: is all that happens in it sent only after the last day?"""
    n_sessions = int(queries["session"].max()) + 1
    start = np.full(n_sessions, END)
    np.minimum.at(start, queries["session"], queries["ts"])
    share = np.where(start >= END - 7 * DAY, 0.08, 0.0015)
    return np.asarray(random.random(n_sessions) < share)


def deliver(
    random: np.random.Generator, events: Columns, is_offline: NDArray[np.bool_]
) -> tuple[Ints, Ints]:
    """Which events arrive when: rows of `events` in order of arrival, and the arrivals.

    1 % of the events arrive hours or days late and 1 % are sent a second time within hours.
    """
    n = len(events["ts"])
    delay = 2 * SECOND + 120 * SECOND * random.random(n)
    delay = np.where(random.random(n) < 0.01, HOUR + 2.95 * DAY * random.random(n), delay)
    arrival = events["ts"] + delay.astype(np.int64)
    offline = is_offline[events["session"]]
    arrival[offline] = END + (DAY * random.random(int(offline.sum()))).astype(np.int64)
    again = np.flatnonzero(random.random(n) < 0.01)
    row = np.concatenate([np.arange(n), again])
    second = arrival[again] + (MINUTE + 2 * HOUR * random.random(len(again))).astype(np.int64)
    arrival = np.concatenate([arrival, second])
    order = np.argsort(arrival, kind="stable")
    return row[order], arrival[order]


def folders(arrival: Ints) -> list[tuple[str, slice]]:
    """The folder of each arrival; arrivals are in order."""
    week = 7 * DAY
    edges = [START + number * week for number in range(1, DAYS // 7)] + [LAST_DAY, END]
    names = [f"week-{number:02d}" for number in range(1, DAYS // 7 + 1)] + ["day", "late"]
    cuts = [0, *np.searchsorted(arrival, edges).tolist(), len(arrival)]
    return [
        (name, slice(first, last))
        for name, first, last in zip(names, cuts[:-1], cuts[1:], strict=True)
        if last > first
    ]


def texts(random: np.random.Generator) -> list[str]:
    """4096 texts of 160 characters and more, made of 3000 words."""
    letters = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz", dtype="S1")
    words = [
        b"".join(random.choice(letters, size)).decode()
        for size in random.integers(2, 11, 3000).tolist()
    ]
    chosen = random.integers(0, len(words), (4096, 60))
    return [" ".join(words[number] for number in row) for row in chosen.tolist()]


def write(out: Path, n: int, seed: int) -> dict[str, Any]:
    """Write the events of n interactions below a folder.

    Returns how many lines each folder has by stream, and how many of all are a second copy.
    """
    streams = np.random.SeedSequence(seed).spawn(8)
    random = [np.random.Generator(np.random.Philox(stream)) for stream in streams]
    queries = interactions(random[0], n)
    calls = responses(random[1], queries)
    opinions = feedback(random[2], calls)
    is_offline = offline_sessions(random[3], queries)
    with duckdb.connect() as connection:
        connection.execute("set variable texts = ?::varchar[]", [texts(random[4])])
        connection.execute("set variable providers = ?::varchar[]", [[row[0] for row in MODELS]])
        connection.execute("set variable models = ?::varchar[]", [[row[1] for row in MODELS]])
        lines: dict[str, dict[str, int]] = {}
        n_duplicates = 0
        named = {"queries": queries, "responses": calls, "feedback": opinions}
        for position, (stream, events) in enumerate(named.items()):
            row, arrival = deliver(random[5 + position], events, is_offline)
            n_duplicates += len(row) - len(events["ts"])
            for folder, part in folders(arrival):
                (out / folder).mkdir(parents=True, exist_ok=True)
                lines.setdefault(folder, {})[stream] = part.stop - part.start
                columns = {name: column[row[part]] for name, column in events.items()}
                connection.register("part", columns)
                target = (out / folder / f"{stream}.jsonl").as_posix().replace("'", "''")
                connection.execute(f"copy ({LINES[stream]}) to '{target}' (format json)")
                connection.unregister("part")
    return {"interactions": n, "seed": seed, "duplicates": n_duplicates, "lines": lines}


def main() -> int:
    """Writes the events, and what they are as JSON on standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--interactions", type=int, default=1_000_000)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    json.dump(write(given.out, given.interactions, given.seed), sys.stdout, indent=2)
    sys.stdout.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
