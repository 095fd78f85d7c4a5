"""Who belongs to which group: lists in every form, and the order in which platform, list and claim are believed."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from labkit.basics.errors import UsageError
from labkit.grading.intake.groups import Groups, read_groups, settle_people
from labkit.grading.intake.people import Person
from labkit.grading.intake.reading.claims import Membership, read_membership
from labkit.grading.intake.submissions import Submission

CANVAS = """name,canvas_user_id,user_id,login_id,sections,group_name,canvas_group_id,group_id
"Lee, Mia",12345,u1,ab12,A,Lab_2 grupp,77,
"Åkesson, Bo",12346,u2,cd34,A,Lab_2 grupp,77,
"王, 芳",12347,u3,ef56,A,3,78,
Nobody,12348,u4,gh78,A,,,
"""
MIA, BO = Person("12345", "Lee, Mia", "ab12"), Person("12346", "Åkesson, Bo", "cd34")
WANG = Person("12347", "王, 芳", "ef56")


@pytest.fixture
def listed(tmp_path: Path):
    counter = itertools.count()

    def write(text: str | bytes) -> Groups:
        path = tmp_path / f"groups{next(counter)}.csv"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return read_groups(path)

    return write


def handed_in(name: str, **more: object) -> Submission:
    return Submission(name=name, **{"student": name, **more})  # type: ignore[arg-type]


def who(submissions: list[Submission]) -> dict[str, tuple[str, list[str]]]:
    return {one.name: (one.group, [person.login or person.id for person in one.people]) for one in submissions}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_canvas_export_in_the_forms_that_spreadsheets_make_of_it(listed, encoding, separator) -> None:
    text = CANVAS if separator == "," else CANVAS.replace('"', "").replace(", ", " ").replace(",", separator)
    groups = listed(text.replace("\n", "\r\n").encode(encoding)).groups
    assert {group: [person.login for person in people] for group, people in groups.items()} == {
        "Lab_2 grupp": ["ab12", "cd34"],
        "3": ["ef56"],
    }
    assert groups["3"][0].id == "12347"
    assert "芳" in groups["3"][0].name


@pytest.mark.parametrize(
    ("text", "people"),
    [
        ("group,login\n1,ab12\n1,cd34\n", {"1": [Person(login="ab12"), Person(login="cd34")]}),
        ("Group;Email address\nA;mia@x.org\n\n", {"A": [Person(email="mia@x.org")]}),
        ("Team,First name,Last name\nA,Mia,Lee\nA,Mia,Lee\n", {"A": [Person(name="Mia Lee")]}),
        ("username,group\nab12\ncd34,\nef56,B\n", {"B": [Person(login="ef56")]}),
    ],
)
def test_lists_by_hand(listed, text, people) -> None:
    assert {group: list(members) for group, members in listed(text).groups.items()} == people


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name,login\nMia,ab12\n", "needs a column 'group'"),
        ("group,points\n1,2\n", "needs a column 'group'"),
        ("", "has nothing"),
        ("group,login\n1,ab12\n2,AB12\n", "has ab12 in 1 and in 2: take one of them out"),
    ],
)
def test_what_is_no_list_of_groups_is_a_sentence(listed, text, sentence) -> None:
    with pytest.raises(UsageError, match=sentence):
        listed(text)


def test_a_list_that_is_not_there_is_a_sentence(tmp_path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_groups(tmp_path / "nowhere.csv")


def test_one_members_upload_stands_for_the_group(listed) -> None:
    groups = listed(CANVAS)
    by_id = handed_in("lab-2-grupp-12346", student="lab_2_grupp", user="12346")
    settled = settle_people([by_id, handed_in("nobody-12348", user="12348")], groups)
    assert who(settled) == {"lab-2-grupp-12346": ("Lab_2 grupp", ["ab12", "cd34"]), "nobody-12348": ("", [])}
    assert not any(one.problems for one in settled)
    by_name = settle_people([handed_in("x", student="lab2grupp")], groups)  # folders know names alone
    assert who(by_name) == {"x": ("Lab_2 grupp", ["ab12", "cd34"])}


def test_where_each_member_handed_in_each_stands_for_itself(listed) -> None:
    own = [handed_in("leemia-12345", user="12345"), handed_in("akessonbo-12346", user="12346")]
    assert who(settle_people(own, listed(CANVAS))) == {
        "leemia-12345": ("Lab_2 grupp", ["ab12"]),
        "akessonbo-12346": ("Lab_2 grupp", ["cd34"]),
    }


def test_a_claim_that_contradicts_is_a_remark_and_gives_nobody_a_grade(listed) -> None:
    claim = Membership("Winners", ("ab12", "ef56"))
    [settled] = settle_people([handed_in("g", user="12345", membership=claim)], listed(CANVAS))
    assert who([settled]) == {"g": ("Lab_2 grupp", ["ab12", "cd34"])}
    assert settled.problems == ("Its submission.json names members who are known to be none: ef56.",)


def test_the_platform_comes_before_the_list(listed) -> None:
    told = handed_in("g", user="12345", group="G", people=(MIA, WANG), membership=Membership("", ("cd34",)))
    [settled] = settle_people([told], listed(CANVAS))
    assert who([settled]) == {"g": ("G", ["ab12", "ef56"])}
    assert settled.problems == (
        "groups0.csv has Åkesson, Bo (cd34) in Lab_2 grupp, but the platform does not.",
        "Its submission.json names members who are known to be none: cd34.",
    )


def test_claims_alone() -> None:
    group, single = Membership("Grupp 7", ("ab12", "cd34")), Membership("solo", ("ef56",))
    settled = settle_people(
        [handed_in("a", membership=group), handed_in("b", user="9", membership=single), handed_in("c")]
    )
    assert who(settled) == {"a": ("Grupp 7", ["ab12", "cd34"]), "b": ("", ["ef56"]), "c": ("", [])}
    assert settled[1].people[0].id == "9"
    both = settle_people([handed_in("a", user="1", membership=group), handed_in("b", user="2", membership=group)])
    assert who(both) == {"a": ("Grupp 7", []), "b": ("Grupp 7", [])}  # each member handed it in: nobody has two rows


def test_a_person_in_two_submissions_is_told_in_both() -> None:
    first, second = Membership("A", ("ab12", "cd34")), Membership("B", ("AB12", "ef56"))
    settled = settle_people([handed_in("a", membership=first), handed_in("b", membership=second)])
    assert [one.problems for one in settled] == [
        ("ab12 stands in another submission, too: b.",),
        ("AB12 stands in another submission, too: a.",),
    ]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({"group": "G", "members": ["ab12", "ab12", " cd34 ", "", 7, None]}, Membership("G", ("ab12", "cd34"))),
        ({"members": "ab12"}, None),
        ({"group": 3, "members": {"a": 1}}, None),
        (["ab12"], None),
        (None, None),
        ({"members": [str(number) for number in range(100)]}, Membership("", tuple(map(str, range(20))))),
    ],
)
def test_a_submission_json_is_read_within_bounds(content, found) -> None:
    assert read_membership(content) == found


def test_people_of_one_name_are_not_one_person() -> None:
    told = (Person("1", "Mia Lee"), Person("2", "Mia Lee"))
    settled = settle_people([handed_in("a", people=told[:1]), handed_in("b", people=told[1:])])
    assert not any(one.problems for one in settled)
