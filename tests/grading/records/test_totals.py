"""What each person gets, and where it comes from; and the properties that totals have whatever people decide."""

import dataclasses
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.exercises.catalogue import exercises
from labkit.grading.intake.people import HandedIn, Person
from labkit.grading.records.batch_file import BatchFile
from labkit.grading.records.gradebook import Row
from labkit.grading.records.ledger import Entry, append_entry, read_ledger
from labkit.grading.records.policy import Late, Policy
from labkit.grading.records.totals import faults, shared_totals, totals

ZONE = ZoneInfo("Europe/Stockholm")
DUE = datetime(2026, 11, 30, 22, 59, tzinfo=UTC)
ALL = sum(exercise.points for exercise in exercises().values())
LATE = Late(DUE, ZONE, timedelta(minutes=15), "day", Decimal("0.1"), Decimal("0.4"))
WEIGHTS = {"exercises": Decimal(40), "report": Decimal(30)}
MIA, BO = Person("201", "Mia Lee", "ab12"), Person("202", "Bo Ek", "cd34")
TERM = re.compile(r"(?:(= |[+-] ))(\d+(?:\.\d+)?) \(([^)]*)\)")


def row(points=30, name="lab-7", late=False, **changed):
    """Return a row whose exercises have these points in all, the first exercises most."""
    given, left = {}, points or 0
    for exercise in exercises().values():
        given[exercise.id] = min(exercise.points, left)
        left -= given[exercise.id]
    values = {"status": "passed", "remarks": (), "total": points}
    return Row(name, "Lab 7", "201", late, given, **(values | changed))


def handed(submitted="", people=(MIA, BO), name="lab-7"):
    return HandedIn(name=name, student="Lab 7", user="201", group="Lab 7", people=people, submitted=submitted)


def line(what, who="lab-7", minute=0, **values):
    at = (datetime(2026, 12, 5, tzinfo=UTC) + timedelta(minutes=minute)).isoformat()
    for name in ("points", "factor"):
        if name in values:
            values[name] = Decimal(str(values[name]))
    return Entry(at, "ta", who, what, values.pop("reason", "looked at it"), **values)


def count(lines=(), policy=None, made=None, in_=None):
    """Return the totals of one group of two, Mia's first."""
    return totals([made or row()], BatchFile("canvas", (in_ or handed(),)), lines, policy)


def said_by(story):
    """Return what an equation in a story says: its total, and the sum of its terms."""
    total = Decimal(story.split(" = ")[0])
    terms = TERM.findall("= " + story.split(" = ", 1)[1].partition(").")[0] + ")")
    return total, sum((Decimal(number) * (-1 if sign == "- " else 1) for sign, number, _ in terms), Decimal(0))


def test_without_policy_and_ledger_everybody_gets_what_the_exercises_brought():
    mia, bo = count()
    assert (mia.person, bo.person, mia.group, mia.submission) == (MIA, BO, "Lab 7", "lab-7")
    assert (mia.points, bo.points, mia.possible, mia.story) == (30, 30, ALL, "30 = 30 (exercises).")
    assert not isinstance(mia.points, float)


def test_a_submission_of_nobody_known_stands_for_itself():
    (total,) = totals([row()], BatchFile("folders", ()))
    assert (total.person, total.points) == (Person("201", "Lab 7"), 30)


def test_weights_late_days_and_a_report_make_a_total():
    half = Decimal(ALL) / 2
    policy = Policy({"exercises": half, "report": 100 - half}, None, Decimal("0.5"), LATE)
    marked = line("regrade", item="report", points=24)
    mia, _ = count([marked], policy, row(20), handed("2026-12-01T23:00:00+01:00"))
    assert (mia.points, mia.possible) == (24, 100)
    assert mia.story == f"24 = 10 (exercises, 20 of {ALL}) + 24 (report) - 10 (late 1 day). " + (
        "report: 24 points (ta: looked at it)."
    )


def test_a_scale_is_the_possible_points_and_what_is_shown_adds_up():
    policy = Policy(WEIGHTS, Decimal(20), Decimal("0.5"))
    mia, _ = count([line("regrade", item="report", points=14.5)], policy, row(19))
    exact = (Fraction(40 * 19, ALL) + Fraction(29, 2)) * Fraction(20, 70)
    assert (mia.points, mia.possible) == (int(2 * exact + Fraction(1, 2)) / 2, 20)
    total, terms = said_by(mia.story)
    assert total == terms
    assert "(report, 14.5 of 30)" in mia.story
    assert "(rounded)" in mia.story


