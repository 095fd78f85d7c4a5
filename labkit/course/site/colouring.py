"""Python code with its words marked for the style sheet: six kinds, each told apart by colour and none by it alone."""

from __future__ import annotations

import itertools

from markupsafe import Markup
from pygments.lexers.python import PythonLexer
from pygments.token import Comment, Keyword, Name, Number, Operator, String, _TokenType

KINDS = (
    ("c", (Comment,)),
    ("s", (String,)),
    ("n", (Number, Keyword.Constant)),
    ("k", (Keyword, Operator.Word)),
    ("f", (Name.Function, Name.Class, Name.Decorator)),
    ("b", (Name.Builtin,)),
)


def coloured(source: str) -> Markup:
    """Return Python code as HTML; what is no Python comes through as well, marked as far as it can be read."""
    tokens = PythonLexer(stripnl=False, ensurenl=False).get_tokens(source)
    marked = itertools.groupby(((_kind(token), text) for token, text in tokens), key=lambda piece: piece[0])
    return Markup("").join(_span(kind, "".join(text for _, text in pieces)) for kind, pieces in marked)


def _kind(token: _TokenType) -> str:
    return next((name for name, types in KINDS if any(token in each for each in types)), "")


def _span(kind: str, text: str) -> Markup:
    return Markup('<span class="{}">{}</span>').format(kind, text) if kind else Markup("{}").format(text)
