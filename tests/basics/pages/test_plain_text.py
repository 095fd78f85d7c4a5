"""What of a text is shown on a page."""

import pytest

from labkit.basics.pages.plain_text import shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\nb\tc", "a\nb\tc"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07\x1b[2Jx", "x"),
        ("\x1b]8;;http://evil.example\x07link\x1b]8;;\x07", "link"),
        ("user\u202egpj.exe", "usergpj.exe"),
        ("\u2066a\u2069\u200b\ufeff\x00\x08", "a"),
        (" 10%\r 50%\r100%\ndone", "100%\ndone"),
        ("a\r\nb", "a\nb"),
        ("\ud800", "?"),
        ("Zoë 数 😀", "Zoë 数 😀"),
    ],
)
def test_texts_have_no_escapes_and_no_hidden_characters(text, expected):
    assert shown(text) == expected


def test_of_a_long_text_both_ends_remain():
    text = shown("a" * 50_000 + "b" * 50_000)
    assert len(text) < 21_000
    assert text.startswith("aaa")
    assert text.endswith("bbb")
    assert "80,000 characters are left out" in text


def test_a_long_line_is_cleaned_in_time():
    assert shown("\r\x1b[" * 500_000 + "\ry", 2_000_000) == "y"
    assert shown("\x1b]" * 500_000 + "\x07y", 2_000_000) == "y"