@pytest.mark.parametrize(
    ("points", "step", "expected"),
    [("0.25", "0.5", 0.5), ("0.24", "0.5", 0), ("0.15", "0.1", 0.2), ("2.675", "0.01", 2.68)],
)
def test_halves_are_rounded_up_as_decimals_are_written(points, step, expected):
    policy = Policy({"report": Decimal(5)}, None, Decimal(step))
    assert count([line("regrade", item="report", points=points)], policy)[0].points == expected


def test_a_part_without_points_is_not_marked_yet_and_never_0():
    policy = Policy({**WEIGHTS, "questions": Decimal(30)})
    mia, _ = count([], policy)
    assert (mia.points, mia.story) == (None, "Not marked yet: questions, report.")
    mia, _ = count([line("regrade", item="report", points=0)], policy)
    assert (mia.points, mia.story) == (None, "Not marked yet: questions.")
    both = [line("regrade", item=item, points=0) for item in ("report", "questions")]
    assert count(both, policy, row(0))[0].points == 0


def test_what_is_not_graded_has_no_total_and_a_person_says_what_scripts_are_worth():
    waiting = row(None, status="not graded", gaps="Not graded yet: 05_x.")
    mia, _ = count([], None, waiting)
    assert (mia.points, mia.story, mia.todo) == (None, "Not graded yet: 05_x.", "")
    scripts = row(None, status="missing", gaps="It holds no notebook that could be executed.")
    mia, _ = count([], None, scripts)
    assert (mia.points, mia.story) == (None, "It holds no notebook that could be executed.")
    assert "labkit regrade lab-7 exercises --points 0" in mia.todo
    mia, _ = count([line("regrade", item="exercises", points=9)], None, scripts)
    assert mia.story == "9 = 9 (exercises). exercises: 9 points (ta: looked at it)."


def test_the_newest_regrade_counts_and_says_who_and_why():
    exercise = exercises()["1.1"]
    new = line("regrade", minute=9, item="1.1", points=0.5, reason="half of it is right.")
    old = line("regrade", item="1.1", points=exercise.points)
    for lines in ([new, old], [old, new]):
        mia, bo = count(lines)
        assert (mia.points, bo.points) == (30 - exercise.points + 0.5,) * 2
        assert mia.story.endswith(f". 1.1: 0.5 points in place of {exercise.points} (ta: half of it is right).")
        assert mia.exercises["1.1"] == 0.5


def test_a_members_own_adjustment_goes_to_that_member_alone():
    lines = [
        line("adjust", "lab-7", points=2, reason="tidy code"),
        line("adjust", "AB12", factor=0.5, reason="did little"),
        line("adjust", "ab12", points=-1, reason="came late"),
    ]
    batch = BatchFile("canvas", (handed(),))
    mia, bo = totals([row()], batch, lines)
    assert mia.points == 30 * 0.5 + 2 - 1
    assert bo.story == "32 = 30 (exercises) + 2 (adjusted). Adjusted by 2 (ta: tidy code)."
    assert "- 15 (factor 0.5)" in mia.story
    everybodys = shared_totals([row()], batch, lines)["lab-7"]
    assert (everybodys.points, everybodys.story) == (bo.points, bo.story)
    alone = handed(people=(MIA,))
    assert shared_totals([row()], BatchFile("canvas", (alone,)), lines)["lab-7"].story == mia.story


def test_a_later_adjustment_replaces_an_earlier_one_and_totals_stay_between_0_and_all():
    up, down = line("adjust", minute=1, points=1_000), line("adjust", minute=2, points=-1_000)
    assert count([down, up])[0].story.startswith("0 = 30 (exercises) - 1000 (adjusted) + 970 (not below 0).")
    assert count([up])[0].points == ALL


