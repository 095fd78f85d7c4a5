import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from torch import nn

from labkit.basics.errors import UsageError
from labkit.basics.machine import set_seed
from labkit.data import drawing as canvas
from labkit.models.networks import LeNet5
from labkit.training.config import TrainConfig
from labkit.training.loop import fit

# The corners of a stroke, as shares of the canvas: a 7 with a bar, as almost every 7 of the embedded digits has it.
SEVEN = [(0.3, 0.2), (0.7, 0.2), (0.56, 0.5), (0.36, 0.5), (0.72, 0.5), (0.56, 0.5), (0.42, 0.85)]
CONFIG = TrainConfig(epochs=6, batch_size=32, lr=3e-3, schedule="one_cycle")


def drawn(points, width=0.095):
    """Return a drawing of one stroke, as the browser would send it."""
    image = Image.new("L", (4 * canvas.SIDE,) * 2)  # reduced at the end: its edges are grey
    corners = [(x * image.width, y * image.width) for x, y in points]
    radius = width * image.width / 2
    pen = ImageDraw.Draw(image)
    pen.line(corners, 255, round(2 * radius), joint="curve")
    for x, y in corners:
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), 255)
    return np.asarray(image.reduce(4))


def train(seed, dataset):
    set_seed(seed)
    model = LeNet5("modern")
    fit(model, dataset, replace(CONFIG, seed=seed))
    return model


@pytest.fixture(scope="module")
def networks(digits):
    return [train(seed, digits) for seed in range(3)]


class Fixed(nn.Module):
    """Gives every image the same logits."""

    def __init__(self, logits):
        super().__init__()
        self.logits = nn.Parameter(torch.tensor(logits))

    def forward(self, images):
        return self.logits.expand(len(images), -1)


def centre_of_mass(image):
    return [(image.sum(1 - axis) @ np.arange(28)) / image.sum() for axis in (0, 1)]


@pytest.mark.parametrize("shift", [(-0.2, -0.15), (0, 0), (0.2, 0.1)])
@pytest.mark.parametrize("scale", [0.5, 1])
def test_a_stroke_anywhere_ends_centred_and_scaled(shift, scale):
    points = [(0.5 + scale * (x - 0.5) + shift[0], 0.5 + scale * (y - 0.5) + shift[1]) for x, y in SEVEN]
    image = canvas.as_digit(drawn(points))
    assert image.dtype == np.uint8
    assert image.shape == (28, 28)
    rows, columns = (np.flatnonzero(image.any(axis)) for axis in (1, 0))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    assert centre_of_mass(image.astype(float)) == pytest.approx([14, 14], abs=0.51)


@pytest.mark.parametrize("points", [[(0.1, 0.1), (0.9, 0.1)], [(0.5, 0.05), (0.5, 0.95)], [(0.5, 0.5)] * 2])
def test_lines_and_dots_keep_their_shape(points):
    image = canvas.as_digit(drawn(points))
    rows, columns = (np.flatnonzero(image.any(axis)) for axis in (1, 0))
    ink = drawn(points)
    height, width = (np.ptp(np.flatnonzero(ink.any(axis))) + 1 for axis in (1, 0))
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == tuple(
        max(1, round(side * 20 / max(height, width))) for side in (height, width)
    )


def test_real_digits_come_back_as_they_were(digits):
    """An image of the dataset, enlarged and moved as a drawing, is prepared to itself: the same place, the same ink."""
    frame = canvas.inked_frame(digits)
    assert frame == (4, 24, 4, 24)  # where embedded_digits puts them
    for image in (255 * digits.pixels(digits.test.images[:50])[:, 0].numpy()).round().astype(np.uint8):
        ink = image[4:24, 4:24]
        drawing = np.zeros((112, 112), np.uint8)
        drawing[10:110, 4:104] = np.asarray(Image.fromarray(ink).resize((100, 100), Image.Resampling.NEAREST))
        again = canvas.as_digit(drawing, frame)
        assert again.sum() == pytest.approx(image.sum(), rel=0.12)
        assert np.abs(np.subtract(centre_of_mass(again / 255), 13.5)).max() < 3


@pytest.mark.parametrize("level", [0, 1, 255])
def test_an_empty_a_faint_and_a_full_drawing_are_prepared(level):
    image = canvas.as_digit(np.full((112, 112), level, np.uint8))
    assert image.max() == level
    faint = np.zeros((112, 112), np.uint8)
    faint[3, 50] = level
    assert canvas.as_digit(faint).shape == (28, 28)


def test_faint_ink_that_vanishes_when_scaled_gives_an_empty_image():
    drawing = np.zeros((112, 112), np.uint8)
    drawing[[0, 111], [0, 111]] = 1
    assert not canvas.as_digit(drawing).any()


def test_networks_see_the_image_normalised(digits):
    images = []

    class Spy(Fixed):
        def forward(self, batch):
            images.append(batch)
            return super().forward(batch)

    answer = canvas.respond(drawn(SEVEN).tobytes(), [Spy([0.0] * 10)], digits)
    assert images[0].shape == (1, 1, 28, 28)
    assert images[0].dtype == torch.float32
    seen = np.frombuffer(answer["seen"], np.uint8).reshape(28, 28)
    assert digits.pixels(images[0])[0, 0].numpy() == pytest.approx(seen / 255, abs=1e-6)


