"""What a group wrote as things that can be shared, without what the course itself says."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from labkit.grading.alike.fragments import (
    comments,
    fragments,
    imported,
    in_a_row,
    names,
    sentences,
    tokens_of,
    words_of,
)
from labkit.grading.alike.written import Group

Feature = tuple[str, Hashable]  # its kind ("code", "comment", "name", "mistake", "words", "sentence"), and what it is
Parts = dict[str, set[Feature]]  # by exercise, by notebook (the answers to its questions), and of the report


@dataclass(frozen=True)
class Background:
    """What the course itself says. given: names that keep their own in fragments."""

    given: frozenset[str]
    features: frozenset[Feature]

    @classmethod
    def of(cls, code: Iterable[str], prose: Iterable[str]) -> Background:
        """Return all that stands in texts of the course."""
        code = list(code)
        given = frozenset(name for source in code for name in imported(source))
        features = {feature for source in code for feature in code_features(source, given, every=True)}
        return cls(given, frozenset(features | {feature for text in prose for feature in prose_features(text)}))

    def parts(self, group: Group) -> Parts:
        """Return what a group's answers hold of its own, by where it stands."""
        parts = {place: code_features(source, self.given) for place, source in group.code.items()}
        parts |= {place: prose_features(text) for place, text in group.prose.items()}
        for place, message in group.mistakes.items():
            parts.setdefault(place, set()).add(("mistake", (place, *words_of(message))))
        return {place: self._own(features) for place, features in parts.items()}

    def _own(self, features: set[Feature]) -> set[Feature]:
        """Take off what is the course's, and sentences that the course says with other words between."""
        return {
            (kind, what)
            for kind, what in features - self.features
            if not (kind == "sentence" and isinstance(what, tuple) and self._said(what))
        }

    def _said(self, words: tuple[str, ...]) -> bool:
        rows = in_a_row(words)
        return 2 * sum(("words", hash(row)) in self.features for row in rows) >= len(rows)


def code_features(source: str, given: frozenset[str], every: bool = False) -> set[Feature]:
    """Return what there is in code. every: all fragments, as of what is taken off."""
    tokens = tokens_of(source)
    found: set[Feature] = {("code", fragment) for fragment in fragments(tokens, given, every)}
    found |= {("comment", comment) for comment in comments(tokens)}
    return found | {("name", name) for name in names(tokens)}


def prose_features(text: str) -> set[Feature]:
    """Return what there is in prose."""
    found: set[Feature] = {("words", hash(row)) for row in in_a_row(words_of(text))}
    return found | {("sentence", sentence) for sentence in sentences(text)}
