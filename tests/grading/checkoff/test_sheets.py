"""The two pages of a group: exactly two of A5, whatever names, code, numbers and pictures they hold."""

import contextlib
import json
import re
from itertools import product

import pytest
from checkoff_makers import group, picture, templates

from labkit.grading.checkoff import sheets
from labkit.grading.checkoff.questions import Question
from labkit.grading.checkoff.sheets import Fonts, Sheet, fonts_for, to_pdf
from labkit.grading.checkoff.templates import LONGEST
from labkit.grading.intake.people import HandedIn, Person
from labkit.grading.pages.pictures import drawn_anew
from labkit.report.writing.typesetting import compiler

pytestmark = pytest.mark.slow

A5 = 419.53, 595.28  # points
SHORT = Question("05.linear", "course", "Why?", "So.")
CODE = "def f(x):\n    return x"
HOSTILE = [
    "#panic()",
    '"); #panic("',
    "#import sys: *",
    "$ integral_0^1 $",
    "\\end{document} \\input{/etc/passwd}",
    "*bold* _it_ `raw` <label> @ref = head",
    "// comment /* open",
    "#{while true {}}",
    "]]]}}}",
    "\\u{1F600} \\",
    "a" * 5_000,
    "word " * 900,
    "\x00\x1b[31m\u202e\u2066abc\u200d\ufeff",
    "e" + "\u0301" * 300,
    "ﷺ" * 40,
    "王伟 김철수 สมชาย سارة שרה 🦊👩‍👩‍👧 नमस्ते ᚠᛇᚻ",
    "\ue000\U000f0000\uffff",
    "",
]


@pytest.fixture
def seen(monkeypatch):
    """Note of each PDF how many pages it has and whether something was cut; return the notes."""
    notes = []

    class Noting:
        def __init__(self, setter):
            self.setter = setter

        def compile(self, **options):
            content = self.setter.compile(**options)
            pages = self.setter.compile(format="png", ppi=20)
            cut = json.loads(self.setter.query("<cut>", field="value"))
            notes.append((1 if isinstance(pages, bytes) else len(pages), bool(cut)))
            return content

    @contextlib.contextmanager
    def noting(*arguments):
        with compiler(*arguments) as setter:
            yield Noting(setter)

    monkeypatch.setattr(sheets, "compiler", noting)
    return notes


def drawn(size=(640, 400)):
    return drawn_anew(picture(size), "image/png", "A picture.")[0]


def made(*questions, submission=None, first=0):
    pages = [Sheet(submission or group("lab-7", "Mia Lee"), questions, first)]
    return to_pdf(pages, fonts_for(pages), "graded")


def figure(name="05.bands", size=(640, 400)):
    return Question(name, "figure", "What do you see?", "Lines.", picture=drawn(size))


def code(text=CODE, given="losses = [1]"):
    return Question("06.patience", "code", "Your `f` returns 3. What else?", "2.", given, text)


