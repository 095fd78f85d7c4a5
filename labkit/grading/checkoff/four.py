"""Which four questions a group gets: one of each kind, and never the same four as the groups beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from labkit.grading.checkoff.questions import Group, Question, fill
from labkit.grading.checkoff.templates import CODE, COURSE, FIGURE, KINDS, NUMBER, Template

FOUR = 4
FILLED_UP = (COURSE, NUMBER, CODE, FIGURE)  # what comes in place of a kind that a group has nothing for
AT_MOST = {FIGURE: 1, CODE: 2}  # on one page


def draw(
    templates: Mapping[str, Template], groups: Sequence[Group], kept: Mapping[str, Sequence[str]]
) -> Iterator[tuple[Group, list[Question]]]:
    """Yield each group, in the order of the benches, with its questions; fewer than four where no more can be filled.

    kept: names of questions that were drawn before, by submission. They stay while all of them can be filled, so that
    a page that was printed holds; other groups' results do not change it.
    """
    before: list[Question] = []
    for place, group in enumerate(groups):
        behind = groups[place + 1].submission if place + 1 < len(groups) else ""
        beside = {question.name for question in before}, set(kept.get(behind, ()))
        questions = _again(templates, group, kept.get(group.submission, ()))
        if not questions or _same(questions, before):
            questions = _drawn(templates, group, beside)
        if _same(questions, before):  # neither has anything else
            questions = questions[:-1]
        yield group, questions
        before = questions


def _same(questions: Sequence[Question], others: Sequence[Question]) -> bool:
    return bool(questions) and {one.name for one in questions} == {one.name for one in others}


def _again(templates: Mapping[str, Template], group: Group, names: Sequence[str]) -> list[Question]:
    """Return the questions of these names; none unless each of them can be filled."""
    filled = [fill(templates[name], group) if name in templates else None for name in names]
    return [question for question in filled if question] if all(filled) else []


def _drawn(templates: Mapping[str, Template], group: Group, beside: Sequence[set[str]]) -> list[Question]:
    """Return new questions: those of the groups beside it come last, and before them more of a notebook's."""
    rng, others = group.random("order"), set().union(*beside)
    order = [list(templates)[place] for place in rng.permutation(len(templates))]
    found: dict[str, Question] = {}

    def take(kind: str) -> bool:
        taken = {templates[name].notebook for name in found}
        candidates = [name for name in order if templates[name].kind == kind and name not in found]
        candidates.sort(key=lambda name: (name in others, templates[name].notebook in taken))  # else in random order
        for name in candidates:
            if question := fill(templates[name], group):
                found[name] = question
                return True
        return False

    for kind in KINDS:
        take(kind)
    for kind in FILLED_UP:
        while len(found) < FOUR and _count(found, kind) < AT_MOST.get(kind, FOUR) and take(kind):
            pass
    if found and any(found.keys() == names for names in beside):
        *_, last = found
        for name in order:
            fits = name not in found and templates[name].kind in (COURSE, NUMBER, templates[last].kind)
            if fits and (question := fill(templates[name], group)):
                del found[last]
                found[name] = question
                break
    return sorted(found.values(), key=lambda question: KINDS.index(question.kind))


def _count(found: Mapping[str, Question], kind: str) -> int:
    return sum(question.kind == kind for question in found.values())