def test_an_excuse_is_no_number_and_can_be_taken_back():
    excuse = line("excuse", "cd34", reason="has passed it")
    mia, bo = count([excuse])
    assert (mia.points, mia.excused, bo.points, bo.excused) == (30, False, None, True)
    assert bo.story == "Excused (ta: has passed it)."
    assert count([line("excuse", "cd34", minute=1, item="taken back"), excuse])[1].points == 30
    everybody = line("excuse", minute=2)
    assert [total.excused for total in count([everybody, line("excuse", "ab12", minute=3, item="taken back")])] == [
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("submitted", "cost"),
    [
        ("2026-11-30T23:59:00+01:00", ""),
        ("2026-11-30T22:59:00+00:00", ""),
        ("2026-12-01T00:14:00", ""),  # within the grace, in the due date's zone
        ("2026-12-01T00:14:00.000001", "late 1 day"),
        ("2026-12-02T00:14:00", "late 1 day"),
        ("2026-12-02T00:14:01", "late 2 days"),
        ("2027-01-31T00:00:00", "late 61 days, at most 40 %"),
        ("yesterday", ""),
        ("", ""),
    ],
)
def test_each_begun_day_behind_the_grace_costs(submitted, cost):
    mia, _ = count([], Policy(late=LATE), row(ALL), handed(submitted))
    assert cost in mia.story
    assert ("late" in mia.story) == bool(cost)


def test_hours_and_clocks_that_change():
    """In the night of 25 October 2026 the clocks of Stockholm go back: the day has 25 hours, of which 24 make a day."""
    late = Late(datetime(2026, 10, 24, 21, 59, tzinfo=UTC), ZONE, off=Decimal("0.1"))
    assert "late 2 days" in count([], Policy(late=late), row(ALL), handed("2026-10-25T23:59:00"))[0].story
    assert "late 1 day" in count([], Policy(late=late), row(ALL), handed("2026-10-25T22:59:00"))[0].story
    twice = Late(datetime(2026, 10, 25, 0, 45, tzinfo=UTC), ZONE, off=Decimal("0.1"))  # 02:45, before 02:30 comes again
    assert "late" not in count([], Policy(late=twice), row(ALL), handed("2026-10-25T02:30:00"))[0].story
    hourly = dataclasses.replace(late, per="hour", off=Decimal("0.01"))
    assert "late 25 hours" in count([], Policy(late=hourly), row(ALL), handed("2026-10-25T23:59:00"))[0].story


def test_late_by_an_unknown_time_costs_nothing_until_somebody_says_how_late():
    policy, late = Policy(late=LATE), row(ALL, late=True)
    mia, _ = count([], policy, late)
    assert (mia.points, mia.story.partition(". ")[2]) == (
        ALL,
        "Late, by a time that is not known: nothing is deducted.",
    )
    assert mia.todo == 'Write down how late: labkit regrade lab-7 --late "1 day" --reason "..."'
    mia, _ = count([line("override", item="late", late="30 h", reason="mail of 2 December")], policy, late)
    assert "(late 2 days)" in mia.story
    assert "Handed in 30 h after the due date (ta: mail of 2 December)." in mia.story
    in_time = line("override", item="late", late="0 min", reason="Canvas was down")
    assert count([in_time], policy, late, handed("2026-12-09T12:00:00"))[0].points == ALL


def test_an_extension_moves_the_due_date_for_a_person_or_a_group():
    policy, in_ = Policy(late=LATE), handed("2026-12-03T12:00:00+01:00")
    longer = line("extension", "cd34", until="2026-12-03T23:59", reason="ill")
    mia, bo = count([longer], policy, row(ALL), in_)
    assert "late 3 days" in mia.story
    assert bo.story == f"{ALL} = {ALL} (exercises). Due 2026-12-03 23:59 CET for them (ta: ill)."
    group = line("extension", until="2026-12-02T23:59")
    mia, bo = count([group, longer], policy, row(ALL), in_)
    assert "late 1 day" in mia.story
    assert bo.points == ALL
    said = line("override", item="late", late="3 days")
    assert "late 1 day" in count([group, said], policy, row(ALL), in_)[0].story


