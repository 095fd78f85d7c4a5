"""Notebooks in JupyterLab, as a student meets them: opened in Chromium, Run All, everything looked at.

One server, one browser and one run of notebook 08 serve the questions about its canvas too.
"""

import json
import os
import re
import secrets
import subprocess
import sys
import time
import urllib.request
from collections import namedtuple

import nbformat
import numpy as np
import pytest
from browser import CHROMIUM, IN_CHROMIUM, sync_api

from labkit import CHECKOUT

pytestmark = IN_CHROMIUM

NOTEBOOKS = CHECKOUT / "notebooks"
TOKEN = secrets.token_hex()  # others on this machine could run code as us
PATIENCE = 300  # seconds, for a machine that is busy with other things
# The settings of a student who has answered Lab's question about news; without windowing, all cells are in the page.
SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "notebook-extension/tracker": {"windowingMode": "none"},
}
CONNECTED = """name => {
    const session = window.jupyterapp?.shell.currentWidget?.sessionContext;
    const kernel = session?.session?.kernel;
    const connected = kernel?.connectionStatus === "connected" && kernel.status === "idle";
    return session?.path === name && session.isReady && connected;
}"""
ENDED = """() => {
    const cells = jupyterapp.shell.currentWidget.content.widgets.filter(cell => cell.model.type === "code");
    const outputs = cells.flatMap(cell => cell.model.sharedModel.getOutputs());
    const idle = jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === "idle";
    const failed = outputs.some(output => output.output_type === "error");
    return idle && (failed || cells.every(cell => cell.model.executionCount));
}"""
# What the kernel writes while it runs: of a progress bar, nothing is left afterwards.
LISTEN = """() => {
    window.texts = [];
    const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    kernel.iopubMessage.connect((_, message) => window.texts.push(message.content.text ?? ""));
}"""
Page = namedtuple("Page", "path tab cells problems foreign")


@pytest.fixture(scope="module")
def lab(tmp_path_factory, take_trainings):
    """Start JupyterLab as `make lab` does, on copies of the notebooks without outputs; return its address."""
    folder = tmp_path_factory.mktemp("lab")
    (folder / "notebooks").mkdir()
    for path in NOTEBOOKS.glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        nbformat.write(notebook, folder / "notebooks" / path.name)
    for name, values in SETTINGS.items():
        file = folder / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(values))
    # A kernel of the same name that the user has from elsewhere, and that cannot run: it must not be taken.
    strange = folder / "user" / "kernels" / "python3"
    strange.mkdir(parents=True)
    (strange / "kernel.json").write_text(
        json.dumps({"argv": ["false"], "display_name": "Python 3", "language": "python"})
    )
    names = ("config", "user", "runtime", "settings", "workspaces", "data", "out")
    variables = (
        *("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"),
        *("JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR", "LABKIT_DATA", "LABKIT_OUT"),
    )
    for name in names:
        (folder / name).mkdir(exist_ok=True)
    take_trainings(folder / "out")
    environment = {
        **os.environ,
        **{variable: str(folder / name) for variable, name in zip(variables, names, strict=True)},
        "LABKIT_THREADS": "1",
        "JUPYTER_TOKEN": TOKEN,
        "JUPYTER_PREFER_ENV_PATH": "1",
    }
    options = ["--no-browser", "--allow-root", "--ip=127.0.0.1", "--port=0", "--expose-app-in-browser"]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options, str(folder / "notebooks")],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            yield address(folder, server)
        finally:
            server.terminate()
            server.wait(60)


def address(folder, server):
    """Wait until Lab has started, and return where."""
    file = folder / "runtime" / f"jpserver-{server.pid}.json"
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and server.poll() is None:
        if file.exists() and (text := file.read_text()):
            return json.loads(text)["url"]
        time.sleep(0.1)
    pytest.fail((folder / "log").read_text())


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright, playwright.chromium.launch(executable_path=CHROMIUM) as browser:
        yield browser


