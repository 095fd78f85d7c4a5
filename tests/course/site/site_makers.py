"""Small notebooks of a course, and what stands in the pages that are made of them."""

from html.parser import HTMLParser

import nbformat
from cells import code, printed
from nbformat.v4 import new_markdown_cell, new_notebook

STEM = "01_one"
SECRET = "return first.clamp(min=0) * second.sum()"
ANSWER = f"def gap(first, second):\n    ### BEGIN SOLUTION\n    {SECRET}\n    ### END SOLUTION"
CHECK = 'check("1.1", gap)\n### BEGIN HIDDEN TESTS\nassert check.passed("1.1")\n### END HIDDEN TESTS'
MODEL_ANSWER = "1. Because the model answer of the staff says so."
INTRO = """# 1 One notebook

A short **introduction** with $x_1 < 2$ in it.

**Time**: about 5 minutes.

**You will be able to**

- find the *gap*;
- leave it."""


def marked(cell, kind, **role):
    """Give a cell nbgrader's metadata."""
    both = {"schema_version": 3, "task": False, "grade": False, "solution": False, "locked": False}
    cell.metadata["nbgrader"] = {**both, "grade_id": kind, **role}
    return cell


def notebook(*cells):
    """Return an executed notebook: an introduction, an exercise with its check and questions, then the given cells."""
    return new_notebook(
        cells=[
            new_markdown_cell(INTRO),
            new_markdown_cell("### Exercise 1.1 — mind the gap (2 points)\n\nWrite `gap`."),
            marked(code(ANSWER, printed("printed by the answer")), "answer-1-1", solution=True),
            marked(
                code(CHECK, printed("✓ Exercise 1.1 is passed, with 7.")),
                "check-1-1",
                grade=True,
                locked=True,
                points=2,
            ),
            code('if check.passed("1.1"):\n    print(gap(1, 2))', printed("the gap is 1234567")),
            new_markdown_cell("## Questions from your TA\n\n1. Why?"),
            marked(new_markdown_cell(MODEL_ANSWER), "questions", grade=True, solution=True, points=1),
            *cells,
        ]
    )


def write_course(folder, *cells):
    (folder / "notebooks").mkdir(parents=True)
    nbformat.write(notebook(*cells), folder / "notebooks" / f"{STEM}.ipynb")


LOADS = {("img", "src"), ("script", "src"), ("link", "href"), ("iframe", "src"), ("source", "srcset")}


class Page(HTMLParser):
    """The elements of a page, what it links to and loads, its places and its text."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.links, self.loads, self.places, self.images, self.texts = [], [], [], [], [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.elements.append((tag, attributes))
        self.places += [attributes["id"]] if "id" in attributes else []
        self.links += [attributes["href"]] if tag == "a" and "href" in attributes else []
        self.loads += [value for name, value in attrs if (tag, name) in LOADS]
        self.images += [attributes] if tag == "img" else []

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self):
        return "".join(self.texts)
