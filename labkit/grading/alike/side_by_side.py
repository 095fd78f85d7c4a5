"""What a pair shares, as a page shows it: the odd things, each as the two groups wrote it, side by side.

Students wrote the texts: they are bounded and made harmless here, and escaped by the page's template.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from labkit.basics.pages.plain_text import shown
from labkit.exercises.catalogue import exercises
from labkit.grading.alike.background import Background, Feature
from labkit.grading.alike.fragments import Lines, comments, fragments, names, sentences, tokens_of
from labkit.grading.alike.pairs import Pair
from labkit.grading.texts import clean

MOST_PARTS, MOST_SENTENCES, MOST_TIMES, MOST_NAMES = 6, 5, 5, 5  # of a pair that are shown
MOST_LINES = 14  # of code
LONGEST, LONGEST_NAME = 1_200, 80  # characters of code or of a sentence, and of a name


@dataclass(frozen=True)
class Place:
    """A place where a pair agrees. title: the exercise, or whose prose. texts: as the first and the second wrote it."""

    title: str
    notes: tuple[str, ...]
    texts: tuple[tuple[str, str], ...]
    is_code: bool
    more: int = 0  # sentences that are not shown


@dataclass(frozen=True)
class Evidence:
    """What a page shows of a pair. facts: sentences on notebooks and runs; short: all of it in a few words."""

    facts: tuple[str, ...]
    places: tuple[Place, ...]
    more: int  # places that are not shown
    short: str


def evidence_of(pair: Pair, background: Background) -> Evidence:
    """Return what is to be shown of a pair."""
    places = [_place(pair, name, set(things), background) for name, things in list(pair.parts.items())[:MOST_PARTS]]
    facts = [f"The same notebook in every cell: {', '.join(pair.books)}."] if pair.books else []
    if pair.times:
        examples = "; ".join(f"{stem} {clean(time, LONGEST_NAME)}" for stem, time in pair.times[:MOST_TIMES])
        figures = f" Equal figures: {pair.figures}." if pair.figures else ""
        facts.append(f"{len(pair.times)} measured times are equal to all digits: {examples}.{figures}")
    code = [name for name in pair.parts if name in pair.first.code]
    sentence_count = sum(kind == "sentence" for things in pair.parts.values() for kind, _ in things)
    short = [f"same notebooks: {len(pair.books)}"] * bool(pair.books)
    short += [f"equal times: {len(pair.times)}"] * bool(pair.times)
    short += [f"sentences: {sentence_count}"] * bool(sentence_count)
    short += [f"code of {', '.join(code[:3])}{f' and {len(code) - 3} more' if len(code) > 3 else ''}"] * bool(code)
    return Evidence(tuple(facts), tuple(places), max(0, len(pair.parts) - MOST_PARTS), "; ".join(short))


def _place(pair: Pair, name: str, things: set[Feature], background: Background) -> Place:
    if name not in pair.first.prose:
        return _code(pair, name, things, background)
    ours, theirs = sentences(pair.first.prose[name]), sentences(pair.second.prose[name])
    same = sorted((words for words in ours if ("sentence", words) in things and words in theirs), key=len, reverse=True)
    texts = tuple((shown(ours[words], LONGEST), shown(theirs[words], LONGEST)) for words in same[:MOST_SENTENCES])
    rows = sum(kind == "words" for kind, _ in things)
    title = "The report's discussions" if name == "report" else f"The answers to the questions of {name}"
    notes = (f"{rows} times five words in a row that few others have; whole sentences: {len(same)}.",)
    return Place(title, notes, texts, False, len(same) - len(texts))


def _code(pair: Pair, name: str, things: set[Feature], background: Background) -> Place:
    notes = []
    if any(kind == "mistake" for kind, _ in things):
        notes.append(f"The same mistake, as the judge says: {clean(pair.first.mistakes.get(name, ''), 300)}")
    if same := sorted(str(what) for kind, what in things if kind == "name"):
        listed = ", ".join(clean(one, LONGEST_NAME) for one in same[:MOST_NAMES])
        notes.append(f"Names that few others have: {listed}.")
    if count := sum(kind == "comment" for kind, _ in things):
        notes.append(f"The same comments: {count}.")
    texts = [_lines(group.code.get(name, ""), things, background) for group in (pair.first, pair.second)]
    known = exercises().get(name)
    return Place(
        f"Exercise {name}{f': {known.title}' if known else ''}",
        tuple(notes),
        ((texts[0], texts[1]),) if any(texts) else (),
        True,
    )


def _lines(source: str, things: set[Feature], background: Background) -> str:
    """Return the lines of code in which what is shared stands."""
    tokens = tokens_of(source)
    found: list[tuple[Feature, Lines]] = [
        *((("code", what), lines) for what, lines in fragments(tokens, background.given, every=True).items()),
        *((("comment", what), lines) for what, lines in comments(tokens).items()),
        *((("name", what), lines) for what, lines in names(tokens).items()),
    ]
    wanted = _numbers(lines for thing, lines in found if thing in things)
    text = source.replace("\r\n", "\n").split("\n")
    picked, before = [], 0
    for number in wanted[:MOST_LINES]:
        if before and number > before + 1:
            picked.append("…")
        picked.append(text[number - 1] if number <= len(text) else "")
        before = number
    return shown("\n".join([*picked, "…"] if len(wanted) > MOST_LINES else picked), LONGEST)


def _numbers(places: Iterable[Lines]) -> list[int]:
    return sorted({number for first, last in places for number in range(first, min(last, first + MOST_LINES) + 1)})
