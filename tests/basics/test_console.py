"""What labkit prints comes out, and can be read, on consoles and in pipes that are not UTF-8."""

# ruff: noqa: RUF001 - characters that look like others are what this is about

import ast
import io
import sys
import unicodedata

import pytest

from labkit import PACKAGE, cli
from labkit.basics.console import print_on_any_console
from labkit.basics.errors import LabkitError
from labkit.course.doctor import Finding
from labkit.grading.judging.batch_progress import Progress

ENCODINGS = ("cp1252", "cp437", "gbk", "ascii")
STRANGE = "✓ 97.0 ± 0.5 % “Süß” 3 × 4 → naïve ² µs – 李小龍 Łukasz Ørsted \udcff …"
SHOWN_IN_ASCII = '+ 97.0 +- 0.5 % "Suss" 3 x 4 -> naive 2 us - \\u674e\\u5c0f\\u9f8d Lukasz Orsted \\udcff ...'


@pytest.fixture
def console(monkeypatch):
    """Return a function that gives the process a console of some encoding, and returns how to read what was printed."""

    def of(encoding):
        stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        monkeypatch.setattr(sys, "stdout", stream)
        monkeypatch.setattr(sys, "stderr", stream)

        def printed():
            stream.flush()
            return stream.buffer.getvalue().decode(encoding)

        return printed

    return of


def test_what_an_ascii_console_lacks_is_shown_in_letters_that_it_has(console):
    printed = console("ascii")
    print_on_any_console()
    print(STRANGE)
    assert printed() == f"{SHOWN_IN_ASCII}\n"


@pytest.mark.parametrize("encoding", [*ENCODINGS, "utf-8"])
def test_what_a_console_has_is_shown_as_it_is(console, encoding):
    printed = console(encoding)
    print_on_any_console()
    known = STRANGE.encode(encoding, "ignore").decode(encoding)
    print(known)
    assert printed() == f"{known}\n"


def test_every_character_of_our_own_texts_has_a_plain_form(console):
    texts = set()
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        texts |= {
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
    printed = console("ascii")
    print_on_any_console()
    visible = {character for character in "".join(texts) if unicodedata.category(character) not in ("Cf", "Co", "Mn")}
    print(*sorted(visible - set(map(chr, range(128)))), sep="\n")
    assert [line for line in printed().splitlines() if not line or line.startswith("\\")] == []


def fake_submit(group, members, out, report, data, agree):
    agree([f"The discussion of “{STRANGE}” in the report is not written."])


def fake_grade(*_):
    with Progress(2, 1) as progress:
        attempt = type(
            "Attempt", (), {"student": "李小龍 ✓", "notebook": "05", "status": "failed", "points": 1, "seconds": 2}
        )
        progress.done(attempt)


def fake_error(*_):
    raise LabkitError(STRANGE)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    ("command", "replaced", "by"),
    [
        ("progress", None, None),
        ("--help", None, None),
        ("doctor", "labkit.course.doctor.examine", lambda: [Finding("disk", True, STRANGE, STRANGE)]),
        ("report out", "labkit.course.run_all.report_on", lambda *_: [STRANGE]),
        ("report out", "labkit.course.run_all.report_on", fake_error),
        ("fetch mnist", "labkit.data.download.fetch", lambda *_: [STRANGE]),
        ("submit --group x --members y --check", "labkit.course.submit.submit", fake_submit),
        ("release --out x", "labkit.course.release.release", lambda *_: [STRANGE]),
        ("grade x --out y", "labkit.grading.batch.grade", fake_grade),
        ("run 李小龍", None, None),
    ],
)
def test_no_command_ends_in_an_encoding_error(console, monkeypatch, tmp_path, encoding, command, replaced, by):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["labkit", *command.split()])
    if replaced:
        monkeypatch.setattr(replaced, by)
    printed = console(encoding)
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code in (0, 1, 2)
    assert printed().strip()