def longest(kind, **more):
    return Question("05.chosen", kind, "Why so long? " * (LONGEST // 13), "word " * (LONGEST // 5), **more)


@pytest.mark.parametrize("text", HOSTILE)
def test_what_students_wrote_stays_text_on_two_pages(seen, text):
    people = tuple(Person(name=text, login=text) for _ in range(6))
    submission = HandedIn(name="lab-7", student=text, people=people)
    made(SHORT, figure(), code(text), SHORT, submission=submission)
    assert seen[-1] == (2, False)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_the_longest_of_everything_fits(seen, count):
    lines = "\n".join(f"    value_{place} = compute(" + "x, " * 60 + ")" for place in range(300))
    table = "\n".join(["width  " * 9] * 8)
    questions = [
        longest("number"),
        figure(size=(900, 2700)),
        longest("code", given=table, code=lines),
        longest("course"),
    ]
    questions[1] = Question("05.bands", "figure", questions[0].ask, questions[0].answer, picture=drawn((2700, 900)))
    made(*questions[:count], submission=group("lab-7", *["W" * 200] * 6, student="M" * 200))
    assert seen[-1] == (2, False)


@pytest.mark.parametrize("size", [(1, 1), (6000, 1), (1, 6000), (2800, 2800), (30, 2000), (2000, 30)])
def test_a_picture_of_any_form_fits(seen, size):
    made(SHORT, figure(size=size), code(), SHORT)
    assert seen[-1] == (2, False)


@pytest.mark.parametrize(("people", "questions"), list(product(range(7), range(1, 5))))
def test_members_are_asked_in_turn(people, questions):
    names = [f"Person {place}" for place in range(people)]
    data = sheets._group(Sheet(group("lab-7", *names, student="Lab 7"), [SHORT] * questions, 2), {}, ())
    asked = [question["member"] for question in data["questions"]]
    turn = names or ["Lab 7"]
    assert asked == [turn[(2 + place) % len(turn)] for place in range(questions)]
    for name in turn:
        assert (name in data["others"]) is (name not in asked)


def test_pages_are_a5_accessible_and_the_same_in_each_run():
    first, again = (made(SHORT, figure(), code(), SHORT) for _ in range(2))
    assert first == again
    boxes = re.findall(rb"/MediaBox ?\[0 0 ([\d.]+) ([\d.]+)\]", first)
    assert [tuple(map(float, box)) for box in boxes] == [pytest.approx(A5, abs=0.1)] * 2
    for mark in (b"/MarkInfo", b"/Lang", b"pdfuaid", b"/StructTreeRoot"):
        assert mark in first


def test_many_groups_have_two_pages_each(seen):
    pages = [Sheet(group(f"lab-{place}", "Mia"), [SHORT, figure(), code()], 0) for place in range(5)]
    to_pdf(pages, fonts_for(pages), "graded")
    assert seen[-1] == (10, False)


def test_who_has_no_letter_that_a_font_has_is_called_by_login():
    people = (Person(name="王伟", login="ab12"), Person(name="Ana 王", login="cd34"), Person(name="王伟"))
    data = sheets._group(Sheet(HandedIn(name="lab-7", student="王", people=people), [SHORT] * 3, 0), {}, "王伟")
    assert [question["member"] for question in data["questions"]] == ["ab12", "Ana 王", "王伟"]
    assert sheets._boxed(data, "王伟")["questions"][1]["member"] == "Ana □"


def test_letters_that_no_font_has_are_boxes(seen, monkeypatch):
    monkeypatch.setattr(sheets, "unshown", lambda words, system_fonts: ["王", "ę"])
    pages = [Sheet(group("lab-7", "Wałęsa 王"), [SHORT], 0)]
    fonts = fonts_for(pages)
    assert fonts == Fonts(["王", "ę"], True)
    to_pdf(pages, fonts, "graded")
    assert seen[-1] == (2, False)


def test_letters_that_were_overlooked_cost_nobody_the_pages(seen):
    pages = [Sheet(group("lab-7", "\U0001faea"), [SHORT], 0)]
    to_pdf(pages, Fonts((), False), "graded")
    assert seen[-1] == (2, False)


def test_long_code_is_cut_with_a_sentence():
    assert sheets._cut("a\n" * 14 + "b") == ("\n".join("a" * 14), "… and 1 more line, in your notebook.")
    assert sheets._cut("\n".join("b" * 14)) == ("\n".join("b" * 14), "")
    assert sheets._cut("x" * 101) == ("x" * 99 + "…", "")
    assert sheets._cut("\tx") == ("    x", "")


def test_all_texts_of_the_course_have_letters_in_the_fonts_that_come_along():
    words = " ".join(one.ask + " " + one.answer for one in templates().values())
    pages = [Sheet(group("lab-7", "Mia"), [Question("05.one", "course", words, "")], 0)]
    assert fonts_for(pages) == Fonts((), False)
