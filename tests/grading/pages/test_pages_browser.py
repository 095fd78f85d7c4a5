"""The pages in Chromium, from file://, as a TA meets them: sort, filter, search, open; nothing of a submission runs."""

import nbformat
import pytest
from attacks import ATTACKS
from attempt_makers import attempt, taken
from browser import CHROMIUM, IN_CHROMIUM, sync_api
from cells import code, display, png, printed
from page_makers import NOTEBOOKS, class_of, store

from labkit.grading.pages.site import write_pages

pytestmark = IN_CHROMIUM

FIRST, SECOND = NOTEBOOKS
LOUD = [
    "<script>alert(1)</script>",
    "<svg onload='alert(1)'/>",
    "<img src=x onerror=alert(1)>",
    "\"'><img src=x onerror=alert(1)>",
    "</style></title></script><script>alert(1)</script>",
    "<meta http-equiv=refresh content='0;url=http://evil.example/'>",
    "<iframe src=http://evil.example/></iframe>",
    "<link rel=prefetch href=http://evil.example/><img src=http://evil.example/x.png>",
    "<a href=javascript:alert(1) autofocus onfocus=alert(1)>x</a>",
    "\x1b]0;title\x07\u202e\x00&lt;script&gt;",
]


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright, playwright.chromium.launch(executable_path=CHROMIUM) as browser:
        yield browser


@pytest.fixture
def tab(browser):
    """Give a test a tab, and see to it that nothing left the machine, nothing spoke up, and no script failed."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    tab = context.new_page()
    tab.problems, tab.foreign = [], []
    tab.on("console", lambda message: tab.problems.append(message.text))
    tab.on("pageerror", lambda error: tab.problems.append(str(error)))
    tab.on("dialog", lambda dialog: (tab.problems.append(dialog.message), dialog.dismiss()))
    tab.on("request", lambda request: tab.foreign.append(request.url))
    yield tab
    assert tab.problems == []
    assert [url[:60] for url in tab.foreign if not url.startswith(("file:", "data:image/png;base64,"))] == []
    context.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Write the pages of a class of 500; return the index."""
    out = tmp_path_factory.mktemp("class")
    store(out, "student-003", SECOND, code("plot()", display(image_png=png()), printed("\n".join("abc" * 20))))
    return write_pages(class_of(500), out)


SETTLED = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"


def settle(tab):
    """Let the page do all that its loading set off: two frames are drawn, and every waiting task has had its turn."""
    tab.evaluate(SETTLED)


def names(tab):
    """Return the names in the table, those that are shown, from the top."""
    return tab.evaluate("[...document.querySelectorAll('#class tbody tr:not([hidden]) th a')].map(a => a.innerText)")


def test_500_submissions_are_there_and_are_sorted_by_every_column(tab, site):
    tab.goto(site.as_uri())
    assert len(names(tab)) == 500
    assert "500 of 500" in tab.inner_text("#count")
    heads = tab.locator("#class thead th")
    columns = heads.all_inner_texts()
    values = """place => [...document.querySelectorAll('#class tbody tr')].map(row => row.cells[place].dataset.sort)"""
    for place in range(len(columns)):
        for direction in ("ascending", "descending"):
            heads.nth(place).get_by_role("button").click()
            assert heads.nth(place).get_attribute("aria-sort") == direction
            found = tab.evaluate(values, place)
            found = found if place == 0 else list(map(float, found))
            assert found == sorted(found, reverse=direction == "descending")
    assert tab.locator("[aria-sort]").count() == 1


def test_submissions_are_found_by_name_and_by_id(tab, site):
    tab.goto(site.as_uri())
    search = tab.get_by_label("Name or id")
    search.fill("012 STUDÉNT")
    assert names(tab) == ["Student 012"]
    search.fill("8993")
    assert names(tab) == ["Student 007"]
    search.fill("nobody")
    assert names(tab) == []
    assert "0 of 500" in tab.inner_text("#count")


