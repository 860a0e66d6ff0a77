"""Sentences that read like English, so that lengths and similarities of texts are real.

Pools are small and fixed; which entries a text takes is drawn by the caller.
"""

from __future__ import annotations

import functools
import itertools

import numpy as np

from .randomness import Integers

#: A query is opener + task + subject + detail, and one more word when it was reworded: then at
#: least 13 of 15 words stay. A task, a subject and a detail are made of a first and a second
#: half each; the next text of a conversation has others in every place, so that it shares little
#: more than "about" and "for".
#: Second halves of a task, of a subject, of a detail: an entry is first * SECOND_WORDS + second.
SECOND_WORDS = 8
OPENERS = (
    "please", "could you", "i need you to", "help me", "can someone", "i would like to",
    "let us", "next", "for tomorrow", "quickly", "as discussed earlier", "kindly",
)  # fmt: skip
TASKS = tuple(
    f"{verb} {thing}"
    for verb in (
        "summarise", "rewrite", "translate", "compare", "explain", "check", "extend", "shorten",
    )
    for thing in (
        "this quarterly sales report", "the customer interview notes", "our release announcement",
        "that difficult legal paragraph", "my weekly meeting minutes", "these survey results",
        "your previous pricing proposal", "one long support thread",
    )
)  # fmt: skip
SUBJECTS = tuple(
    f"about {adjective} {topic}"
    for adjective in (
        "delayed", "seasonal", "internal", "regional", "digital", "unusual", "european", "monthly",
    )
    for topic in (
        "warehouse deliveries", "café openings", "insurance claims", "battery suppliers",
        "hospital staffing", "railway tickets", "software licences", "wine exports",
    )
)  # fmt: skip
DETAILS = tuple(
    f"{manner} {audience}"
    for manner in (
        "using simple words for", "with concrete numbers for", "in a formal tone for",
        "as five bullet points for", "without technical jargon for", "keeping every date for",
    )
    for audience in (
        "new colleagues joining soon", "senior managers abroad", "impatient retail customers",
        "first year students", "external auditors visiting", "busy field engineers",
        "volunteer translators", "sceptical investors",
    )
)  # fmt: skip
#: The entry 0 adds nothing.
REWORDINGS = (
    "", " again", " briefly", " differently", " carefully", " now", " instead", " properly",
    " politely", " completely", " today", " better",
)  # fmt: skip

ANSWER_OPENERS = (
    "Here is what I found. ", "Of course. ", "In short: ", "Good question. ", "Certainly. ",
    "Let me explain. ", "Step by step: ", "The main point is this. ",
)  # fmt: skip
MAX_SENTENCES = 12
PARAGRAPHS_PER_SIZE = 200

PRAISE = (
    "Very helpful!", "Exactly what I needed, thank you.", "Great answer, clear and short.",
    "Perfect, that solved my problem.", "Love it, saved me an hour.",
    "Good explanation, easy to follow.",
)  # fmt: skip
COMPLAINTS = (
    "This is wrong.", "Useless answer, it ignored my question.", "Terrible, the numbers are false.",
    "Far too slow and still incorrect.", "Not what I asked for, very disappointing.",
    "The sources do not exist, I am annoyed.",
)  # fmt: skip

_SUBJECT_WORDS = (
    "The report", "This result", "Our estimate", "The second table", "Each region", "The supplier",
    "A careful reader", "The new policy", "The naïve forecast", "Every invoice",
)  # fmt: skip
_VERB_WORDS = (
    "shows", "confirms", "changes", "explains", "reduces", "improves", "contradicts", "supports",
)  # fmt: skip
_OBJECT_WORDS = (
    "the trend of the last year", "what the team had expected", "costs by about nine percent",
    "the delivery times in München", "most of the open questions", "a clear seasonal pattern",
    "the assumptions made before", "only a small part of the gap",
)  # fmt: skip
_ENDING_WORDS = (
    "on average", "in most cases", "for now", "as noted above", "at the end of June",
    "without exception", "in both files", "under these rules",
)  # fmt: skip


@functools.cache
def paragraphs() -> tuple[str, ...]:
    """Paragraphs of 1 to MAX_SENTENCES sentences, PARAGRAPHS_PER_SIZE of each size in turn."""
    rng = np.random.Generator(np.random.PCG64(20_240_320))
    parts = (_SUBJECT_WORDS, _VERB_WORDS, _OBJECT_WORDS, _ENDING_WORDS)
    n_sentences = PARAGRAPHS_PER_SIZE * MAX_SENTENCES * (MAX_SENTENCES + 1) // 2
    drawn = rng.integers(0, [len(part) for part in parts], (n_sentences, len(parts))).tolist()
    sentences = iter(
        " ".join(part[number] for part, number in zip(parts, row, strict=True)) + "."
        for row in drawn
    )
    return tuple(
        " ".join(itertools.islice(sentences, size))
        for size in range(1, MAX_SENTENCES + 1)
        for _ in range(PARAGRAPHS_PER_SIZE)
    )


def lengths(pool: tuple[str, ...]) -> Integers:
    """Length of each entry in characters."""
    return np.array([len(entry) for entry in pool], dtype=np.int64)
