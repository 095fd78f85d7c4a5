"""Answers that are nearly the same: offered to a grader, and never marked by themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

LEAST = 0.75  # cosine of the angle between two answers' vectors of letters
LONGEST = 5_000  # characters that are compared


def nearest_marked(texts: Sequence[str], place: int, is_marked: Callable[[int], bool]) -> int | None:
    """Return the place of the marked answer that is most like the one in `place`; None where none is near.

    Likeness is the cosine of TF-IDF weights of runs of three to five characters, inside of words.
    """
    if len(texts) < 2:
        return None
    row = _likeness(tuple(text[:LONGEST] for text in texts))[place]
    order = sorted((other for other in range(len(texts)) if other != place), key=lambda other: -row[other])
    return next((other for other in order if row[other] >= LEAST and is_marked(other)), None)


@lru_cache(maxsize=8)
def _likeness(texts: tuple[str, ...]) -> list[list[float]]:
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), lowercase=True, sublinear_tf=True)
    try:
        vectors = vectorizer.fit_transform(texts)
    except ValueError:  # no letter in any of them
        return [[0.0] * len(texts) for _ in texts]
    found: list[list[float]] = (vectors @ vectors.T).toarray().tolist()
    return found
