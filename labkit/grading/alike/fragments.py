"""What is compared of answers: fragments of code, comments, names, words in a row. Imports nothing of ours.

Fragments of code are fingerprints by winnowing (Schleimer, Wilkerson and Aiken, 2003), of a few tokens only, because an
answer has few lines. Names are numbered anew in each fragment: another name changes none, and a statement in another
place few of them.
"""

from __future__ import annotations

import builtins
import keyword
import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

import numpy as np

TOKENS = 6  # of a fragment
WINDOW = 3  # of so many fragments in a row one is kept: any 8 tokens that two answers share are seen
WORDS = 5  # in a row
SENTENCE = 12  # words of a sentence that two people do not write by chance
LONGEST = 50_000  # characters that are read of one answer
OWN = frozenset(dir(builtins)) | frozenset(keyword.kwlist) | {"self"}
SAME = {"0", "1", "2"}  # numbers that belong to the form of code; any other is only a number
NAME = 1  # the code of a name that stands first in a fragment; NAME + n of one that stood n tokens before
IMPORTED = re.compile(r"^[ \t]*(?:from[ \t]+[\w.]+[ \t]+)?import[ \t]+([^#\n]*)", re.MULTILINE)
# Tokens as Python's tokenize finds them, also in code that it refuses; a text without its end goes on to the last line.
PIECE = re.compile(
    r"""(?P<comment>\#[^\n]*)
    |(?P<text>(?:[rRbBuUfF]{1,2})?(?:\"{3}(?:[^\\]|\\.)*?(?:\"{3}|\\?\Z)|'{3}(?:[^\\]|\\.)*?(?:'{3}|\\?\Z)
        |"(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?))
    |(?P<number>\.?\d(?:[eE][+-]?\d|[\w.])*)
    |(?P<name>\w+)
    |(?P<line>\n)
    |(?P<joined>\\\n)
    |(?P<operator>\*\*=?|//=?|>>=?|<<=?|->|:=|\.\.\.|[-+*/%&|^@=!<>]=|[^\w\s])""",
    re.DOTALL | re.VERBOSE,
)
ENDS = re.compile(r"(?<=[.!?])\s+|\n\s*\n|\n[ \t]*(?:[-*]|\d+[.)])[ \t]+")
WORD = re.compile(r"\w+")
Lines = tuple[int, int]  # the first and the last, from 1


@dataclass(frozen=True)
class Token:
    """A piece of code. kind: name, number, text, operator, line (the end of a statement) or comment; line: from 1."""

    kind: str
    text: str
    line: int


def tokens_of(source: str) -> list[Token]:
    """Return the tokens of code, of whatever cannot be read as code as well; never an error."""
    tokens: list[Token] = []
    line, depth, last = 1, 0, "line"
    for match in PIECE.finditer(source[:LONGEST]):
        kind, text = str(match.lastgroup), match[0]
        if kind == "operator":
            depth = max(0, depth + (text in "([{") - (text in ")]}"))
        ends = kind == "line" and last != "line" and not depth
        if ends or kind not in ("line", "joined"):
            tokens.append(Token(kind, text, line))
            last = last if kind == "comment" else kind
        line += text.count("\n")
    return tokens


def imported(source: str) -> set[str]:
    """Return the names that code imports: they belong to the course, and keep their own in fragments."""
    names = (name for listed in IMPORTED.findall(source) for name in listed.strip("() ").split(","))
    return {name.split()[-1] for name in names if name.strip()}


def fragments(tokens: list[Token], given: Collection[str], every: bool = False) -> dict[int, Lines]:
    """Return the fragments of code as numbers, the same in every process, each with the lines where it stands first.

    given: names that keep their own. every: all fragments, as of what is taken off; else those that winnowing keeps.
    """
    code = [token for token in tokens if token.kind != "comment"]
    count = len(code) - TOKENS + 1
    if count < 1:
        return {}
    codes, back = _codes(code, given)
    prints = np.zeros(count, np.uint64)
    for place in range(TOKENS):
        before = back[place : place + count]
        seen = (before > 0) & (before <= place)
        prints ^= np.where(seen, NAME + before, codes[place : place + count])
        prints *= np.uint64(0x9E3779B97F4A7C15)
        prints ^= prints >> np.uint64(29)
    starts = np.arange(count)
    if not every and count > WINDOW:
        windows = np.lib.stride_tricks.sliding_window_view(prints, WINDOW)
        rightmost = WINDOW - 1 - windows[:, ::-1].argmin(1)
        starts = np.unique(starts[: len(windows)] + rightmost)
    found: dict[int, Lines] = {}
    for start, fingerprint in zip(starts.tolist(), prints[starts].tolist(), strict=True):
        found.setdefault(fingerprint, (code[start].line, code[start + TOKENS - 1].line))
    return found


def _codes(code: list[Token], given: Collection[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return a number for each token, and for a name without a number of its own how many tokens before it stood."""
    codes, back = np.zeros(len(code), np.uint64), np.zeros(len(code), np.uint64)
    last: dict[str, int] = {}
    for place, token in enumerate(code):
        if token.kind == "name":
            attribute = place and code[place - 1].text == "."
            if not (attribute or token.text in OWN or token.text in given):
                codes[place], back[place] = NAME, place - last.get(token.text, place)
                last[token.text] = place
                continue
        same = token.kind in ("name", "operator") or token.text in SAME
        codes[place] = _code(token.text if same else token.kind)
    return codes, back


@lru_cache(maxsize=10_000)
def _code(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "replace"), digest_size=8).digest()) | 1 << 63


def comments(tokens: list[Token]) -> dict[tuple[str, ...], Lines]:
    """Return the comments of three words or more, each with its line."""
    found: dict[tuple[str, ...], Lines] = {}
    for token in tokens:
        if token.kind == "comment" and len(words := words_of(token.text)) >= 3:
            found.setdefault(words, (token.line, token.line))
    return found


def names(tokens: list[Token]) -> dict[str, Lines]:
    """Return the names of four letters or more, each with the line where it stands first."""
    found: dict[str, Lines] = {}
    for token in tokens:
        if token.kind == "name" and len(token.text) >= 4 and token.text not in OWN:
            found.setdefault(token.text, (token.line, token.line))
    return found


def words_of(text: str) -> tuple[str, ...]:
    """Return the words of a text in small letters, without signs, and without what cannot be seen."""
    text = unicodedata.normalize("NFKC", text[:LONGEST])
    return tuple(WORD.findall("".join(char for char in text if unicodedata.category(char) != "Cf").casefold()))


def in_a_row(words: tuple[str, ...]) -> set[tuple[str, ...]]:
    """Return each five words that follow one another."""
    return {words[start : start + WORDS] for start in range(len(words) - WORDS + 1)}


def sentences(text: str) -> dict[tuple[str, ...], str]:
    """Return the sentences of a text that have five words or more, by their words."""
    parts = (part.strip() for part in ENDS.split(text[:LONGEST]))
    return {words: part for part in parts if len(words := words_of(part)) >= WORDS}


def is_long(sentence: tuple[str, ...]) -> bool:
    """Whether two people do not write a sentence by chance: it has twelve different words with letters."""
    return len({word for word in sentence if any(char.isalpha() for char in word)}) >= SENTENCE
