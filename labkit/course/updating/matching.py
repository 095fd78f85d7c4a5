"""Which cell of a student's notebook is which of the course's: by the release's own ids and texts, then by likeness.

A place is one cell of the course: as the student's release has it, as the newer one has it, or both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from typing import TypeVar

from labkit.course.updating.known_cells import PARAMETERS, Cell
from labkit.course.updating.stored_cells import StoredCell

ALIKE = 0.5  # of two texts: the share of words that they have in common, from which one is the other, edited
LEAST_WORDS = 5  # with fewer, many cells are alike
MOST_WORDS = 2_000  # that are compared; the course's longest cell has 700
Key = tuple[str, str]
EMPTY: Key = ("", "")  # the key of a cell that says nothing: it is like no other
Left = TypeVar("Left")
Right = TypeVar("Right")


@dataclass(frozen=True, eq=False)
class Place:
    """A cell of the course; old: in the student's release, where that is known; new: in the newer one."""

    old: StoredCell | None
    new: StoredCell | None

    @property
    def cell(self) -> StoredCell:
        """The newer of the two."""
        found = self.new or self.old
        assert found is not None
        return found

    @property
    def versions(self) -> tuple[StoredCell, ...]:
        """What there is of the two."""
        return tuple(cell for cell in (self.old, self.new) if cell)

    @cached_property
    def texts(self) -> set[str]:
        """The course's texts of this cell, none of which is a student's."""
        return {cell.text for cell in self.versions}

    @property
    def is_parameters(self) -> bool:
        """Whether papermill puts the parameters of a run behind it."""
        return PARAMETERS in self.cell.tags


def places_of(old: Sequence[StoredCell] | None, new: Sequence[StoredCell]) -> list[Place]:
    """Return the places of a notebook in the order of the newer release; what it took out stands where it stood.

    old: None where the student's release is not known.
    """
    if old is None:
        return [Place(None, cell) for cell in new]
    of_old = _exact(old, list(map(_key, old)), new, list(map(_key, new)))
    _in_gaps(old, new, of_old, lambda one, other: 0 if one.grade_id or other.grade_id else _likeness(one, other))
    of_new = {theirs: mine for mine, theirs in of_old.items()}
    places = [Place(of_new.get(cell), cell) for cell in new]
    at = 0
    for cell in old:
        if cell in of_old:
            at = 1 + next(index for index, place in enumerate(places) if place.old is cell)
        else:
            places.insert(at, Place(cell, None))
            at += 1
    return places


def match(
    mine: Sequence[StoredCell], graded: Mapping[StoredCell, Place], places: Sequence[Place]
) -> dict[StoredCell, Place]:
    """Return the place of each of the student's cells that comes from the course; the others are the student's own.

    graded: checks and answers, which are found already.
    """
    found: dict[StoredCell, Place] = dict(graded)
    ungraded = [place for place in places if not place.cell.grade_id]

    def free() -> tuple[list[StoredCell], list[Place]]:
        taken = set(found.values())
        return [cell for cell in mine if cell not in found], [place for place in ungraded if place not in taken]

    def take(fits: Callable[[StoredCell, Place], bool]) -> None:
        cells, open_places = free()
        for cell in cells:
            if place := next((place for place in open_places if fits(cell, place)), None):
                found[cell] = place
                open_places.remove(place)

    take(lambda cell, place: _same_id(cell, place) and cell.kind == place.cell.kind and cell.text in place.texts)
    for versions in ([(place, place.new) for place in ungraded], [(place, place.old) for place in ungraded]):
        cells, open_places = free()  # an update that was interrupted left newer cells; else what nobody changed is old
        keys = {place: _text_key(cell) for place, cell in versions if cell and place in open_places}
        found |= _exact(cells, list(map(_text_key, cells)), list(keys), list(keys.values()))
    take(lambda cell, place: place.is_parameters and PARAMETERS in cell.tags and cell.kind == "code")
    cells, open_places = free()
    if any(place.old for place in places):  # what is new in this release, nobody has edited
        open_places = [place for place in open_places if place.old]
    _in_gaps(mine, places, found, lambda cell, place: _fit(cell, place) if place in open_places else 0)
    return found


def _exact(
    left: Sequence[Left], left_keys: Sequence[Key], right: Sequence[Right], right_keys: Sequence[Key]
) -> dict[Left, Right]:
    """Return which of two lists are the same by their keys: first those in the same order, then those that moved."""
    matcher = SequenceMatcher(None, left_keys, right_keys, autojunk=False)
    pairs = {
        left[block.a + step]: right[block.b + step]
        for block in matcher.get_matching_blocks()
        for step in range(block.size)
        if left_keys[block.a + step] != EMPTY
    }
    taken = set(pairs.values())
    for one, key in zip(left, left_keys, strict=True):
        if one not in pairs and key != EMPTY:
            for other, other_key in zip(right, right_keys, strict=True):
                if other_key == key and other not in taken:
                    pairs[one] = other
                    taken.add(other)
                    break
    return pairs


def _key(cell: Cell) -> Key:
    return ("graded", cell.grade_id) if cell.grade_id else _text_key(cell)


def _text_key(cell: Cell) -> Key:
    text = cell.text
    return (cell.kind, text) if text else EMPTY


def _in_gaps(
    left: Sequence[Left], right: Sequence[Right], pairs: dict[Left, Right], fit: Callable[[Left, Right], float]
) -> None:
    """Pair what is left, each with what fits best between the partners of its neighbours; 0 fits not at all."""
    position = {one: index for index, one in enumerate(right)}
    taken = set(pairs.values())
    for one, low, high in list(_gaps(left, pairs, position)):
        open_places = [other for other in right[low:high] if other not in taken]
        fits = [(fit(one, other), -index) for index, other in enumerate(open_places)]
        best, index = max(fits, default=(0.0, 0))
        if best > 0:
            pairs[one] = open_places[-index]
            taken.add(open_places[-index])


def _gaps(
    left: Sequence[Left], pairs: Mapping[Left, Right], position: Mapping[Right, int]
) -> Iterator[tuple[Left, int, int]]:
    """Give what has no partner, and between which positions its partner may stand; anywhere, where order is lost."""
    for index, one in enumerate(left):
        if one in pairs:
            continue
        before = next((position[pairs[other]] for other in reversed(left[:index]) if other in pairs), -1)
        behind = next((position[pairs[other]] for other in left[index + 1 :] if other in pairs), len(position))
        yield (one, before + 1, behind) if before < behind else (one, 0, len(position))


def _fit(cell: StoredCell, place: Place) -> float:
    """Return how well a student's cell fits a place: an id of the release says more than any likeness."""
    if cell.kind != place.cell.kind or cell.grade_id:
        return 0
    return 2 if _same_id(cell, place) else _likeness(cell, place.old or place.cell)


def _same_id(cell: StoredCell, place: Place) -> bool:
    return place.old is not None and cell.id == place.old.id != ""


def _likeness(one: Cell, other: Cell) -> float:
    """Return the share of their words that two texts have in common, where it is enough to be the same cell; else 0."""
    first, second = (cell.text.split()[:MOST_WORDS] for cell in (one, other))
    if one.kind != other.kind or min(len(first), len(second)) < LEAST_WORDS:
        return 0
    matcher = SequenceMatcher(None, first, second, autojunk=False)
    enough = matcher.real_quick_ratio() >= ALIKE and matcher.quick_ratio() >= ALIKE
    ratio = matcher.ratio() if enough else 0
    return ratio if ratio >= ALIKE else 0