@pytest.fixture(scope="module")
def opened(lab, browser):
    """Give a function that opens a notebook, once, runs all its cells, and returns what a test can ask about."""
    pages = {}

    def page(number):
        if number not in pages:
            pages[number] = run_all_cells(number, lab, browser)
        return pages[number]

    yield page
    for one in pages.values():
        one.tab.evaluate("jupyterapp.shell.currentWidget.sessionContext.shutdown()")
        one.tab.close()


@pytest.fixture(params=["01", "05", "08"])
def page(request, opened):
    return opened(request.param)


@pytest.fixture
def canvas(opened):
    """Return the page with the canvas, and the canvas in view."""
    pytest.importorskip("anywidget", reason="anywidget is not installed")
    tab = opened("08").tab
    tab.locator(".labkit-canvas-board").scroll_into_view_if_needed()
    return tab


def run_all_cells(number, lab, browser):
    """Open one notebook, run all its cells, and return its page."""
    (path,) = NOTEBOOKS.glob(f"{number}_*.ipynb")
    tab = browser.new_page(viewport={"width": 1280, "height": 900}, device_scale_factor=2, has_touch=True)
    tab.set_default_timeout(1000 * PATIENCE)
    problems, foreign = [], []
    tab.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    tab.on("pageerror", lambda error: problems.append(str(error)))

    def answer(route):
        if route.request.url.startswith(lab):
            route.continue_()
        else:
            foreign.append(route.request.url)
            route.abort()

    tab.route("**/*", answer)
    # A workspace of its own: in a shared one, the notebooks that were open before would open again.
    tab.goto(f"{lab}lab/workspaces/{path.stem}/tree/{path.name}?token={TOKEN}")
    tab.wait_for_function(CONNECTED, arg=path.name)  # cells that are run before are lost
    tab.evaluate(LISTEN)
    tab.get_by_role("menuitem", name="Run", exact=True).click()
    tab.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    tab.wait_for_function(ENDED)
    cells = tab.evaluate("jupyterapp.shell.currentWidget.content.model.toJSON()")["cells"]
    return Page(path, tab, [cell for cell in cells if cell["cell_type"] == "code"], problems, foreign)


def outputs(page, kind=""):
    return [output for cell in page.cells for output in cell["outputs"] if output["output_type"].startswith(kind)]


def printed(cell):
    return "".join(output.get("text", "") for output in cell["outputs"])


def test_every_cell_ran_without_an_error_or_a_warning(page):
    assert [cell["execution_count"] for cell in page.cells] == list(range(1, len(page.cells) + 1))
    assert outputs(page, "error") == []
    assert [output["text"] for output in outputs(page, "stream") if output["name"] == "stderr"] == []


def test_every_figure_is_shown_and_described(page):
    figures = [output for output in outputs(page) if "image/png" in output.get("data", {})]
    stored = [cell.outputs for cell in nbformat.read(page.path, as_version=4).cells if cell.cell_type == "code"]
    assert len(figures) == sum("image/png" in output.get("data", {}) for one in stored for output in one)
    assert all(len(figure["metadata"]["image/png"]["alt"]) > 20 for figure in figures)
    widths = page.tab.evaluate("[...document.querySelectorAll('.jp-RenderedImage img')].map(one => one.clientWidth)")
    assert len(widths) == len(figures)
    assert all(300 < width < 800 for width in widths)
    assert any(f"Saved {len(figures)} figures" in printed(cell) for cell in page.cells)


def test_every_check_has_its_answer(page):
    asked = {cell["id"]: name for cell in page.cells for name in re.findall(r'^check\("(.+?)"', cell["source"], re.M)}
    shown = {cell["id"]: printed(cell) for cell in page.cells}
    assert [name for place, name in asked.items() if f"Exercise {name} is passed" not in shown[place]] == []
    assert asked or not page.path.name.startswith("01")