@pytest.mark.parametrize(
    ("seconds", "lowest", "points", "cost"),
    [
        (1, "0", ALL, ALL / 10),
        (86_400, "0", ALL, ALL / 10),
        (86_401, "0", ALL, ALL / 5),
        (86_400 * 30, "0", 10, 10),
        (86_400 * 30, "0.5", ALL, ALL / 2),
        (86_400, "0.5", ALL // 4, 0),
    ],
)
def test_where_canvas_deducts_labkit_only_says_what_canvas_will(seconds, lowest, points, cost):
    late = dataclasses.replace(LATE, by_canvas=True, lowest=Decimal(lowest))
    in_ = handed((DUE + timedelta(seconds=seconds)).isoformat())
    mia, _ = count([], Policy(late=late), row(points), in_)
    assert mia.points == points
    said = re.search(r"Canvas will deduct (\S+) of it", mia.story)
    assert (float(said[1]) if said else 0) == pytest.approx(cost)


def test_late_by_an_unknown_time_is_left_to_canvas():
    late = dataclasses.replace(LATE, by_canvas=True)
    mia, _ = count([], Policy(late=late), row(late=True))
    assert mia.story.endswith("Late: Canvas deducts by its own policy.")
    assert mia.todo == ""


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        (line("excuse", "lab-77"), "'lab-77' is neither a submission nor a person here: did you mean 'lab-7'?"),
        (
            line("regrade", item="1.11", points=1),
            "'1.11' is neither an exercise nor a part with a weight in course.toml",
        ),
        (line("regrade", item="report", points=1), "'report' is neither an exercise nor a part with a weight"),
        (line("regrade", item="1.1", points=50), "1.1 brings "),
        (line("regrade", "ab12", item="1.1", points=1), "'ab12' is a person: name 'lab-7', or adjust"),
        (line("extension", until="2027-01-01T12:00"), "course.toml has no due date"),
        (line("override", item="late", late="1 h"), "course.toml has no [late]"),
        (line("excuse", "Mia Lee"), "'Mia Lee' is the name of 2 people"),
        (line("excuse", "lab-9"), "'lab-9' is a submission and a person: write member:lab-9 or submission:lab-9"),
    ],
)
def test_a_line_that_cannot_be_followed_changes_nothing_and_says_why(entry, fault):
    rows = [row(), row(name="lab-9")]
    other = handed(people=(Person("301", "Mia Lee", "lab-9"), Person("302")), name="lab-9")
    batch = BatchFile("canvas", (handed(), other))
    found = faults(rows, batch, [entry])
    assert fault in found[entry]
    assert totals(rows, batch, [entry]) == totals(rows, batch)
    for who, excused in (
        ("member:lab-9", [False, False, True, False]),
        ("submission:lab-9", [False, False, True, True]),
    ):
        assert [total.excused for total in totals(rows, batch, [line("excuse", who)])] == excused


def test_a_person_who_handed_in_alone_stands_for_the_submission():
    batch = BatchFile("canvas", (handed(people=(MIA,)),))
    (mia,) = totals([row()], batch, [line("regrade", "ab12", item="1.1", points=0)])
    assert mia.points == 30 - exercises()["1.1"].points


def test_two_people_of_whom_only_one_name_is_known_are_not_told_apart():
    batch = BatchFile("folders", (handed(people=(Person(name="Bo"), Person(name="Bo"))),))
    entry = line("adjust", "Bo", points=-1)
    assert faults([row()], batch, [entry])[entry] == "'Bo' is the name of 2 people, and nothing else of them is known"
    assert [total.points for total in totals([row()], batch, [entry])] == [30, 30]


def test_an_extension_that_ends_too_early_is_told():
    entry = line("extension", until="2026-11-01T12:00")
    assert faults([row()], BatchFile("canvas", (handed(),)), [entry], Policy(late=LATE)) == {
        entry: "it ends before the due date"
    }


