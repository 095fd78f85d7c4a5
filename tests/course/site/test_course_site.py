"""The site of the whole course: nothing that students have to find, no link to nowhere, nothing from the network."""

import html
import json
import re

import pytest
from site_makers import Page

from labkit.course.notebooks import course, notebooks_folder, read_notebook
from labkit.course.release import leaks, solution_lines
from labkit.course.site.compose import site_files
from labkit.course.site.interface import FACES

pytestmark = pytest.mark.slow  # nbgrader and pandoc at work on nine notebooks

NOTEBOOKS = {path.stem: read_notebook(path) for path in course(notebooks_folder())}


@pytest.fixture(scope="module")
def files():
    return site_files(NOTEBOOKS)


@pytest.fixture(scope="module")
def pages(files):
    return {name: Page(content.decode()) for name, content in files.items() if name.endswith(".html")}


def places_of(files):
    return json.loads(files["search-data.js"].decode().removeprefix("var labkitPlaces = ").removesuffix(";\n"))


def test_there_is_a_page_for_each_notebook_and_each_face(pages):
    assert set(pages) == {
        "index.html",
        *(f"{stem}.html" for stem in NOTEBOOKS),
        *(f"labkit.{face}.html" for face in FACES),
    }


def test_no_solution_no_hidden_test_and_no_model_answer_is_shown(files, pages):
    secret = solution_lines({f"{stem}.ipynb": notebook for stem, notebook in NOTEBOOKS.items()})
    assert len(secret) > 300
    texts = {name: page.text for name, page in pages.items()}
    texts |= {f"{name}, attributes": html.unescape(files[name].decode()) for name in pages}
    texts["search"] = "\n".join(text for place in places_of(files) for text in place)
    assert leaks(secret, {name: text.encode() for name, text in texts.items()}) == []
    for marker in ("BEGIN SOLUTION", "HIDDEN TESTS", "assert check.passed"):
        assert not [name for name, text in texts.items() if marker in text]


def pictures(cells):
    return sum("image/png" in output.get("data", {}) for cell in cells for output in cell.get("outputs", ()))


def test_what_answers_computed_is_left_out_and_every_other_figure_is_shown(files, pages):
    cells = [cell for notebook in NOTEBOOKS.values() for cell in notebook.cells]
    held_back = pictures(cell for cell in cells if "check.passed(" in cell.source)
    assert 0 < held_back < 5
    assert sum(len(page.images) for page in pages.values()) == pictures(cells) - held_back > 30
    assert sum(name.startswith("figures/") for name in files) == pictures(cells) - held_back
    assert "What this cell shows comes from your answer to 3.4." in pages["03_cifar_exploration.html"].text
    assert not [name for name, page in pages.items() if "✓ Exercise" in page.text]


def test_every_link_leads_somewhere(pages):
    for name, page in pages.items():
        assert len(page.places) == len(set(page.places)), name
        for link in page.links:
            target, _, place = link.partition("#")
            if not link.startswith("https://"):
                assert (target or name) in pages, (name, link)
                assert not place or place in pages[target or name].places, (name, link)


def test_the_search_leads_to_places_that_are_there(files, pages):
    for page, place, chapter, heading, _ in places_of(files):
        assert heading
        assert chapter
        assert not place or place in pages[page].places


def test_nothing_is_loaded_from_outside(files, pages):
    for name, page in pages.items():
        for address in page.loads:
            assert address in files or address == "data:,", (name, address)
        assert not [element for element in page.elements if "style" in element[1] or element[0] == "style"], name
        policy = next(
            attributes["content"] for tag, attributes in page.elements if tag == "meta" and "http-equiv" in attributes
        )
        assert "default-src 'none'" in policy
        assert not re.search("https?:|//", policy)
    for name in ("site.css", "site.js", "theme.js"):
        assert not re.search(r"https?:|url\(|@import|fetch\(", files[name].decode()), name


def test_every_figure_says_in_words_what_it_shows_and_has_its_caption(files, pages):
    for name, page in pages.items():
        for image in page.images:
            assert len(image["alt"]) > 20, (name, image)
            assert "without a description" not in image["alt"]
            assert int(image["width"]) > 0 < int(image["height"])
        captions = sum(tag == "figcaption" for tag, _ in page.elements)
        assert captions == len(page.images)


def test_every_formula_is_set(files, pages):
    formulas = sum(tag == "math" for page in pages.values() for tag, _ in page.elements)
    assert formulas > 100
    left = [text for page in pages.values() for text in re.findall(r"\$[^$\n]+\$", page.text)]
    assert not left


def test_the_same_course_gives_the_same_bytes(files):
    again = {path.stem: read_notebook(path) for path in course(notebooks_folder())}
    assert site_files(again) == files


def test_the_index_says_what_each_notebook_is(pages):
    text = " ".join(pages["index.html"].text.split())
    assert text.count("You will be able to") == len(NOTEBOOKS)
    assert (
        "8 LeNet-5: letting the network find its features about 120 minutes An MLP sees 784 unrelated numbers." in text
    )
    assert "8.1 write a convolution (3 points)" in text


def test_the_site_is_small(files):
    assert sum(map(len, files.values())) < 5e6
    assert len(files["search-data.js"]) < 400e3
    assert max(len(content) for name, content in files.items() if name.endswith(".html")) < 300e3