def test_submissions_are_filtered_by_status_and_by_exercise_together(tab, site):
    tab.goto(site.as_uri())
    tab.get_by_label("A notebook is").select_option("missing")
    missing = {f"Student {place:03}" for place in range(500) if place % 7 == 6}
    assert set(names(tab)) == missing
    tab.get_by_label("Exercise", exact=True).select_option(label="5.2 choose a width, and defend it")
    wrong = {f"Student {place:03}" for place in range(500) if place % 3 == 0}
    assert set(names(tab)) == missing & wrong
    tab.get_by_label("is", exact=True).select_option("passed")
    assert set(names(tab)) == missing - wrong
    tab.get_by_role("button", name="Show all").click()
    tab.wait_for_function("document.getElementById('count').innerText.startsWith('500 of')")
    tab.get_by_role("link", name="5.2").click()
    assert set(names(tab)) == wrong


def test_a_submission_is_opened_by_keys_alone(tab, site):
    tab.goto(site.as_uri())
    tab.keyboard.press("Tab")
    tab.keyboard.type("student 003")
    assert names(tab) == ["Student 003"]
    for _ in range(12):
        tab.keyboard.press("Tab")
        if tab.evaluate("document.activeElement.innerText") == "Submission":
            break
    tab.keyboard.press("Enter")
    assert tab.locator("[aria-sort=ascending]").inner_text() == "Submission"
    for _ in range(30):
        if tab.evaluate("document.activeElement.innerText") == "Student 003":
            break
        tab.keyboard.press("Tab")
    assert tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    tab.keyboard.press("Enter")
    tab.wait_for_selector("h1:has-text('Student 003')")
    assert tab.locator("img").evaluate("image => image.decode().then(() => image.naturalWidth)") == 40
    fold = tab.get_by_text("60 lines of output")
    fold.focus()
    tab.keyboard.press("Enter")
    assert tab.locator("pre.output").is_visible()
    tab.get_by_role("link", name="The page to hand back").click()
    tab.wait_for_selector("h1:has-text('Student 003')")
    assert tab.url.endswith("/feedback/student-003.html")


def test_without_javascript_it_is_a_plain_table(browser, site):
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(site.as_uri())
    assert tab.locator("#class tbody tr").count() == 500
    assert not tab.locator("#filters").is_visible()
    assert tab.locator("#class thead button").count() == 0
    context.close()


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_a_phone_and_are_readable_in_light_and_dark(browser, site, width, scheme):
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    tab = context.new_page()
    for page in (site, site.parent / "submissions" / "student-003.html"):
        tab.goto(page.as_uri())
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        colours = tab.evaluate("""() => [document.body, ...document.querySelectorAll('.mark, #class td, .verdict')].map(
            one => [getComputedStyle(one).color, getComputedStyle(one).backgroundColor])""")
        for front, back in {tuple(pair) for pair in colours}:
            if back != "rgba(0, 0, 0, 0)":
                assert contrast(front, back) >= 4.5
    context.close()


def contrast(front, back):
    """Return the contrast of two colours, as WCAG 2 defines it."""

    def light(colour):
        channels = [int(part) / 255 for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]
        red, green, blue = (one / 12.92 if one <= 0.03928 else ((one + 0.055) / 1.055) ** 2.4 for one in channels)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    darker, lighter = sorted((light(front), light(back)))
    return (lighter + 0.05) / (darker + 0.05)


def test_statuses_are_told_by_sign_and_word_too(tab, site):
    tab.goto(site.as_uri())
    links = tab.locator("#class tbody tr").nth(6).locator("td a")
    assert [text.split()[0] for text in links.all_text_contents()] == ["-", "✗"]
    assert links.nth(0).get_attribute("aria-label") == "missing"
    assert links.nth(1).get_attribute("aria-label") == "failed, 7 points"


