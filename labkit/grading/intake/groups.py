"""Who belongs to which group: a list that a TA gives, and the members of each submission, settled from all of it.

The platform comes first, then the list, then the submission's own submission.json. What contradicts one of higher rank
is a remark, and changes nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from labkit.basics.errors import UsageError
from labkit.grading.intake.people import Person
from labkit.grading.intake.reading.claims import Membership
from labkit.grading.intake.submissions import Submission
from labkit.grading.intake.tables import read_table
from labkit.grading.texts import clean, joined

LONGEST = 200  # characters of a cell
# What platforms and people call a column, as `texts.joined` leaves it. Canvas' export of a group set is among them.
COLUMNS = {
    "group": ("groupname", "group", "groups", "team", "teamname", "grupp", "gruppe"),
    "id": ("canvasuserid", "id", "studentid", "sid", "participant", "participantid", "orgdefinedid"),
    "login": ("loginid", "login", "sisloginid", "username", "user", "uid", "member", "kthid"),
    "name": ("name", "student", "fullname", "displayname", "membername"),
    "first": ("firstname", "givenname"),
    "last": ("lastname", "surname", "familyname"),
    "email": ("email", "emailaddress", "mail"),
}


@dataclass(frozen=True)
class Groups:
    """The groups of a class by their names, as a file tells them, and where it lies."""

    path: Path
    groups: dict[str, tuple[Person, ...]]

    def of_name(self, name: str) -> str:
        """Return the group of this name, however a platform wrote it; "" for none, or for several."""
        fits = [group for group in self.groups if name and joined(group) == joined(name)]
        return fits[0] if len(fits) == 1 else ""

    def of_person(self, person: Person) -> str:
        """Return the group that a person is in; "" for none."""
        return next((group for group, people in self.groups.items() if find(person, people)), "")


def read_groups(path: Path) -> Groups:
    """Return the groups in a CSV file with a row a person: a column for the group, and one for the id, login or name.

    Canvas' export of a group set is such a file; so is "group,login" by hand. Who has no group is passed over.
    UsageError for a file that cannot be read, lacks these columns, or names a person in two groups.
    """
    header, *table = read_table(path, "list of groups")
    places = {kind: place for kind, names in COLUMNS.items() if (place := _place(header, names)) is not None}
    if "group" not in places or not places.keys() & {"id", "login", "name", "email", "last"}:
        shown = ", ".join(header[:12]) or "nothing"
        raise UsageError(
            f"{path} must name a group and a person in each row: its first line needs a column 'group' and a column "
            f"'id', 'login', 'email' or 'name', and has {clean(shown, LONGEST)}."
        )
    groups: dict[str, list[Person]] = defaultdict(list)
    for line in table:
        told = {kind: clean(line[place], LONGEST) for kind, place in places.items() if place < len(line)}
        full = " ".join(filter(None, (told.get("first"), told.get("last"))))
        person = Person(told.get("id", ""), told.get("name") or full, told.get("login", ""), told.get("email", ""))
        if told.get("group") and person != Person():
            groups[told["group"]].append(person)
    found = Groups(path, {group: tuple(dict.fromkeys(people)) for group, people in groups.items()})
    for group, people in found.groups.items():
        for person in people:
            others = [other for other, rest in found.groups.items() if other != group and find(person, rest)]
            if others and (person.id or person.login or person.email):
                raise UsageError(f"{path} has {describe(person)} in {group} and in {others[0]}: take one of them out.")
    return found


def settle_people(submissions: Sequence[Submission], groups: Groups | None = None) -> list[Submission]:
    """Return the submissions with their group and people, and a problem for each claim that nothing bears out.

    Where one member of a group of the list handed in, it stands for all of them, as Canvas packs what is graded as a
    group. Where several members did, each stands for itself.
    """
    placed = {submission.name: _group_of(submission, groups) for submission in submissions}
    often = Counter(group for group in placed.values() if group)
    claimed_often = Counter(submission.membership for submission in submissions)
    settled = []
    for submission in submissions:
        own = Person(clean(submission.user), clean(submission.student, LONGEST))
        people, group, problems = submission.people, submission.group, []
        claim, listed = submission.membership or Membership(), placed[submission.name]
        if groups and listed:
            told, file = groups.groups[listed], groups.path.name
            group = group or listed
            if len(people) > 1:  # the platform knows its members
                absent = ", ".join(describe(person) for person in told if not find(person, people))
                problems += [f"{file} has {absent} in {listed}, but the platform does not."] if absent else []
            elif often[listed] == 1:
                people = told
            else:
                mine = find(people[0] if people else own, told)
                people = (mine or own,)
                if not mine:
                    problems.append(f"It is of {listed}, as others are, and {file} does not tell whose of them it is.")
        if people:
            strangers = [member for member in claim.members if not find(Person(login=member), people)]
            if strangers and all(person.login or person.email for person in people):
                shown = clean(", ".join(strangers), LONGEST)
                problems.append(f"Its submission.json names members who are known to be none: {shown}.")
        elif claimed_often[submission.membership] == 1 and claim.members:
            logins = [clean(member, LONGEST) for member in claim.members]
            alone = len(logins) == 1
            people = (replace(own, login=logins[0]),) if alone else tuple(Person(login=login) for login in logins)
            group = "" if alone else clean(claim.group, LONGEST)
        else:  # each of them handed in the same
            group = group or (clean(claim.group, LONGEST) if len(claim.members) > 1 else "")
        settled.append(replace(submission, people=people, group=group, problems=(*submission.problems, *problems)))
    return _with_doubles_told(settled)


def find(person: Person, people: Iterable[Person]) -> Person | None:
    """Return who of some people a person is: by id, login or address, else by the name."""
    named = []
    for other in people:
        if (same := _same(person, other)) is None and person.name and joined(other.name) == joined(person.name):
            named.append(other)
        if same:
            return other
    return named[0] if len(named) == 1 else None


def describe(person: Person) -> str:
    """Return a person in words."""
    known = person.login or person.email or person.id
    return f"{person.name} ({known})" if person.name and known else person.name or known or "nobody"


def _same(one: Person, other: Person) -> bool | None:
    """Whether two are the same person; None where they tell nothing that can be compared."""
    if one.id and other.id:
        return one.id == other.id
    pairs = [
        (one.login, other.login),
        (one.email, other.email),
        (one.login, other.email if "@" in one.login else other.email.partition("@")[0]),
        (one.email if "@" in other.login else one.email.partition("@")[0], other.login),
    ]
    told = [(left.casefold(), right.casefold()) for left, right in pairs if left and right]
    return any(left == right for left, right in told) if told else None


def _group_of(submission: Submission, groups: Groups | None) -> str:
    """Return the list's group of a submission: by the platform's name for it, its people, its own id, or its name."""
    if groups is None:
        return ""
    own = Person(submission.user, submission.student, login=submission.student)
    tries = (
        groups.of_name(submission.group),
        *(groups.of_person(person) for person in submission.people),
        groups.of_person(own) if submission.user or submission.student else "",
        groups.of_name(submission.student),
    )
    return next(filter(None, tries), "")


def _with_doubles_told(submissions: list[Submission]) -> list[Submission]:
    """Say where one person would get the points of two submissions."""
    holders: dict[str, list[tuple[Submission, Person]]] = defaultdict(list)  # by what a person may be known by
    for submission in submissions:
        for person in submission.people:
            for key in _keys(person):
                holders[key].append((submission, person))
    told = []
    for submission in submissions:
        problems = []
        for person in submission.people:
            others = {
                other.name
                for key in _keys(person)
                for other, somebody in holders[key]
                if other.name != submission.name and _same(person, somebody)
            }
            if others:
                shown = ", ".join(sorted(others)[:3])
                problems.append(f"{describe(person)} stands in another submission, too: {shown}.")
        told.append(replace(submission, problems=(*submission.problems, *problems)) if problems else submission)
    return told


def _keys(person: Person) -> set[str]:
    return {text.casefold().partition("@")[0] for text in (person.id, person.login, person.email) if text}


def _place(header: Sequence[str], names: Sequence[str]) -> int | None:
    """Return where the first of these columns stands."""
    plain = [joined(cell) for cell in header]
    return next((plain.index(name) for name in names if name in plain), None)
