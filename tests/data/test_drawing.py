import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
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


def test_answers_to_drawings_of_test_images_are_right(networks, digits):
    frame = canvas.inked_frame(digits)
    right = 0
    for image, label in zip(digits.pixels(digits.test.images[:100]), digits.test.labels, strict=False):
        large = Image.fromarray((255 * image[0].numpy()).astype(np.uint8)).resize((112, 112), Image.Resampling.BICUBIC)
        drawing = np.where(np.asarray(large) < 12, 0, large).astype(np.uint8)
        right += canvas.respond(drawing.tobytes(), networks, digits, frame)["text"].startswith(f"{label}, ")
    assert right >= 90


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


# ---- In a real browser

CELL = """
from labkit.data.drawing import draw_digit
from labkit.training.config import TrainConfig
from labkit.data.datasets import load
from labkit.models.networks import LeNet5
from labkit.basics.machine import set_seed, set_threads
from labkit.training.loop import fit

set_threads()
digits = load("mnist", "embedded")


def train(seed):
    set_seed(seed)
    model = LeNet5("modern")
    fit(model, digits, TrainConfig(epochs=6, batch_size=32, lr=3e-3, schedule="one_cycle", seed=seed))
    return model


draw_digit(train, [0, 1, 2], digits)
"""
TOKEN = "canvas"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """Start JupyterLab on this machine's own address, with a notebook that shows the canvas; return its address."""
    pytest.importorskip("anywidget")
    pytest.importorskip("playwright")
    if shutil.which("chromium") is None:
        pytest.skip("chromium is not installed: on Debian and Ubuntu, apt install chromium")
    import nbformat
    from nbformat.v4 import new_code_cell, new_notebook

    home = tmp_path_factory.mktemp("lab")
    kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = new_notebook(cells=[new_code_cell(CELL)], metadata={"kernelspec": kernelspec})
    (home / "notebooks").mkdir()
    nbformat.write(notebook, home / "notebooks" / "draw.ipynb")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    calm = home / "settings" / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    calm.parent.mkdir(parents=True)
    calm.write_text('{"fetchNews": "false", "checkForUpdates": false}')
    own = {name: str(home / name.lower()) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")}
    folders = {"JUPYTERLAB_SETTINGS_DIR": str(home / "settings"), "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces")}
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--IdentityProvider.token={TOKEN}"),
        *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"),
        *("--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate", "--LabApp.extension_manager=readonly"),
    ]
    with (home / "log").open("w") as log:
        server = subprocess.Popen(
            command, cwd=home / "notebooks", env=os.environ | own | folders, stdout=log, stderr=subprocess.STDOUT
        )
        address = f"http://127.0.0.1:{port}"
        try:
            wait_for(lambda: server.poll() is not None or sessions(address) == [], "JupyterLab starts")
            assert server.poll() is None, (home / "log").read_text()
            yield address
        finally:
            server.terminate()
            server.wait(30)


def sessions(address):
    """Return the sessions of a Jupyter server; None while it does not answer."""
    try:
        with urllib.request.urlopen(f"{address}/api/sessions?token={TOKEN}", timeout=5) as reply:
            return json.load(reply)
    except OSError:
        return None


def wait_for(condition, what, seconds=90):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s in vain until {what}"
        time.sleep(0.1)


def kernel_is_ready(address):
    """A cell that is run before the page is connected to its kernel is lost."""
    kernels = [session["kernel"] for session in sessions(address) or []]
    return any(kernel["connections"] > 0 and kernel["execution_state"] == "idle" for kernel in kernels)


@pytest.fixture(scope="module")
def page(lab):
    """Open the notebook in Chromium, run its cell, and return the page with the canvas, and its errors as a list."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Root has no sandbox; tests in containers run as root.
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1100, "height": 900}, device_scale_factor=2, has_touch=True)
        page.set_default_timeout(60_000)
        page.errors = []
        page.on("console", lambda message: message.type == "error" and page.errors.append(message.text))
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.goto(f"{lab}/lab/tree/draw.ipynb?token={TOKEN}")
        page.locator(".jp-Notebook .jp-CodeCell").first.wait_for()
        wait_for(lambda: kernel_is_ready(lab), "the kernel is connected and idle")
        page.locator(".jp-CodeCell .jp-InputArea-editor").first.click()
        page.keyboard.press("Control+Enter")
        page.locator(".labkit-canvas").wait_for()
        yield page
        browser.close()


def stroke(page, points):
    """Draw a stroke with the mouse."""
    box = page.locator(".labkit-canvas-board").bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=12)
    page.mouse.up()


def says(page, text):
    page.locator(".labkit-canvas [role=status]").filter(has_text=text).wait_for()


def bars(page):
    """Return the widths of the bars in percent."""
    styles = page.locator(".labkit-canvas-bar").evaluate_all("bars => bars.map((bar) => bar.style.width)")
    return [float(style.removesuffix("%")) for style in styles]


def test_a_digit_drawn_with_the_mouse_is_answered(page):
    says(page, "Draw a digit")
    stroke(page, SEVEN)
    says(page, "% ±")
    says(page, "7, ")
    says(page, "over 3 seeds")
    assert len(bars(page)) == 10
    assert sum(bars(page)) == pytest.approx(100, abs=0.01)
    assert np.argmax(bars(page)) == 7
    assert page.locator(".labkit-canvas-track i").count() == 30
    assert page.locator(".labkit-canvas-best th").inner_text() == "7"
    assert int(page.locator(".labkit-canvas-best td").last.inner_text().split(" ±")[0]) == round(max(bars(page)))
    ink = "canvas => canvas.getContext('2d').getImageData(0, 0, 28, 28).data.reduce((sum, value) => sum + value, 0)"
    opaque, digit = 28 * 28 * 255, 3 * 40 * 255
    assert page.locator(".labkit-canvas figure canvas").evaluate(ink) > opaque + digit


def test_the_board_is_sharp(page):
    assert page.locator(".labkit-canvas-board").evaluate("canvas => canvas.width / canvas.clientWidth") == 2


def test_buttons_work_from_the_keyboard(page):
    stroke(page, [(0.9, 0.9), (0.92, 0.9)])
    page.get_by_role("button", name="Undo the last stroke").focus()
    page.keyboard.press("Space")
    says(page, "7, ")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    says(page, "Draw a digit")
    assert bars(page) == [0] * 10
    assert page.locator(".labkit-canvas-track i").count() == 0


def test_a_finger_draws_and_does_not_scroll(page):
    page.get_by_role("button", name="Clear the drawing").click()
    box = page.locator(".labkit-canvas-board").bounding_box()
    session = page.context.new_cdp_session(page)
    points = [
        {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]} for x, y in [(0.5, 0.1), (0.5, 0.9)]
    ]
    session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": points[:1]})
    for part in np.linspace(0, 1, 10):
        point = {"x": points[0]["x"], "y": points[0]["y"] + part * (points[1]["y"] - points[0]["y"])}
        session.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    says(page, "% ±")
    assert page.locator(".labkit-canvas-board").bounding_box() == box
    page.get_by_role("button", name="Clear the drawing").click()
    says(page, "Draw a digit")


def test_the_browser_reports_no_error(page):
    assert page.errors == []


def test_a_kernel_that_is_gone_is_told(page, lab):
    for session in sessions(lab):
        kernel = f"{lab}/api/kernels/{session['kernel']['id']}?token={TOKEN}"
        urllib.request.urlopen(urllib.request.Request(kernel, method="DELETE"), timeout=30).close()
    stroke(page, SEVEN)
    says(page, "No answer yet: the kernel is busy")
