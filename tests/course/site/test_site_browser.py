"""The site in Chromium, from files: read, searched and turned over by keys alone, in both themes, on a phone."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser import CHROMIUM, IN_CHROMIUM, sync_api

from labkit.course.notebooks import course, notebooks_folder, read_notebook
from labkit.course.site.compose import site_files

pytestmark = IN_CHROMIUM
PAGES = ("index.html", "08_lenet5.html", "09_profiler_comparison.html", "labkit.training.html", "labkit.report.html")
RESULTS = "#places [role=option]"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    for name, content in site_files({path.stem: read_notebook(path) for path in course(notebooks_folder())}).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright, playwright.chromium.launch(executable_path=CHROMIUM) as browser:
        yield browser


@pytest.fixture
def open_page(browser, site):
    """Give a function that opens a page, and see to it that nothing left the machine and no script failed."""
    problems, foreign, contexts = [], [], []

    def open_page(name="index.html", **settings):
        contexts.append(browser.new_context(**settings))
        page = contexts[-1].new_page()
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: foreign.append(request.url))
        page.goto((site / name).as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []
    assert not [url for url in foreign if not url.startswith((site.as_uri(), "data:,"))]


def search(page, text):
    page.keyboard.press("/")
    page.keyboard.type(text)
    page.wait_for_selector("#results:not([hidden])")
    return page.locator(RESULTS).all_inner_texts()


def is_dark(page):
    red, green, blue = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/[\\d.]+/g).map(Number)")[
        :3
    ]
    return red + green + blue < 200


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("convolution", "8.1 Convolution by hand"),
        ("LeNet-5", "8 LeNet-5"),
        ("evaluate", "evaluate"),
        ("ConvÓ hand", "8.1 Convolution by hand"),
    ],
)
def test_the_search_finds_by_the_beginnings_of_all_words(open_page, text, first):
    found = search(open_page(), text)
    assert 0 < len(found) <= 12
    assert found[0].startswith(first)
    for each in found:
        assert text[:4].casefold() in each.casefold()


def test_what_is_nowhere_is_said(open_page):
    page = open_page()
    assert search(page, "xyzzy") == []
    assert page.inner_text("#found") == "Nothing holds all of these words."


def test_a_place_is_found_and_opened_by_keys_alone(open_page):
    page = open_page()
    found = search(page, "evaluate")
    assert page.get_attribute("#search", "aria-expanded") == "true"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    chosen = page.locator(f"{RESULTS}[aria-selected=true]")
    assert chosen.inner_text() == found[1]
    assert chosen.get_attribute("id") == page.get_attribute("#search", "aria-activedescendant")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.wait_for_url("**/labkit.training.html#evaluate")
    assert page.locator("#evaluate").is_visible()
    page.keyboard.press("/")
    page.keyboard.type("mlp")
    page.wait_for_selector(RESULTS)
    page.keyboard.press("Escape")
    assert not page.locator("#results").is_visible()
    assert page.input_value("#search") == ""
    assert page.evaluate("document.activeElement.tagName") == "BODY"


def test_a_place_is_opened_by_the_mouse(open_page):
    page = open_page("08_lenet5.html")
    search(page, "mcnemar")
    page.locator(RESULTS).first.click()
    page.wait_for_url("**/labkit.report.html#mcnemar")


def test_arrows_turn_the_pages_but_not_while_one_types_or_scrolls(open_page):
    page = open_page("08_lenet5.html")
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**/09_profiler_comparison.html")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    page.wait_for_url("**/08_lenet5.html")
    page.keyboard.press("/")
    page.keyboard.press("ArrowLeft")
    page.locator("pre[tabindex='0']").first.focus()
    page.keyboard.press("ArrowRight")
    assert page.url.endswith("08_lenet5.html")


def test_the_theme_is_the_systems_until_one_is_chosen_and_then_stays(open_page):
    page = open_page(color_scheme="dark")
    assert is_dark(page)
    page.get_by_role("button", name="Light theme").click()
    assert not is_dark(page)
    page.goto(page.url.replace("index.html", "08_lenet5.html"))
    assert not is_dark(page)
    page.get_by_role("button", name="Dark theme").click()
    assert is_dark(page)
    assert not is_dark(open_page(color_scheme="light"))


@pytest.mark.parametrize("name", PAGES)
def test_a_phone_shows_every_page_without_scrolling_sideways(open_page, name):
    page = open_page(name, viewport={"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert page.locator("#search").is_visible()
    page.get_by_role("link", name="Contents").click()
    assert page.locator("nav.course").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["index.html", "08_lenet5.html", "labkit.training.html"])
def test_axe_finds_no_fault(open_page, name, scheme):
    page = open_page(name, color_scheme=scheme)
    if name == "index.html":
        search(page, "convolution")
    found = Axe().run(page, options={"preload": False}).response["violations"]  # it would fetch the style sheet itself
    assert not [(fault["id"], [node["html"] for node in fault["nodes"]][:3]) for fault in found]


def test_the_first_key_leads_to_the_text_and_focus_is_seen(open_page):
    page = open_page("08_lenet5.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText") == "To the text"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_figures_are_loaded_and_formulas_are_drawn(open_page):
    page = open_page("08_lenet5.html")
    for image in page.locator("img").all():
        assert image.evaluate("image => (image.loading = 'eager', image.decode()).then(() => image.naturalWidth)") > 100
    assert page.locator("math").first.bounding_box()["height"] > 5


def test_without_javascript_it_can_be_read(open_page):
    page = open_page("08_lenet5.html", java_script_enabled=False)
    assert not page.locator("#search").is_visible()
    assert not page.locator("#theme").is_visible()
    page.get_by_role("link", name="9 What does accuracy cost?").first.click()
    page.wait_for_url("**/09_profiler_comparison.html")


def test_it_prints_black_on_white_without_what_surrounds_the_text(open_page):
    page = open_page("08_lenet5.html", color_scheme="dark")
    page.emulate_media(media="print")
    assert not is_dark(page)
    assert not page.locator("header").is_visible()
    assert not page.locator("nav.course").is_visible()
