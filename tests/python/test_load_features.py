"""Signatures of texts: keyed, independent of their neighbours, and as exact as documented."""

from __future__ import annotations

import random

import numpy as np

from llm_analytics.loading.text_features import (
    TextFeatures,
    equal_positions,
    estimated_jaccard,
    estimator_error,
)


def _joined(texts: list[str]) -> bytes:
    return "".join(f"{text}\0" for text in texts).encode()


def _signatures(texts: list[str], key: bytes = b"") -> list[tuple[int, int]]:
    _, first, second = TextFeatures(key).signatures(_joined(texts))
    return list(zip(first.tolist(), second.tolist(), strict=True))


def test_the_estimate_is_unbiased_and_its_error_is_the_documented_one() -> None:
    generator = random.Random(5)  # noqa: S311
    vocabulary = [f"w{number}" for number in range(400)]
    for shared in (2, 6, 9):
        texts = []
        for _ in range(3000):
            words = generator.sample(vocabulary, 20 - shared)
            texts += [" ".join(words[:10]), " ".join(words[-10:])]
        signatures = _signatures(texts)
        truth = shared / (20 - shared)
        errors = np.array(
            [
                estimated_jaccard(equal_positions(one, other)) - truth
                for one, other in zip(signatures[::2], signatures[1::2], strict=True)
            ]
        )
        expected = estimator_error(truth)
        assert abs(errors.mean()) < 4 * expected / np.sqrt(len(errors))
        assert 0.9 < errors.std() / expected < 1.1


def test_words_are_a_set_without_case_order_or_punctuation() -> None:
    same = ["Wie geht's dir, heute?", "heute: DIR geht s wie", "wie\twie geht s dir heute!!"]
    assert len(set(_signatures(same))) == 1
    counts = TextFeatures().signatures(_joined([*same, "", " ?! ", "größe GRÖSSE"]))[0].tolist()
    assert counts == [5, 5, 6, 0, 0, 2]
    assert len(set(_signatures(["Größe", "größe", "grosse"]))) == 2


def test_a_signature_depends_on_the_key_and_the_text_alone() -> None:
    generator = random.Random(6)  # noqa: S311
    texts = [
        " ".join(generator.choices(["alpha", "beta", "gamma", "ä", "1"], k=generator.randrange(40)))
        for _ in range(3000)
    ]
    texts += ["long " + " ".join(str(number) for number in range(40_000)), "end"]
    whole = _signatures(texts, b"k")
    assert [_signatures([text], b"k")[0] for text in texts[::97]] == whole[::97]
    assert _signatures([texts[-2]], b"k")[0] == whole[-2]
    assert _signatures(["alpha beta"], b"k") != _signatures(["alpha beta"], b"other")


def test_a_signature_never_changes() -> None:
    # Stored signatures are compared with later ones: a new algorithm would need a new column.
    assert _signatures(["how do I sort a list in python"]) == [PINNED]


PINNED = (8610198090113705861, -480658558512855767)
