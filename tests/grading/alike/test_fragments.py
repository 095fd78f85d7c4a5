"""Tokens, fragments and words: what hiding leaves of them, and what hostile answers cost."""

import io
import time
import tokenize
import warnings

import pytest

from labkit import PACKAGE
from labkit.grading.alike.fragments import (
    comments,
    fragments,
    imported,
    in_a_row,
    is_long,
    names,
    sentences,
    tokens_of,
    words_of,
)

ANSWER = """def wilson(right, n):
    # the middle goes towards one half
    z, share = 1.96, right / n
    middle = share + z**2 / (2 * n)
    half = z * (share * (1 - share) / n + z**2 / (4 * n**2)) ** 0.5
    return 100 * (middle - half) / (1 + z**2 / n), 100 * (middle + half) / (1 + z**2 / n)
"""
LAYOUT = {tokenize.ENCODING, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
HOSTILE = {
    "a megabyte": "x = 1 + y\n" * 100_000,
    "a megabyte in one line": "x" * 1_000_000,
    "brackets": "(" * 500_000,
    "texts without an end": '"""\\' * 250_000,
    "backslashes": "\\" * 1_000_000,
    "quotes": "'\"" * 500_000,
    "numbers": "1e" * 500_000,
    "NULs": "\0" * 1_000_000,
    "right-to-left marks": "x\u202e = \u200f1\n" * 1_000,
    "halves of characters": "x = '\ud800'\n",
    "nothing": "",
    "no Python": "def f(:\n  return ¿?\n\t\n else: `ls`",
    "commas": "import " + "," * 1_000_000,
    "dots": "." * 1_000_000,
    "spaces": " " * 1_000_000 + "import",
}


def shared(one, other, given=()):
    """Return the part of an answer's fragments that another one has."""
    first, second = (fragments(tokens_of(text), given).keys() for text in (one, other))
    return len(first & second) / len(first)


@pytest.mark.parametrize("path", sorted((PACKAGE / "grading").rglob("*.py"))[::6], ids=lambda path: path.stem)
def test_tokens_are_those_that_python_finds(path):
    if "FSTRING_START" in vars(tokenize):
        pytest.skip("This Python tells the pieces of an f-string apart.")
    text = path.read_text()[:50_000]
    found = tokenize.generate_tokens(io.StringIO(text).readline)
    assert [token.text for token in tokens_of(text)] == [token.string for token in found if token.type not in LAYOUT]


def test_tokens_know_their_lines():
    lines = [(token.text, token.line) for token in tokens_of('a = """x\ny"""\n\n(b,\n c)\n') if token.kind == "name"]
    assert lines == [("a", 1), ("b", 4), ("c", 5)]


def test_other_names_numbers_and_comments_change_no_fragment():
    other = ANSWER.replace("share", "p").replace("middle", "centre").replace("1.96", "1.95996")
    other = other.replace("# the middle goes towards one half", "# die Mitte wandert zur Hälfte")
    assert shared(ANSWER, other.replace("half", "reach")) == 1


def test_statements_in_another_order_keep_most_fragments():
    lines = ANSWER.splitlines(keepends=True)
    assert shared(ANSWER, "".join([*lines[:2], lines[3], lines[2], *lines[4:]])) > 0.8


def test_another_answer_shares_little():
    other = (
        "def wilson(right, n):\n    low, high = proportion_confint(right, n, method='wilson')\n    return low, high\n"
    )
    assert shared(other, ANSWER) < 0.5  # its head, which the course hands out


def test_imported_names_keep_their_own():
    assert imported("import numpy as np, math\nfrom torch import nn, optim as o\n") == {"np", "math", "nn", "o"}
    one, other = "a = np.mean(rows) + np.std(rows)\n", "a = xp.mean(rows) + xp.std(rows)\n"
    assert shared(one, other) == 1
    assert shared(one, other, {"np", "xp"}) < 1


@pytest.mark.parametrize("start", range(0, 40, 3))
def test_eight_tokens_in_a_row_are_always_seen(start):
    tokens = tokens_of(ANSWER)
    code = [token for token in tokens if token.kind != "comment"]
    piece = code[start : start + 8]
    around = tokens_of("import os\nfor file in os.scandir(place):\n    print(file, end='')\n")
    assert fragments([*around, *piece, *around], ()).keys() & fragments(tokens, ()).keys()


def test_fragments_are_the_same_in_every_process():
    assert sorted(fragments(tokens_of("x = f(1, y)\n"), ())) == [504490579326758701]


def test_comments_and_names():
    tokens = tokens_of(ANSWER)
    assert comments(tokens) == {("the", "middle", "goes", "towards", "one", "half"): (2, 2)}
    assert set(names(tokens)) == {"wilson", "right", "share", "middle", "half"}


def test_words_are_compared_without_signs_and_what_cannot_be_seen():
    assert words_of("The ﬁrst\u202e LAYER, (785 · 300)") == ("the", "first", "layer", "785", "300")
    assert len(in_a_row(words_of("one two three four five six"))) == 2


def test_sentences_end_at_stops_items_and_blank_lines():
    text = "1 We took the mean of five.\n2. It is not so clear to us\n\nThe second one was better here! No."
    assert [" ".join(words) for words in sentences(text)] == [
        "1 we took the mean of five",
        "it is not so clear to us",
        "the second one was better here",
    ]


def test_only_a_sentence_of_many_words_is_nobodys_by_chance():
    assert is_long(words_of("we took the narrow network because it was as good and four times as small"))
    assert not is_long(words_of("785 300 235500 10 3010 the sum is 238510 1 2 3 4 5 6 7 8 9 10"))
    assert not is_long(("no",) * 50)


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_answer_costs_little_and_raises_nothing(kind):
    start = time.process_time()
    with warnings.catch_warnings(action="error"):
        tokens = tokens_of(HOSTILE[kind])
        fragments(tokens, ())
        comments(tokens), names(tokens), imported(HOSTILE[kind][:50_000]), in_a_row(words_of(HOSTILE[kind]))
        sentences(HOSTILE[kind])
    assert time.process_time() - start < 3