def test_bars_were_there_while_networks_trained_and_are_gone(page):
    texts = page.tab.evaluate("window.texts")
    trainings = [cell for cell in page.cells if "log=print" in cell["source"]]
    assert bool(trainings) == any(" networks, " in text or " epochs, " in text for text in texts)
    for cell in trainings:
        assert printed(cell).strip()
        assert "%|" not in printed(cell)
        assert "  \n" not in printed(cell)


def test_the_page_needs_no_network_and_reports_no_error(page):
    assert page.problems == []
    assert page.foreign == []


# ---- The canvas of notebook 08

# The corners of a stroke, as shares of the canvas: a 7 with a bar, as almost every 7 of the embedded digits has it.
SEVEN = [(0.3, 0.2), (0.7, 0.2), (0.56, 0.5), (0.36, 0.5), (0.72, 0.5), (0.56, 0.5), (0.42, 0.85)]


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


def test_a_digit_drawn_with_the_mouse_is_answered(canvas):
    says(canvas, "Draw a digit")
    stroke(canvas, SEVEN)
    says(canvas, "% ±")
    says(canvas, "7, ")
    says(canvas, "over 3 seeds")
    assert len(bars(canvas)) == 10
    assert sum(bars(canvas)) == pytest.approx(100, abs=0.01)
    assert np.argmax(bars(canvas)) == 7
    assert canvas.locator(".labkit-canvas-track i").count() == 30
    assert canvas.locator(".labkit-canvas-best th").inner_text() == "7"
    assert int(canvas.locator(".labkit-canvas-best td").last.inner_text().split(" ±")[0]) == round(max(bars(canvas)))
    ink = "canvas => canvas.getContext('2d').getImageData(0, 0, 28, 28).data.reduce((sum, value) => sum + value, 0)"
    opaque, digit = 28 * 28 * 255, 3 * 40 * 255
    assert canvas.locator(".labkit-canvas figure canvas").evaluate(ink) > opaque + digit


def test_the_board_is_sharp(canvas):
    assert canvas.locator(".labkit-canvas-board").evaluate("canvas => canvas.width / canvas.clientWidth") == 2


def test_buttons_work_from_the_keyboard(canvas):
    stroke(canvas, [(0.9, 0.9), (0.92, 0.9)])
    canvas.get_by_role("button", name="Undo the last stroke").focus()
    canvas.keyboard.press("Space")
    says(canvas, "7, ")
    canvas.keyboard.press("Tab")
    canvas.keyboard.press("Enter")
    says(canvas, "Draw a digit")
    assert bars(canvas) == [0] * 10
    assert canvas.locator(".labkit-canvas-track i").count() == 0


def test_a_finger_draws_and_does_not_scroll(canvas):
    canvas.get_by_role("button", name="Clear the drawing").click()
    box = canvas.locator(".labkit-canvas-board").bounding_box()
    session = canvas.context.new_cdp_session(canvas)
    points = [
        {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]} for x, y in [(0.5, 0.1), (0.5, 0.9)]
    ]
    session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": points[:1]})
    for part in np.linspace(0, 1, 10):
        point = {"x": points[0]["x"], "y": points[0]["y"] + part * (points[1]["y"] - points[0]["y"])}
        session.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    says(canvas, "% ±")
    assert canvas.locator(".labkit-canvas-board").bounding_box() == box
    canvas.get_by_role("button", name="Clear the drawing").click()
    says(canvas, "Draw a digit")


def test_drawing_reports_no_error_either(opened, canvas):
    assert opened("08").problems == []


def test_a_kernel_that_is_gone_is_told(opened, canvas, lab):
    with urllib.request.urlopen(f"{lab}api/sessions?token={TOKEN}", timeout=30) as reply:
        (kernel,) = (one["kernel"]["id"] for one in json.load(reply) if one["path"] == opened("08").path.name)
    request = urllib.request.Request(f"{lab}api/kernels/{kernel}?token={TOKEN}", method="DELETE")
    urllib.request.urlopen(request, timeout=30).close()
    stroke(canvas, SEVEN)
    says(canvas, "No answer yet: the kernel is busy")