WHO = st.sampled_from(["lab-7", "ab12", "202", "Bo Ek", "nobody"])
ITEMS = st.sampled_from(["1.1", "5.2", "report", "questions", "exercises", "9.99"])
POINTS = st.decimals(0, 40, places=2)
MOMENTS = st.datetimes(datetime(2026, 11, 1), datetime(2027, 1, 31)).map(lambda moment: f"{moment:%Y-%m-%dT%H:%M}")
VALUES = st.one_of(
    st.fixed_dictionaries({"what": st.sampled_from(["regrade", "override"]), "item": ITEMS, "points": POINTS}),
    st.fixed_dictionaries({"what": st.just("extension"), "until": MOMENTS}),
    st.fixed_dictionaries({"what": st.just("excuse"), "item": st.sampled_from(["", "taken back"])}),
    st.fixed_dictionaries({"what": st.just("adjust"), "points": st.decimals(-50, 50, places=3)}),
    st.fixed_dictionaries({"what": st.just("adjust"), "factor": st.decimals(0, 2, places=2)}),
    st.fixed_dictionaries(
        {"what": st.just("override"), "item": st.just("late"), "late": st.sampled_from(["0 s", "30 h"])}
    ),
)
ENTRIES = st.builds(lambda who, minute, values: line(who=who, minute=minute, **values), WHO, st.integers(0, 3), VALUES)
LEDGERS = st.lists(ENTRIES, max_size=8)
LATES = st.builds(
    lambda per, off, most, canvas, grace: Late(DUE, ZONE, timedelta(minutes=grace), per, off, most, canvas),
    st.sampled_from(["day", "hour"]),
    st.decimals(0, 1, places=2),
    st.decimals(0, 1, places=2),
    st.booleans(),
    st.integers(0, 3_000),
)
WEIGHED = st.fixed_dictionaries(
    {"exercises": st.decimals(0, 50, places=1), "report": st.decimals(1, 50, places=1)},
    optional={"questions": st.decimals(0, 50, places=1)},
)
POLICIES = st.builds(
    Policy,
    st.one_of(st.just({}), WEIGHED),
    st.one_of(st.none(), st.integers(1, 100).map(Decimal)),
    st.sampled_from([Decimal("0.5"), Decimal("0.01"), Decimal(1), Decimal("0.3")]),
    st.one_of(st.none(), LATES),
)
ROWS = st.one_of(
    st.builds(row, st.integers(0, ALL), late=st.booleans()),
    st.just(row(None, status="not graded", gaps="Not graded yet: 05_x.")),
)
HANDED = st.builds(handed, st.one_of(st.just(""), st.datetimes(datetime(2026, 11, 29), datetime(2027, 1, 9)).map(str)))


@settings(max_examples=300, deadline=None)
@given(ROWS, HANDED, LEDGERS, POLICIES, st.randoms())
def test_the_order_of_lines_matters_only_by_their_time(made, in_, lines, policy, random):
    expected = count(lines, policy, made, in_)
    random.shuffle(lines)
    assert count(lines, policy, made, in_) == expected


@settings(max_examples=300, deadline=None)
@given(ROWS, HANDED, LEDGERS, POLICIES, WHO, MOMENTS, st.integers(0, 3))
def test_an_extension_never_lowers_a_total(made, in_, lines, policy, who, until, minute):
    before = count(lines, policy, made, in_)
    after = count([*lines, line("extension", who, minute, until=until)], policy, made, in_)
    for old, new in zip(before, after, strict=True):
        assert (old.points is None) == (new.points is None)
        assert old.points is None or new.points >= old.points


EXTENSIONS = st.lists(
    st.builds(
        lambda who, minute, days: line("extension", who, minute, until=f"{DUE + timedelta(days=days):%Y-%m-%dT%H:%M}Z"),
        st.sampled_from(["lab-7", "ab12"]),
        st.integers(0, 5),
        st.integers(-1, 6),
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 5), EXTENSIONS, st.data())
def test_of_several_extensions_none_lowers_a_total_not_even_a_shorter_later_one(days, lines, data):
    in_ = handed((DUE + timedelta(days=days)).isoformat())
    fewer = [one for one in lines if data.draw(st.booleans())]
    before, after = (count(some, Policy(late=LATE), row(ALL), in_) for some in (fewer, lines))
    assert all(new.points >= old.points for old, new in zip(before, after, strict=True))


@settings(max_examples=300, deadline=None)
@given(ROWS, HANDED, LEDGERS, POLICIES)
def test_what_a_story_says_adds_up_to_the_total_and_what_is_not_marked_is_no_number(made, in_, lines, policy):
    for total in [
        *count(lines, policy, made, in_),
        *shared_totals([made], BatchFile("", (in_,)), lines, policy).values(),
    ]:
        if total.points is None:
            assert total.excused or "Not marked yet" in total.story or "Not graded yet" in total.story
            continue
        said, terms = said_by(total.story)
        assert said == terms == Decimal(str(total.points))
        assert 0 <= total.points <= total.possible
        step = Fraction(policy.step)
        assert total.points == total.possible or (Fraction(str(total.points)) / step).denominator == 1
        marked = {entry.item for entry in lines if entry.points is not None}
        assert all(name in marked for name in policy.parts if name != "exercises")


@settings(max_examples=100, deadline=None)
@given(ROWS, HANDED, LEDGERS, POLICIES)
def test_totals_that_are_made_again_from_the_files_are_the_same(tmp_path_factory, made, in_, lines, policy):
    folder = tmp_path_factory.mktemp("night")
    for entry in lines:
        append_entry(folder, entry)
    entries, told = read_ledger(folder)
    assert told == []
    assert count(entries, policy, made, in_) == count(lines, policy, made, in_)
