"""The class board: who stands on it, in which order, and that nothing of a submission's gets onto it unread."""

import pytest
from attacks import ATTACKS
from attempt_makers import attempt

from labkit.exercises.catalogue import exercises
from labkit.exercises.judge import examine
from labkit.grading.pages.board import ACCURACY, EXERCISE, NOTEBOOK, board
from labkit.grading.pages.overview import lines
from labkit.grading.pages.site import write_pages

COUNTS = "passed, with {:,} parameters and {:,} FLOPs"


def design(who, accuracy, parameters=50_000, flops=2_000_000, message="", status="passed"):
    """Return an attempt at notebook 3 with a design of that accuracy, a number's text, and that size."""
    points = exercises()[EXERCISE].points if status == "passed" else 0
    verdict = {"status": status, "message": message or COUNTS.format(parameters, flops), "points": points}
    number = {"claimed": "99.9 %", "found": accuracy, "same": False}
    return attempt(who, NOTEBOOK, verdicts={EXERCISE: verdict}, numbers={ACCURACY: number}, student=who.title())


def places(*attempts):
    return [(place.line.row.submission, place.accuracy, place.leads) for place in board(lines(attempts, []))]


def test_the_most_accurate_comes_first_and_a_smaller_one_leads_as_well():
    found = places(
        design("big", "80.6 ± 3.2 %", 90_000),
        design("small", "71.5 %", 9_000),
        design("beaten", "75.0 ± 1.0 %", 95_000),
        design("middle", "75.0 ± 1.0 % (between 5 seeds; ± 1.4 from 1,000 test images)", 40_000),
    )
    assert found == [("big", 80.6, True), ("middle", 75.0, True), ("beaten", 75.0, False), ("small", 71.5, True)]


def test_equal_designs_lead_together():
    assert places(design("ada", "70.0 %"), design("bob", "70.0 %")) == [("ada", 70.0, True), ("bob", 70.0, True)]


def test_who_has_no_design_or_no_accuracy_is_not_on_it():
    assert (
        places(
            attempt("missing", NOTEBOOK, "missing"),
            attempt("another", "05_mlp1_sweep"),
            design("failed", "80.0 %", status="failed"),
            design("nothing", None),
            design("too good", "101.0 %"),
            design("words", "very good"),
            design("uncounted", "80.0 %", message="passed"),
        )
        == []
    )


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_a_submission_wrote_gets_onto_the_page_as_a_number_alone(attack, tmp_path):
    attempts = [design("eve", attack), design("mallory", "70.0 % <b>"), design("trent", "60.0 %", message=attack)]
    assert len(places(*attempts)) == 1
    page = write_pages(attempts, tmp_path).read_text()
    assert attack not in page
    assert "<td>70.0</td><td>50,000</td><td>2,000,000</td>" in page
    assert "<b>" not in page


def test_the_page_has_no_board_where_nobody_has_a_design(tmp_path):
    assert 'id="board"' not in write_pages([attempt("ada", "05_mlp1_sweep")], tmp_path).read_text()


def test_what_the_judge_says_of_a_design_is_what_the_board_reads():
    from torch import nn

    layers = nn.Conv2d(3, 4, 5), nn.MaxPool2d(4), nn.Flatten(), nn.Linear(4 * 7 * 7, 10)
    message = examine(exercises()[EXERCISE], lambda: nn.Sequential(*layers)).message
    (place,) = board(lines([design("ada", "50.0 %", message=message)], []))
    assert place.parameters == (75 + 1) * 4 + (196 + 1) * 10
    assert place.flops == 2 * (28 * 28 * 4 * 75 + 196 * 10)
