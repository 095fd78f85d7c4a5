"""What there is to mark and in which order, what a grader says of it, near answers, agreement, and the table."""

import csv
import io
from decimal import Decimal

import pytest
from night_makers import write_night

from labkit.basics.errors import UsageError
from labkit.grading.marking.agreement import agreements, drift
from labkit.grading.marking.bench import Bench
from labkit.grading.marking.mark_table import sheet_of, take_sheet
from labkit.grading.marks.mark_lines import read_lines
from labkit.grading.marks.near import nearest_marked
from labkit.grading.records.policy import Policy
from labkit.grading.recount import count

pytestmark = pytest.mark.slow

STEM = "05_mlp1_sweep"


@pytest.fixture
def night(tmp_path):
    same = {"lab-1": {"05.q1": "Both the same."}, "lab-3": {"05.q1": "both  THE same."}, "lab-2": {"05.q5": ""}}
    write_night(tmp_path, 4, [STEM], own=same, outputs=False)
    return tmp_path


def bench_of(folder, grader="anna", double=0):
    return Bench(folder, count(folder), grader, double)


def test_each_answer_is_there_once_in_an_order_of_the_graders_own(night):
    one, again, other = bench_of(night), bench_of(night), bench_of(night, "bo")
    (shared,) = [answer for answer in one.answers["05.q1"] if len(answer.submissions) > 1]
    assert shared.submissions == ("lab-1", "lab-3")
    assert [len(one.answers[f"05.q{place}"]) for place in range(1, 6)] == [3, 4, 4, 4, 3]
    assert one.answers == again.answers
    assert one.answers != other.answers
    assert {name: set(answers) for name, answers in one.answers.items()} == {
        name: set(answers) for name, answers in other.answers.items()
    }


def test_going_on_visits_everything_that_is_open_once_and_then_ends(night):
    bench = bench_of(night)
    seen, here = [], bench.following("", -1)
    while here:
        seen.append(here)
        bench.mark(bench.place(*here))
        here = bench.following(*here)
    count_ = sum(map(len, bench.answers.values()))
    assert (len(seen), len(set(seen))) == (count_, count_)
    assert bench.counts()["05.q1"] == (3, 0, 0)
    assert bench_of(night).following("", -1) is None


def test_a_mark_reaches_gradebook_total_and_everybody_with_the_same_answer(night):
    bench = bench_of(night)
    for answers in bench.answers.values():
        for answer in answers:
            bench.mark(answer, **bench.all_or_nothing(answer, full=True), comment="Well done.")
    counted = count(night)
    parts = counted.marked.parts["lab-2"]
    assert (parts["questions"].points, parts["questions"].open) == (4, 40)  # one has no answer; 40 are not known yet
    assert counted.marked.parts["lab-3"]["questions"].items[20].comment == "Well done."
    assert parts["report"].open == 0


def test_full_and_no_points_are_made_of_criteria_where_they_can(night):
    bench = bench_of(night)
    for name, answers in bench.answers.items():
        for answer in answers[:1]:
            for full, points in ((True, bench.standing.items[name].points), (False, Decimal(0))):
                line = bench.mark(answer, **bench.all_or_nothing(answer, full))
                assert bench.standing.points(line) == points
                if bench.standing.items[name].criteria:
                    assert line.points is None


def test_what_another_grader_writes_is_seen_without_a_new_start(night):
    anna, bo = bench_of(night), bench_of(night, "bo")
    anna.mark(anna.answers["05.q2"][0])
    bo.refresh()
    same = next(answer for answer in bo.answers["05.q2"] if answer.hash == anna.answers["05.q2"][0].hash)
    assert bo.line_of(same).grader == "anna"
    assert bo.counts()["05.q2"] == (4, 3, 0)


def test_a_new_hand_in_is_open_and_said_to_be_changed(night):
    bench = bench_of(night)
    answer = next(one for one in bench.answers["05.q2"] if one.submission == "lab-4")
    bench.mark(answer, points=Decimal(1))
    write_night(night, 4, [STEM], own={"lab-4": {"05.q2": "Something else by now."}}, outputs=False)
    later = bench_of(night)
    assert later.counts()["05.q2"] == (4, 4, 1)
    (changed,) = [one for one in later.answers["05.q2"] if later.changed(one)]
    assert changed.submissions == ("lab-4",)
    found = count(night).marked.parts["lab-4"]["questions"]
    assert [item.name for item in found.items if item.changed] == ["05.q2"]


