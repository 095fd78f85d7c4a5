"""The pages as files: what they hold, what they keep to themselves, and when they are written anew."""

import os
import re

import nbformat
import pytest
from attacks import ATTACKS, Elements
from attempt_makers import attempt, taken
from cells import code, png, printed
from page_makers import NOTEBOOKS, check, class_of, store, verdicts

from labkit.basics.errors import LabkitError
from labkit.basics.pages.sanitise import NAMES
from labkit.exercises.catalogue import exercises
from labkit.grading.pages.overview import SIGNS, far_numbers, hardest, lines, possible, times
from labkit.grading.pages.site import write_pages
from labkit.grading.records.attempts import STATUSES, VERDICTS

FIRST, SECOND = NOTEBOOKS
RESTORED = "Check 5.1 was edited: restored."
NUMBERS = {
    "widest": {"claimed": "99.9 %", "found": "90.0 %", "same": False, "band": [90.0, 96.0, 98.0]},
    "narrow": {"claimed": None, "found": "97.0 %", "same": False, "band": [97.0, 96.0, 98.0]},
}


def text(path):
    """Return what a page says, without its elements."""
    return " ".join(re.sub(r"<(style|script)>.*?</\1>|<[^>]*>", " ", path.read_text(), flags=re.S).split())


@pytest.fixture
def ada(tmp_path):
    """Write the pages of one submission; return its TA's page and the one to hand back."""
    own = verdicts(SECOND, e5_2="failed", e5_3="open", e5_4="open")
    picture = nbformat.v4.new_output("display_data", {"image/png": png()}, metadata={"image/png": {"alt": "A chart"}})
    store(
        tmp_path, "ada", SECOND,
        code("seed = 0", tags=["injected-parameters"]),
        code("1 / 0", nbformat.v4.new_output("error", ename="ZeroDivisionError", evalue="zero", traceback=["line 1"])),
        check("5.1"), check("5.2"), code("plot()", picture), code("x", printed(f"{next(iter(NAMES))}/torch\n" * 50)),
    )  # fmt: skip
    write_pages(
        [
            attempt("ada", FIRST, "missing", student="Ada"),
            attempt("ada", SECOND, "failed", verdicts=own, numbers=NUMBERS, remarks=(RESTORED,),
                    limits={"memory": 4.5, "data": "/data/secret"}, versions={"torch": "9.9.9"}, student="Ada"),
        ],
        tmp_path,
        [taken("ada", "Ada", problems=("User id 101 stands with another student, too: Bob.",)), taken("bob", "Bob")],
    )  # fmt: skip
    return tmp_path / "site" / "submissions" / "ada.html", tmp_path / "feedback" / "ada.html"


def test_a_submission_says_what_became_of_it(ada):
    for page in ada:
        words = text(page)
        points = exercises()["5.1"].points
        assert f"✓ Exercise 5.1: passed {points} of {points} points." in words
        assert "✗ Exercise 5.2: failed 0 of 3 points. It is failed." in words
        assert "○ open" in words
        assert f"{points} of {possible()} points" in words
        assert RESTORED in words
        assert "ZeroDivisionError: zero line 1" in words
        assert "widest 99.9 % 90.0 % ✗ differs 96 to 98 ✗ outside" in words
        assert "50 lines of output" in words
        assert ("img", "A chart") in [(tag, one.get("alt")) for tag, one in Elements(page.read_text()).found]


def test_a_verdict_stands_in_the_cell_of_its_check(ada):
    for page in ada:
        cells = page.read_text().split('<section class="cell"')
        assert [re.findall(r"Exercise ([\d.]+):", cell) for cell in cells] == [[], [], ["5.1"], ["5.2"], [], []]


def test_what_goes_back_to_a_student_tells_nothing_of_the_others_and_of_the_machine(ada):
    ours, back = (re.sub(r"(?s)<style>.*?</style>", "", page.read_text()) for page in ada)
    private = ("Bob", "1.5 s", "MB", "4.5", "9.9.9", "/data/secret", "another student", "seed = 0", "index.html")
    assert [one for one in private if one in back] == []
    assert [one for one in private if one not in ours] == ["seed = 0"]
    for page in ada:
        assert next(iter(NAMES)) not in page.read_text()
    assert "submissions" not in back
    assert "http" not in back.replace("http-equiv", "")


def test_every_page_stands_alone_under_a_strict_policy(ada, tmp_path):
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) == 5
    for page in pages:
        elements = Elements(page.read_text()).found
        first = [tag for tag, _ in elements].index("style")
        policies = [one["content"] for tag, one in elements[:first] if one.get("http-equiv")]
        assert len(policies) == 1
        rules = dict(rule.split(" ", 1) for rule in policies[0].split("; "))
        assert rules.pop("style-src").startswith("'sha256-")
        assert rules.pop("script-src", "'sha256-").startswith("'sha256-")
        assert rules == {"default-src": "'none'", "img-src": "data:", "base-uri": "'none'", "form-action": "'none'"}
        assert ("script" in [tag for tag, _ in elements]) == (page.name == "index.html")
        for tag, attributes in elements:
            assert tag not in ("link", "iframe", "object", "embed", "base")
            assert attributes.get("src", "data:image/png;base64,").startswith("data:image/png;base64,")
            assert not re.match(r"(?!#|(\.\./)*[\w/-]+\.html)", attributes.get("href", "#"))
            assert not [name for name in attributes if name.startswith("on") or name == "style"]


