"""A real public data set as events: the Chit-Chat conversations between people (MIT licence).

    python tests/python/support/chitchat.py FOLDER

writes FOLDER/queries.jsonl. Every message is a query of its sender; there are no responses.
Messages have no ids of their own, some are repeated word for word, and many share the second of the
one before, so that each gets an event id and a sequence number from its place in its conversation.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

#: Of the whole data set.
N_CONVERSATIONS = 7_168
N_QUERIES = 258_145
N_USERS = 1_315


def queries() -> Iterator[dict[str, Any]]:
    """Every message as a query event of the tracking plan, conversation by conversation."""
    import chitchat_dataset

    for conversation_id, conversation in chitchat_dataset.Dataset().items():
        number = 0
        # One side's uninterrupted messages form a block.
        for block in conversation["messages"]:
            for message in block:
                number += 1
                yield {
                    "event": "llm_query_sent",
                    "event_id": f"{conversation_id}:{number}",
                    "timestamp": message["timestamp"],
                    "sequence_number": number,
                    "user_id": message["sender"],
                    "conversation_id": conversation_id,
                    "query_text": message["text"],
                }


def write(folder: Path) -> Path:
    """Write all queries as JSON Lines into a folder, made if need be; returns the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "queries.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for query in queries():
            file.write(json.dumps(query, ensure_ascii=False, separators=(",", ":")) + "\n")
    return path


if __name__ == "__main__":
    print(write(Path(sys.argv[1])))
