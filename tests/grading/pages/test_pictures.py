"""Pictures of hostile code: drawn anew, or not shown."""

import base64
import io
import struct
import zlib

import pytest
from PIL import Image

from labkit.grading.pages.pictures import LARGEST, PAINTER, drawn_anew


@pytest.fixture(autouse=True, scope="module")
def _end():
    yield
    PAINTER.end()


def picture(text, kind, alt=""):
    return drawn_anew(text, kind, alt)[0]


def encoded(content):
    return base64.b64encode(content).decode()


def chunk(name, content):
    """Return a part of a PNG file."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def drawn(kind, size=(40, 30)):
    file = io.BytesIO()
    Image.new("RGB", size).save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["png", "jpeg"])
def test_a_picture_is_shown_with_its_size(kind):
    found = picture(encoded(drawn(kind)) + "\n", f"image/{kind}", "a  chart")
    assert (found.width, found.height, found.alt) == (40, 30, "a chart")
    head, content = found.address.split(",")
    assert head == f"data:image/{kind};base64"
    assert Image.open(io.BytesIO(base64.b64decode(content))).format == kind.upper()


def test_what_else_stands_in_the_file_is_gone():
    content = drawn("png")
    hidden = chunk(b"tEXt", b"x\0<script>alert(1)</script>")
    found = picture(encoded(content[:33] + hidden + content[33:]), "image/png")
    assert b"script" not in base64.b64decode(found.address.split(",")[1])


def test_a_figure_keeps_its_look_and_loses_most_of_its_bytes():
    import matplotlib.pyplot as plt
    import numpy as np

    figure, axes = plt.subplots(figsize=(6, 4))
    axes.plot(np.random.default_rng(0).normal(size=(50, 4)).cumsum(0), label=list("abcd"))
    axes.legend()
    file = io.BytesIO()
    figure.savefig(file, dpi=100)
    plt.close(figure)
    new = base64.b64decode(picture(encoded(file.getvalue()), "image/png").address.split(",")[1])
    assert len(new) < len(file.getvalue()) / 2
    both = [np.asarray(Image.open(io.BytesIO(one)).convert("RGB"), dtype=float) for one in (file.getvalue(), new)]
    assert np.abs(both[0] - both[1]).mean() < 4


def test_a_file_that_claims_two_sizes_is_not_shown():
    content = drawn("png")
    second = chunk(b"IHDR", struct.pack(">II", 20_000, 20_000) + content[24:29])
    assert picture(encoded(content[:33] + second + content[33:]), "image/png") is None


def test_the_largest_picture_is_drawn():
    assert picture(encoded(drawn("png", (4_000, 2_000))), "image/png").width == 4_000


def test_a_painter_that_was_killed_is_replaced():
    assert picture(encoded(drawn("png", (10, 10))), "image/png")
    PAINTER.process.kill()
    assert picture(encoded(drawn("png", (11, 10))), "image/png")


def test_a_broken_picture_counts_the_pixels_that_were_read_for_it():
    large, small = (drawn("png", size) for size in ((4_000, 2_000), (40, 30)))
    assert drawn_anew(encoded(large[: len(large) // 2]), "image/png") == (None, 8_000_000)
    assert drawn_anew(encoded(small), "image/png")[1] == 1_200
    assert drawn_anew(encoded(huge(5_000, 5_000)), "image/png") == (None, 0)


def huge(width, height):
    return drawn("png").replace(struct.pack(">II", 40, 30), struct.pack(">II", width, height))


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"<svg onload='alert(1)'/>", "image/png"),
        (b"<script>alert(1)</script>", "image/jpeg"),
        (drawn("png"), "image/jpeg"),
        (drawn("jpeg"), "image/png"),
        (drawn("png"), "image/svg+xml"),
        (drawn("png"), "text/html"),
        (drawn("gif"), "image/png"),
        (drawn("png")[:30], "image/png"),
        (drawn("jpeg")[:15], "image/jpeg"),
        (b"\xff\xd8\xff\xe0\0\0" * 1_000, "image/jpeg"),
        (huge(60_000, 10), "image/png"),
        (huge(5_000, 5_000), "image/png"),
        (huge(0, 10), "image/png"),
        (drawn("png")[:-12] + bytes(LARGEST) + drawn("png")[-12:], "image/png"),
        (b"", "image/png"),
    ],
)
def test_what_is_no_picture_of_its_kind_is_not_shown(content, kind):
    assert picture(encoded(content), kind) is None


@pytest.mark.parametrize("text", ["'><script>alert(1)</script>", "é", "====", "a"])
def test_what_is_not_base64_is_not_shown(text):
    assert picture(text, "image/png") is None