def everywhere(evil, out):
    """Write pages where every text that a submission can choose is `evil`."""
    number = {"claimed": evil, "found": evil, "same": False, "band": [1, 2, 3]}
    verdict = {"status": "failed", "message": evil, "points": 0}
    shown = [
        printed(evil),
        nbformat.v4.new_output("error", ename=evil, evalue=evil, traceback=[evil]),
        nbformat.v4.new_output("display_data", {evil or "x": evil, "text/plain": evil}),
        nbformat.v4.new_output("display_data", {"image/png": png()}, metadata={"image/png": {"alt": evil}}),
    ]
    store(out, "ada", FIRST, nbformat.v4.new_markdown_cell(evil), nbformat.v4.new_raw_cell(evil), code(evil, *shown))
    made = attempt(
        "ada", FIRST, "failed", student=evil, user=evil, verdicts={"1.1": verdict, evil: verdict},
        numbers={evil: number}, remarks=(evil,), limits={evil: evil, "profile": evil, "data": evil},
        versions={evil: evil},
    )  # fmt: skip
    write_pages([made], out, [taken("ada", evil, evil, problems=(evil,))])


@pytest.mark.parametrize("evil", [*ATTACKS, "\"'><script>alert(1)</script>", "--></style><script>alert(1)</script>"])
def test_a_text_that_attacks_makes_no_element(tmp_path, evil):
    everywhere("harmless", tmp_path / "a")
    everywhere(evil, tmp_path / "b")
    for page in (tmp_path / "a").rglob("*.html"):
        other = tmp_path / "b" / page.relative_to(tmp_path / "a")
        inside = [
            [(tag, sorted(one)) for tag, one in Elements(re.sub(r'(?s)<div class="prose.*?</div>', "", one)).found]
            for one in (page.read_text(), other.read_text())
        ]
        assert set(map(str, inside[1])) <= set(map(str, inside[0])) | {"('pre', ['class'])"}


def written(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.rglob("*.html") if path.name != "index.html"}


def test_only_what_changed_is_written_anew(tmp_path, monkeypatch):
    attempts = class_of(4)
    path = store(tmp_path, "student-001", FIRST, code("1"))
    write_pages(attempts, tmp_path)
    before = written(tmp_path / "site"), written(tmp_path / "feedback")
    rendered = []
    monkeypatch.setattr("labkit.grading.pages.site.read_executed", lambda path: rendered.append(path) or ([], ""))
    write_pages(attempts, tmp_path)
    assert (written(tmp_path / "site"), written(tmp_path / "feedback")) == before
    assert rendered == []
    os.utime(path, ns=(1, 1))
    write_pages(attempts, tmp_path)
    (tmp_path / "feedback" / "student-002.html").unlink()
    attempts[-1] = attempt("student-003", SECOND, "timeout")
    write_pages(attempts, tmp_path)
    after = written(tmp_path / "site")
    assert [name for name in after if after[name] == before[0][name]] == ["student-000.html"]
    assert {path.parent.name for path in rendered} == {"student-001", "student-002", "student-003"}


def test_pages_of_submissions_that_are_gone_are_removed(tmp_path):
    write_pages(class_of(3), tmp_path)
    (tmp_path / "feedback" / ".student-001.html.killed").write_text("half")
    (tmp_path / "feedback" / "notes.txt").write_text("of the TA")
    write_pages(class_of(1), tmp_path)
    assert sorted(path.name for path in (tmp_path / "feedback").iterdir()) == ["notes.txt", "student-000.html"]
    assert [path.name for path in (tmp_path / "site" / "submissions").iterdir()] == ["student-000.html"]


@pytest.mark.parametrize("name", ["../../evil", "a/b", "index", "..", "ÄÖ", "x" * 200])
def test_no_name_leads_out_of_the_folder(tmp_path, name):
    (tmp_path / "out").mkdir()
    write_pages([attempt(name, FIRST, "missing")], tmp_path / "out")
    pages = {path.parent.relative_to(tmp_path / "out").as_posix() for path in tmp_path.rglob("*.html")}
    assert pages == {"site", "site/submissions", "feedback"}
    assert len(list(tmp_path.rglob("*.html"))) == 3


def test_a_class_without_an_attempt_has_a_page(tmp_path):
    page = write_pages([], tmp_path, [taken("ada", "Ada")])
    assert "? not graded" in text(page) or "Ada" in text(page)
    assert write_pages([], tmp_path).is_file()


def test_pages_that_cannot_be_written_are_told(tmp_path):
    (tmp_path / "site").write_text("")
    with pytest.raises(LabkitError, match="cannot be written"):
        write_pages(class_of(1), tmp_path)


def test_the_least_passed_exercise_comes_first():
    order = hardest(lines(class_of(9), []))
    assert order[0][0] in ("1.1", "1.2", "1.3", "1.4", "5.2")
    counts = dict(order)
    assert counts["5.2"] == {"passed": 6, "failed": 3, "open": 0, "lost": 0, "": 0}
    assert counts["1.1"] == {"passed": 8, "failed": 0, "open": 0, "lost": 0, "": 1}
    assert "2.1" not in counts


def test_times_know_the_slowest_submission():
    first, second = times(lines(class_of(6), []))
    assert (first.notebook, first.median, first.slowest, first.line.page) == (FIRST, 3.5, 6.0, "student-005")
    assert (second.median, second.slowest) == (1.5, 1.5)


def test_numbers_far_from_their_band_are_listed_the_farthest_first():
    farther = {"widest": {**NUMBERS["widest"], "band": [1e308, 96, 98]}}
    found = far_numbers(lines([attempt("a", numbers=NUMBERS), attempt("b", numbers=farther)], []))
    assert [(one.line.page, one.name) for one in found] == [("b", "widest"), ("a", "widest")]
    assert found[1].distance == 7


def test_every_status_has_a_sign():
    assert {*STATUSES, *VERDICTS, "not graded"} == set(SIGNS)
