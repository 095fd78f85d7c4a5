"""The page in Chromium: marked by keyboard alone, killed between keys, hostile answers, phone, dark, screen reader."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser import CHROMIUM, IN_CHROMIUM, sync_api
from night_makers import write_night

from labkit.grading import recount
from labkit.grading.marks.mark_lines import read_lines

pytestmark = IN_CHROMIUM
HOSTILE = {
    "05.q1": "<script>document.title = 'owned'</script><img src=x onerror=\"document.title='owned'\">",
    "05.q2": "A long one. " * 60_000,
    "05.q3": "abc \u202egnorw\u202c \u2066x \x1b[31mred \u200b" + "\u0301" * 3_000,
    "05.q4": r"$\def\a{\a\a}\a$ $$" + r"\frac{" * 3_000 + '$$ #read("/etc/passwd") <!-- ',
    "05.q5": "[click](javascript:alert(1)) ![x](http://127.0.0.1/x.png) </textarea></section><style>*{color:red}",
}


@contextlib.contextmanager
def marking(folder, *options):
    """Run `labkit mark`, and yield the address and the process."""
    command = [
        sys.executable,
        "-c",
        "from labkit.cli import main; main()",
        "mark",
        str(folder),
        "--no-browser",
        *options,
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"})
    try:
        found = next((found[0] for line in process.stdout if (found := re.search(r"http://\S+", line))), None)
        assert found, "labkit mark printed no address"
        yield found, process
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextlib.contextmanager
def page_at(browser, address, **settings):
    context = browser.new_context(**settings)
    page = context.new_page()
    faults = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(address)
    page.wait_for_selector(".answer")
    yield page
    context.close()
    assert faults == []


def until(page, expression, arg=None, seconds=30):
    """Wait until JavaScript gives something true; playwright's own way to wait is refused by the page's policy."""
    end = time.monotonic() + seconds
    while not page.evaluate(expression, arg):
        assert time.monotonic() < end, expression
        page.wait_for_timeout(5)


def faults_of(page):
    """Return what axe finds wrong for those who see little, or nothing, or use no mouse: which rule, and where."""
    found = Axe().run(page).response["violations"]
    return [(fault["id"], [node["html"] for node in fault["nodes"]]) for fault in found]


def card_of(page):
    return page.evaluate("document.body.dataset.card")


OTHER_CARD = """before => new Promise(found => {
  const look = () => document.body.dataset.card !== before ? found() : setTimeout(look, 2);
  look();
})"""


def wait_for_other_card(page, before):
    page.evaluate(OTHER_CARD, before)


def wait_until_saved(page):
    until(page, "document.getElementById('saved').textContent === 'saved'")


def test_two_keys_give_full_marks_and_go_on_until_nothing_is_open(tmp_path, browser):
    write_night(tmp_path, 2, ["05_mlp1_sweep"], outputs=False)
    with marking(tmp_path, "--grader", "anna") as (address, _), page_at(browser, address) as page:
        count, opened = 2 * 5 + 4, []
        for _ in range(count):
            before = card_of(page)
            opened.append(before)
            page.keyboard.press("f")
            page.keyboard.press("Enter")
            if len(opened) < count:
                wait_for_other_card(page, before)
        until(page, "document.getElementById('told').textContent.includes('Nothing else is open')")
        assert len(set(opened)) == count
        assert page.inner_text("#progress") == f"{count} of {count} marked"
    lines, told = read_lines(tmp_path)
    assert (len(lines), told) == (count, [])


def test_45_questions_of_50_groups_are_marked_with_two_keys_each(tmp_path, browser):
    write_night(tmp_path, 50, outputs=False, reports=False)
    with marking(tmp_path, "--grader", "anna") as (address, _), page_at(browser, address) as page:
        count = int(page.inner_text("#progress").split()[2])
        assert 45 * 45 < count <= 45 * 50  # the same answer counts once
        for place in range(count):
            before = card_of(page)
            page.keyboard.press("f")
            page.keyboard.press("Enter")
            if place < count - 1:
                wait_for_other_card(page, before)
        until(page, "document.getElementById('told').textContent === 'Nothing else is open.'")
    lines, told = read_lines(tmp_path)
    assert (len({(line.item, line.answer) for line in lines}), len(lines), told) == (count, count, [])
    parts = recount.count(tmp_path).marked.parts.values()
    assert {(part["questions"].open, part["questions"].points) for part in parts} == {(0, 45)}


def test_what_was_marked_before_a_kill_is_there_afterwards_and_what_was_typed_meanwhile_is_sent_again(
    tmp_path, browser
):
    write_night(tmp_path, 2, ["05_mlp1_sweep"], outputs=False, reports=False)
    with marking(tmp_path, "--grader", "anna") as (address, process), page_at(browser, address) as page:
        item = card_of(page).partition("/")[0]
        page.keyboard.press("1")
        wait_until_saved(page)
        process.send_signal(signal.SIGKILL)
        process.wait()
        page.keyboard.press("c")
        page.keyboard.type("Give n.")
        until(page, "document.getElementById('saved').textContent.startsWith('not saved')")
        port, token = re.search(r":(\d+)/\?token=(\S+)", address).groups()
        assert [line.item for line in read_lines(tmp_path)[0]] == [item]
        with marking(tmp_path, "--grader", "anna", "--port", port) as (again, _):
            assert again.partition("token=")[2] != token
            until(page, "document.getElementById('told').textContent.includes('Open the address')")
            with page_at(browser, again) as fresh:
                assert fresh.inner_text("#progress").startswith("1 of ")
                assert (
                    fresh.evaluate("document.querySelectorAll('[aria-pressed=true]').length") == 0
                )  # the next open one
                fresh.keyboard.press("Backspace")


def test_a_kill_between_any_two_keys_loses_nothing_that_was_shown(tmp_path, browser):
    write_night(tmp_path, 2, ["05_mlp1_sweep"], outputs=False, reports=False)
    keys = ["1", "2", "c", "O", "k", "Escape", "Enter"]
    for count in range(1, len(keys) + 1):
        with marking(tmp_path, "--grader", f"g{count}") as (address, process), page_at(browser, address) as page:
            shown = {}
            for key in keys[:count]:
                page.keyboard.press(key)
                page.wait_for_timeout(30)
                if key in "12Ok":
                    wait_until_saved(page)
                    pressed = page.eval_on_selector_all(
                        "[data-key][aria-pressed=true]", "all => all.map(e => e.dataset.key)"
                    )
                    shown = {"items": tuple(pressed), "comment": page.input_value("#comment")}
            process.send_signal(signal.SIGKILL)
            process.wait()
            page.click("#overview")
            until(page, "document.getElementById('told').textContent.includes('does not answer')")
        lines = [line for line in read_lines(tmp_path)[0] if line.grader == f"g{count}"]
        assert {"items": lines[-1].items, "comment": lines[-1].comment} == shown
        for path in (tmp_path / "marks").glob("*.jsonl"):
            path.unlink()


def test_the_last_letter_of_a_comment_is_kept_however_fast_one_goes_on(tmp_path, browser):
    write_night(tmp_path, 3, ["05_mlp1_sweep"], outputs=False, reports=False)
    with marking(tmp_path, "--grader", "anna") as (address, _), page_at(browser, address) as page:
        for text in ("Say how many seeds.", "Which images?"):
            before = card_of(page)
            for key in ("1", "c", *text, "Escape", "Enter"):
                page.keyboard.press(key)
            wait_for_other_card(page, before)
        page.keyboard.press("1")
        page.keyboard.press("q")
        until(page, "document.getElementById('comment').value !== ''")
        wait_until_saved(page)
    newest = {(line.item, line.answer): line for line in read_lines(tmp_path)[0]}
    assert sorted(line.comment for line in newest.values())[1:] == ["Say how many seeds.", "Which images?"]
    assert sorted(line.comment for line in newest.values())[0] in ("Say how many seeds.", "Which images?")


def test_a_comment_that_comes_back_is_changed_for_all_when_one_wants_it(tmp_path, browser):
    write_night(tmp_path, 3, ["05_mlp1_sweep"], outputs=False, reports=False)
    with marking(tmp_path, "--grader", "anna") as (address, _), page_at(browser, address) as page:
        page.keyboard.press("1")
        page.keyboard.press("c")
        page.keyboard.type("Give n.")
        page.keyboard.press("Escape")
        wait_until_saved(page)
        for _ in range(2):
            before = card_of(page)
            page.keyboard.press("Enter")
            wait_for_other_card(page, before)
            page.keyboard.press("1")
            page.keyboard.press("q")
            until(page, "document.getElementById('comment').value === 'Give n.'")
            wait_until_saved(page)
        until(page, "document.querySelector('#comments small').textContent.includes('3')")
        page.keyboard.press("c")
        page.keyboard.type(" And the seeds.")
        wait_until_saved(page)  # as it is where a person pauses: the question then opens while Escape is still handled
        page.keyboard.press("Escape")
        page.wait_for_selector("dialog#ask[open]")
        assert "2 other answers" in page.inner_text("#ask-text")
        assert page.inner_text("#ask-all") == "For all 3"
        page.keyboard.press("Enter")
        until(page, "document.getElementById('told').textContent.includes('changed on 2 answers')")
    newest = {(line.item, line.answer): line.comment for line in read_lines(tmp_path)[0]}
    assert list(newest.values()) == ["Give n. And the seeds."] * 3


def test_other_points_of_a_criterion_count_for_everybody(tmp_path, browser):
    write_night(tmp_path, 2, ["05_mlp1_sweep"], outputs=False, reports=False)
    with marking(tmp_path, "--grader", "anna") as (address, _), page_at(browser, address) as page:
        page.keyboard.press("1")
        wait_until_saved(page)
        before = page.inner_text("#points")
        page.click("[data-edit]:not([data-edit=''])")
        page.fill("#edit-points", "0.125")
        page.click("#edit button[value=save]")
        until(page, "document.getElementById('told').textContent.includes('became 0.125')")
        assert "Points changed of 1 submissions" in page.inner_text("#told")
        until(page, "before => document.getElementById('points').textContent !== before", before)
        assert page.inner_text("#points") == "0.125 of 1"
        page.click("text=Add a criterion")
        page.fill("#edit-text", "draws <b>it</b>")
        page.fill("#edit-points", "-0.25")
        page.click("#edit button[value=save]")
        page.wait_for_selector("text=draws <b>it</b>")


def test_hostile_answers_harm_nothing(tmp_path, browser):
    write_night(tmp_path, 2, ["05_mlp1_sweep"], own={"lab-1": HOSTILE}, reports=False)
    with marking(tmp_path, "--grader", "anna", "--names") as (address, _), page_at(browser, address) as page:
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        seen = ""
        for _ in range(10):
            before = card_of(page)
            seen += page.inner_text(".answer")
            assert len(page.inner_text(".answer")) < 25_000
            assert page.is_visible("#points")
            page.keyboard.press("f")
            page.keyboard.press("Enter")
            gone_on = "b => document.body.dataset.card !== b || document.getElementById('told').textContent !== ''"
            until(page, gone_on, before)
        assert page.inner_text("#told") == "Nothing else is open."
        assert page.title() == "Marking - labkit"
        assert "<script>" in seen
        assert "javascript:alert(1)" in seen
        assert "\u202e" not in seen
        assert all(url.startswith(address.partition("?")[0]) for url in asked)
        assert page.query_selector(".answer a, .answer img, .answer script, .answer style") is None


@pytest.mark.parametrize(
    "settings", [{"viewport": {"width": 390, "height": 844}, "has_touch": True}, {"color_scheme": "dark"}]
)
def test_a_phone_and_the_dark_show_all_of_it(tmp_path, browser, settings):
    write_night(tmp_path, 2, ["05_mlp1_sweep"])
    with marking(tmp_path, "--grader", "anna") as (address, _), page_at(browser, address, **settings) as page:
        page.select_option("#items", "05.q2")
        page.wait_for_selector("img[data-figure]")
        until(page, "document.querySelector('img[data-figure]').naturalWidth > 100")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert faults_of(page) == []
        page.click("[data-give=full]")
        wait_until_saved(page)
        page.click("#next")
        if "viewport" in settings:
            tops = [page.locator(place).bounding_box()["y"] for place in (".answer", ".criteria", ".evidence")]
            assert tops == sorted(tops)
            assert all(box["height"] >= 40 for one in page.locator(".criterion").all() if (box := one.bounding_box()))


def test_nobody_else_may_ask(tmp_path):
    write_night(tmp_path, 1, ["05_mlp1_sweep"], outputs=False, reports=False)
    with marking(tmp_path, "--grader", "anna") as (address, _):
        root, _, token = address.partition("?token=")

        def status(path="", **headers):
            request = urllib.request.Request(f"{root}{path}", headers=headers)
            try:
                with urllib.request.urlopen(request) as answer:
                    return answer.status
            except urllib.error.HTTPError as error:
                return error.code if b"Traceback" not in error.read() else 500

        given = {"X-Labkit-Token": token}
        assert status("next?item=05.q1", **given) == 200
        assert status("next?item=05.q1") == 403
        assert status("next?item=05.q1", **{"X-Labkit-Token": "x"}) == 403
        assert status("next?item=05.q1", **given, Host="evil.example") == 403
        assert status("next?item=05.q1", **given, Origin="https://evil.example") == 403
        assert status("next?item=05.q1", **given, Origin=root.rstrip("/")) == 200
        assert status("card?item=05.q1&place=-1", **given) == 400
        assert status("card?item=nothing&place=0", **given) == 400
        assert status("figure?submission=../lab-1&name=05_mlp1_sweep.samples", **given) == 404
        assert status("figure?submission=lab-1&name=../../x.y", **given) == 404
        assert status("report?submission=lab-1", **given) == 400  # it holds no report
        body = json.dumps({"items": ["nothing"]}).encode()
        request = urllib.request.Request(f"{root}mark?item=05.q1&place=0", data=body, headers=given)
        with pytest.raises(urllib.error.HTTPError, match="400"):
            urllib.request.urlopen(request)
        assert read_lines(tmp_path) == ([], [])


def test_a_screen_reader_finds_names_for_everything(tmp_path, browser):
    write_night(tmp_path, 2, ["05_mlp1_sweep"])
    with marking(tmp_path, "--grader", "anna") as (address, _), page_at(browser, address) as page:
        page.keyboard.press("1")
        wait_until_saved(page)
        assert faults_of(page) == []
        assert page.get_attribute("[data-key]", "aria-pressed") == "true"
        page.keyboard.press("?")
        assert page.is_visible("dialog#keys")
        assert faults_of(page) == []
        page.keyboard.press("Escape")
        for _ in range(40):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.dataset.give === 'none'"):
                break
        page.keyboard.press("Enter")
        until(page, "document.getElementById('points').textContent.startsWith('0 of')")


def test_the_page_answers_while_a_slow_thing_is_done(tmp_path, browser):
    """Near answers and agreement are worked out beside the page, which goes on meanwhile."""
    write_night(tmp_path, 3, ["05_mlp1_sweep"], outputs=False, reports=False)
    with marking(tmp_path, "--grader", "anna", "--double", "100") as (address, _), page_at(browser, address) as page:
        page.keyboard.press("f")
        wait_until_saved(page)
        page.click("#overview")
        page.wait_for_selector("#look[open] table")
        assert "Notebook 05, question 1" in page.inner_text("#look-html")
        start = time.monotonic()
        page.keyboard.press("Escape")
        page.keyboard.press("Enter")
        until(page, "document.body.dataset.card !== '05.q1/0'")
        assert time.monotonic() - start < 60