def test_whoever_had_the_same_answer_when_it_was_marked_is_said_to_have_changed_it(night):
    bench = bench_of(night)
    shared = next(answer for answer in bench.answers["05.q1"] if len(answer.submissions) > 1)
    bench.mark(shared, points=Decimal(1))
    texts = {"lab-1": {"05.q1": "Both the same."}, "lab-3": {"05.q1": "Something else."}, "lab-2": {"05.q5": ""}}
    write_night(night, 4, [STEM], own=texts, outputs=False)
    later = bench_of(night)
    assert [one.submissions for one in later.answers["05.q1"] if later.changed(one)] == [("lab-3",)]


def test_two_graders_mark_a_share_of_the_answers_and_do_not_see_each_other(night):
    anna, bo, cy = (bench_of(night, name, 100) for name in ("anna", "bo", "cy"))
    first = anna.answers["05.q2"][0]
    anna.mark(first, comment="Mine.")
    for other in (bo, cy):
        other.refresh()
    assert bo.line_of(first) is None
    assert bo.is_open(first)
    bo.mark(first)
    cy.refresh()
    assert not cy.is_open(first)
    everywhere = [answer for answers in anna.answers.values() for answer in answers]
    some = bench_of(night, "anna", 30)
    assert 0 < sum(map(some.is_double, everywhere)) < len(everywhere)
    assert [some.is_double(answer) for answer in everywhere] == [
        bench_of(night, "bo", 30).is_double(answer) for answer in everywhere
    ]


@pytest.mark.parametrize(("grader", "double"), [("../x", 0), ("", 0), ("a b", 0), ("anna", -1), ("anna", 101)])
def test_what_no_bench_can_be_is_a_sentence(night, grader, double):
    with pytest.raises(UsageError, match=r"grader's name|percentage"):
        bench_of(night, grader, double)


def test_marks_that_cannot_be_are_refused_and_nothing_is_written(night):
    bench = bench_of(night)
    answer = bench.answers["05.q1"][0]
    for values in ({"items": ["nothing"]}, {"points": 2}, {"points": Decimal(-1)}, {"points": True}, {"points": "1"}):
        with pytest.raises(UsageError):
            bench.mark(answer, **values)
    with pytest.raises(UsageError, match="no such answer"):
        bench.place("05.q1", 99)
    for key, points in (("new", 0), ("new", 2), ("Bad Key", Decimal("0.5"))):
        with pytest.raises(UsageError):
            bench.change_rubric("05.q1", key, points, "a text")
    assert read_lines(night) == ([], [])


def test_other_points_say_whose_points_change(night):
    bench = bench_of(night)
    answer = next(answer for answer in bench.answers["05.q1"] if len(answer.submissions) == 2)
    key = next(one.key for one in bench.standing.items["05.q1"].criteria if one.points > 0)
    bench.mark(answer, [key])
    changed = bench.change_rubric("05.q1", key, Decimal("0.125"))
    assert [sentence.partition(":")[0] for sentence in changed] == ["lab-1", "lab-3"]
    assert all(sentence.endswith("became 0.125") for sentence in changed)
    assert bench_of(night).standing.items["05.q1"].points_for([key]) == Decimal("0.125")  # and it stays so


def test_near_answers_are_offered_and_far_ones_are_not():
    texts = [
        "The convolution keeps its 156 weights, since its filters are used at more places.",
        "The convolution keeps 156 weights: its filters are used at more places!",
        "Dropout and weight decay.",
        "",
    ]
    assert nearest_marked(texts, 0, lambda place: True) == 1
    assert nearest_marked(texts, 0, lambda place: place == 2) is None
    assert nearest_marked(texts, 2, lambda place: True) is None
    assert nearest_marked(texts, 3, lambda place: True) is None
    assert nearest_marked(["", "..."], 0, lambda place: True) is None
    assert nearest_marked(["alone"], 0, lambda place: True) is None