@pytest.mark.slow
def test_answers_to_drawings_of_test_images_are_right(networks, digits):
    frame = canvas.inked_frame(digits)
    right = 0
    for image, label in zip(digits.pixels(digits.test.images[:100]), digits.test.labels, strict=False):
        large = Image.fromarray((255 * image[0].numpy()).astype(np.uint8)).resize((112, 112), Image.Resampling.BICUBIC)
        drawing = np.where(np.asarray(large) < 12, 0, large).astype(np.uint8)
        right += canvas.respond(drawing.tobytes(), networks, digits, frame)["text"].startswith(f"{label}, ")
    assert right >= 90


@pytest.mark.slow
def test_the_answer_to_a_stroke_has_its_spread(networks, digits):
    answer = canvas.respond(drawn(SEVEN).tobytes(), networks, digits, canvas.inked_frame(digits))
    dots = np.array(answer["dots"])
    assert dots.shape == (3, 10)
    assert dots.sum(1) == pytest.approx(100)
    assert answer["means"] == pytest.approx(dots.mean(0))
    assert answer["spreads"] == pytest.approx(dots.std(0, ddof=1))
    assert answer["text"] == f"7, {dots.mean(0)[7]:.0f} % ± {dots.std(0, ddof=1)[7]:.0f} over 3 seeds"


def test_one_network_has_no_spread(digits):
    answer = canvas.respond(drawn(SEVEN).tobytes(), [Fixed([0.0] * 9 + [9.0])], digits)
    assert answer["text"] == "9, 100 %, one seed"
    assert answer["spreads"] == [0] * 10


@pytest.mark.slow
def test_answering_leaves_a_network_in_its_mode(networks, digits):
    for mode in (True, False):
        networks[0].train(mode)
        canvas.probabilities(networks, digits.test.images)
        assert networks[0].training is mode


@pytest.mark.parametrize("drawing", [b"", bytes(112 * 112)])
def test_an_empty_drawing_has_no_answer(drawing, digits):
    assert canvas.respond(drawing, [], digits) == {}


@pytest.mark.parametrize("size", [1, 784, 112 * 112 - 1, 112 * 112 + 1])
def test_a_drawing_of_a_wrong_size_is_ignored_and_told(size, digits):
    answer = canvas.respond(b"\xff" * size, [], digits)
    assert answer == {"text": f"A drawing of {size:,} bytes was ignored: it should have 12,544."}


def test_a_network_that_gives_no_numbers_is_told(digits):
    answer = canvas.respond(drawn(SEVEN).tobytes(), [Fixed([float("nan")] * 10)], digits)
    assert list(answer) == ["text"]
    assert "NaN" in answer["text"]


def test_the_widget_survives_hostile_messages(digits):
    pytest.importorskip("anywidget")
    widget = canvas.make_widget([Fixed([0.0] * 10), Fixed([1.0] + [0.0] * 9)], digits)
    widget.set_state({"drawing": memoryview(drawn(SEVEN).tobytes())})
    assert widget.answer["text"].endswith("over 2 seeds")
    for count, hostile in enumerate([10**12, "drawing", None, [1, "a"], {"a": 1}, memoryview(b"\x01" * 99)], 2):
        widget.set_state({"drawing": memoryview(bytes([count]))})
        widget.set_state({"drawing": hostile})
        assert "was ignored" in widget.answer["text"]
    widget.set_state({"drawing": memoryview(b"")})
    assert widget.answer == {}


def test_the_widget_shown_without_a_kernel_says_what_to_do(digits):
    pytest.importorskip("anywidget")
    widget = canvas.make_widget([Fixed([0.0] * 10)], digits)
    bundle = widget._repr_mimebundle_()[0]
    assert bundle["text/plain"] == "A canvas to draw a digit on: run this cell again to use it."


def test_networks_and_images_that_do_not_fit_are_refused(digits, shapes):
    pytest.importorskip("anywidget")
    for models, dataset in [([], digits), ([Fixed([0.0] * 9)], digits), ([Fixed([0.0] * 10)], shapes)]:
        with pytest.raises(UsageError, match="The canvas needs"):
            canvas.make_widget(models, dataset)


def never(seed):
    raise AssertionError("a network was trained that nobody will ask")


def test_a_headless_run_trains_nothing_and_says_so(digits, capsys):
    assert not canvas.watched()
    canvas.draw_digit(never, [0, 1, 2], digits)
    assert "Open this notebook in JupyterLab" in capsys.readouterr().out


def test_without_the_extra_the_cell_says_how_to_get_it(digits, capsys, monkeypatch):
    monkeypatch.setattr(canvas, "watched", lambda: True)
    monkeypatch.setattr(canvas, "find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "anywidget", None)  # an import would fail
    canvas.draw_digit(never, [0, 1, 2], digits)
    assert 'pip install "labkit[widgets]"' in capsys.readouterr().out