@pytest.fixture(scope="module")
def attacked(tmp_path_factory):
    """Write pages of submissions where every text attacks; return their folder."""
    out = tmp_path_factory.mktemp("attacked")
    attempts, everyone = [], []
    for place, evil in enumerate([*LOUD, *ATTACKS]):
        name, number = f"a{place}", {"claimed": evil, "found": evil, "same": False, "band": [1, 2, 3]}
        html = f"<table><tr><td>{evil}</td></tr></table>{evil}"
        outputs = [
            display(text_html=html, text_plain=evil),
            display(text_html=evil, svg=evil, javascript="alert(1)"),
            display(text_markdown=f"{evil}\n\n# {evil}"),
            display(svg=evil),
            display(javascript="alert(1)"),
            nbformat.v4.new_output("display_data", {"image/png": png()}, metadata={"image/png": {"alt": evil}}),
            nbformat.v4.new_output("display_data", {"image/png": evil, evil: evil}),
            nbformat.v4.new_output("error", ename=evil, evalue=evil, traceback=[evil]),
            printed(evil),
        ]
        prose = nbformat.v4.new_markdown_cell(f"{evil}\n\n- {evil}")
        store(out, name, FIRST, prose, nbformat.v4.new_raw_cell(evil), code(evil, *outputs))
        verdict = {"status": "failed", "message": evil, "points": 0}
        more = {"student": evil, "user": evil, "remarks": (evil,), "versions": {evil: evil}}
        attempts.append(
            attempt(
                name, FIRST, "failed", verdicts={"1.1": verdict}, numbers={evil: number}, limits={evil: evil}, **more
            )
        )
        everyone.append(taken(name, evil, evil, problems=(evil,)))
    write_pages(attempts, out, everyone)
    return out


def test_attacks_on_the_index_stay_text(tab, attacked):
    tab.goto((attacked / "site" / "index.html").as_uri())
    settle(tab)
    assert {" ".join(evil.split()) for evil in LOUD[:-1]} <= set(names(tab))
    assert tab.title() == "labkit: the class at a glance"
    tab.get_by_label("Name or id").fill("<script>alert(1)")
    assert "<script>alert(1)</script>" in names(tab)


def test_attacks_on_a_submission_stay_text(tab, attacked):
    pages = [*attacked.glob("site/submissions/*.html"), *attacked.glob("feedback/*.html")]
    assert len(pages) == 2 * len([*LOUD, *ATTACKS])
    for page in pages:
        tab.goto(page.as_uri())
        tab.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        assert tab.url == page.as_uri()
        assert tab.locator("script, iframe, object, embed, base, link, form, input").count() == 0
        assert tab.locator("img").count() == 1
        assert tab.locator("svg, math").count() == 0
        assert "evil" not in "".join(tab.evaluate("[...document.links].map(link => link.href)"))
        assert "alert" not in "".join(tab.evaluate("[...document.links].map(link => link.href)"))
    settle(tab)


def test_the_policy_holds_even_if_a_script_got_through(browser, attacked):
    """What no template lets in is written into a page by hand."""
    context = browser.new_context()
    tab, refused, ran = context.new_page(), [], []
    tab.on("console", lambda message: refused.append(message.text))
    tab.on("dialog", lambda dialog: (ran.append(dialog.message), dialog.dismiss()))
    tab.on("requestfailed", lambda request: refused.append(f"{request.failure} {request.url}"))
    tab.on("response", lambda response: ran.append(response.url) if response.url.startswith("http") else None)
    for page in (attacked / "site" / "index.html", attacked / "feedback" / "a0.html"):
        broken = page.with_name("broken.html")
        inside = "".join(LOUD[:5]) + "<img src=http://evil.example/x.png><style>body{color:red}</style>"
        broken.write_text(page.read_text().replace("</h1>", f"</h1>{inside}", 1))
        tab.goto(broken.as_uri())
        settle(tab)
        broken.unlink()
        assert tab.evaluate("getComputedStyle(document.body).color") != "rgb(255, 0, 0)"
    assert ran == []
    assert sum("Content Security Policy" in text for text in refused) > 6
    assert {text for text in refused if "http://evil.example" in text and text.startswith("net")} == set()
    context.close()