def test_kappa_is_1_where_graders_agree_and_low_where_they_do_not(tmp_path):
    write_night(tmp_path, 8, [STEM], outputs=False, reports=False)
    anna, bo = bench_of(tmp_path, "anna", 100), bench_of(tmp_path, "bo", 100)
    for place, answer in enumerate(anna.answers["05.q1"]):
        for bench in (anna, bo):
            bench.mark(answer, points=Decimal(place % 2))
    for place, answer in enumerate(anna.answers["05.q2"]):
        anna.mark(answer, points=Decimal(place % 2))
        bo.mark(answer, points=Decimal((place + 1) % 2) / 2)
    for answer in anna.answers["05.q3"]:
        for bench in (anna, bo):
            bench.mark(answer, points=Decimal(1))
    anna.refresh()
    found = {one.item: one for one in agreements(anna)}
    assert (found["05.q1"].kappa, found["05.q1"].answers, found["05.q1"].largest) == (1, 8, 0)
    assert found["05.q2"].kappa < 0
    assert found["05.q2"].largest == 1
    assert found["05.q3"].kappa is None  # nobody could disagree
    assert abs(drift(anna)) < 0.5
    assert drift(bench_of(tmp_path, "cy")) is None


def test_marks_go_out_and_come_back_as_a_table(night):
    bench = bench_of(night)
    bench.mark(bench.answers["05.q2"][0], points=Decimal("0.25"), comment="=1+1\nTwo lines.")
    text = sheet_of(bench, count(night))
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert list(rows[0])[:3] == ["team_name", "uid_list", "qid"]
    assert len(rows) == sum(len(answer.submissions) for answers in bench.answers.values() for answer in answers)
    (marked,) = [row for row in rows if row["score_perc"]]
    assert (marked["score_perc"], marked["feedback"]) == ("25", "'=1+1 Two lines.")
    path = night / "marks.csv"
    path.write_text(text, encoding="utf-8")
    assert take_sheet(bench, path).startswith("0 marks")  # nothing was changed
    for row in rows:
        if row["qid"] == "05.q3":
            row["score_perc"], row["feedback"] = "50,0 %", "Half."
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=";")
        writer.writeheader()
        writer.writerows(rows)
    assert take_sheet(bench, path).startswith("4 marks")
    items = count(night).marked.parts["lab-1"]["questions"].items
    assert [(item.points, item.comment) for item in items if item.name == "05.q3"] == [(Decimal("0.5"), "Half.")]


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"qid": "99.q1"}, "nothing that is marked"),
        ({"submission_id": "nobody"}, "does not answer"),
        ({"submitted_answer": "Another."}, "another one by now"),
        ({"score_perc": "101"}, "from 0 to 100"),
        ({"score_perc": "NaN"}, "from 0 to 100"),
        ({"score_perc": ""}, "no score_perc"),
        ({"partial_scores": "{}"}, "partial_scores"),
        ({"partial_scores": '["x"]'}, "partial_scores"),
        ({"partial_scores": "[" * 9_000}, "partial_scores"),
    ],
)
def test_a_table_that_says_what_cannot_be_writes_nothing(night, changed, sentence):
    bench = bench_of(night)
    rows = list(csv.DictReader(io.StringIO(sheet_of(bench, count(night)).removeprefix("\ufeff"))))
    rows[0] |= {"score_perc": "100", "feedback": "ok"}
    rows[-1] |= {"score_perc": "100", "feedback": "ok"} | changed
    path = night / "marks.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    with pytest.raises(UsageError, match=sentence):
        take_sheet(bench, path)
    assert read_lines(night) == ([], [])


def test_a_weight_brings_the_marks_into_the_total(night):
    bench = bench_of(night)
    for answers in bench.answers.values():
        for answer in answers:
            bench.mark(answer, **bench.all_or_nothing(answer, full=True))
    policy = Policy({"exercises": Decimal(40), "questions": Decimal(30), "report": Decimal(20)})
    waiting = count(night, policy).totals[0]
    assert waiting.points is None
    assert "questions (40 of 45 open)" in waiting.story
    only = Policy({"exercises": Decimal(40), "report": Decimal(30)})
    found = count(night, only).totals[0]
    summary, limits = (bench.asked.items[f"report.{name}"].points for name in ("summary", "limits"))
    possible = sum(item.points for item in bench.asked.items.values() if item.part == "report")
    assert f"(report, {summary + limits:g} of {possible:g})" in found.story
