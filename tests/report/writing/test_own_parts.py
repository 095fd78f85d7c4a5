"""What students add to the report: images, tables, citations, formulas, text in any script; and what is refused."""

import io
import re

import matplotlib
import numpy as np
import pytest
from fontTools.ttLib import TTFont
from PIL import Image

from labkit import CHECKOUT
from labkit.basics.errors import LabkitError, UsageError
from labkit.report.writing import images, pandoc
from labkit.report.writing.citations import keys_of
from labkit.report.writing.typesetting import unshown

BIBLIOGRAPHY = """@article{lecun1998,
  author = {LeCun, Yann and Bottou, L{\\'e}on},
  title = {Gradient-based learning applied to document recognition},
  journal = {Proceedings of the IEEE},
  year = 1998,
}
"""


@pytest.fixture
def mine(folder):
    """The folder of the student's source, with images in it."""
    mine = folder / "mine"
    (mine / "my pictures").mkdir(parents=True)
    Image.new("RGB", (40, 30), "red").save(mine / "my network.png")
    Image.new("RGB", (40, 30), "blue").save(mine / "my pictures" / "größe 図 100%.webp")
    (mine / "drawn.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect/></svg>')
    return mine


def plain(html):
    return html.replace("\n", " ").replace("\u00a0", " ")


def refused(build, text):
    with pytest.raises(UsageError) as raised:
        build(text)
    return str(raised.value)


def test_own_images_and_tables_are_numbered_with_those_of_the_course(build, mine, folder):
    markdown, html = build("""See @fig:mine, @fig:05_mlp1_sweep.line, @tbl:costs and `@fig:none`.

![Our **network**, as in @tbl:costs.](my network.png){#fig:mine width=50%}

<< figure("05_mlp1_sweep.line") >>

The picture ![stands](drawn.svg) in a line, and is none. This one has no blank lines:
![Größe.](my pictures/größe 図 100%.webp){#fig:größe}
as @fig:größe shows. On Windows:

![By its path on Windows.](my pictures\\größe 図 100%.webp)

<< table("05_mlp1_sweep.rows") >>

| what | cost |
|------|-----:|
| a    | 1    |

: What it costs. {#tbl:costs}

```
![No figure.](gone.png){#fig:none}

: No caption
```
""")
    captions = re.findall(r"\*\*(?:Figure|Table) \d\.\*\* \S+", markdown)
    assert captions == [
        "**Figure 1.** Our",
        "**Figure 2.** A",
        "**Figure 3.** Größe.](my",
        "**Figure 4.** By",
        "**Table 1.** Layers",
        "**Table 2.** What",
    ]
    assert "See Figure\u00a01, Figure\u00a02, Table\u00a02 and `@fig:none`." in markdown
    assert "as Figure\u00a03 shows" in markdown
    assert "as in Table\u00a02." in markdown
    assert html.count("<figure") == 4
    assert html.count('src="data:image/') == 5
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*.[wps][env][bg]*")} >= {
        "my network.png",
        "my pictures/größe 図 100%.webp",
        "drawn.svg",
    }


def test_an_image_in_another_unicode_form_is_found(build, mine):
    (mine / "gro\u0308ße.png").write_bytes((mine / "my network.png").read_bytes())  # as macOS keeps names
    assert "Figure 1" in build("![Size.](größe.png)")[1]


def test_each_image_that_cannot_be_taken_is_named_with_its_line(build, mine, folder):
    Image.new("RGB", (4, 4)).save(mine / "old.bmp")
    (mine / "broken.png").write_bytes((mine / "my network.png").read_bytes()[:60])
    (mine / "broken.svg").write_text("<svg><rect")
    (mine / "link.png").symlink_to(folder / f"figures/{'05_mlp1_sweep'}.line.png")
    said = refused(
        build,
        """`![Code](gone.png)`

![Gone](gone.png) ![Near](my netwrk.png)
![Out](../figures/05_mlp1_sweep.line.png)
![Absolute](/etc/hostname) ![Link](link.png)
![Net](https://example.org/a.png) ![Folder](my%20pictures)
![Old](old.bmp) ![Broken](broken.png) ![Broken](broken.svg)
""",
    )
    for sentence in (
        "line 3: the image gone.png is not there: put it beside my_report.md.",
        "line 3: the image my netwrk.png is not there: put it beside my_report.md. Did you mean my network.png?",
        "line 4: the image ../figures/05_mlp1_sweep.line.png lies outside of the report's folder",
        "line 5: the image /etc/hostname lies outside",
        "line 5: the image link.png lies outside",
        "line 6: the image https://example.org/a.png is not fetched",
        "line 6: the image my pictures is no file",
        "line 7: the image old.bmp is no PNG, JPEG, GIF, WebP or SVG that can be read",
        "line 7: the image broken.png is no PNG",
        "line 7: the image broken.svg cannot be read",
    ):
        assert sentence in said
    assert not (folder / "report.md").exists()


def test_large_images_are_made_as_small_as_print_needs_and_upright(build, mine, folder):
    photo = Image.fromarray(np.zeros((30, images.SIDE + 600), dtype=np.uint8))
    exif = photo.getexif()
    exif[0x0112] = 6  # the camera was turned
    exif[0x010F] = "Maker of the camera"
    photo.save(mine / "photo.jpg", exif=exif)
    build("![A photo.](photo.jpg)")
    with Image.open(folder / "photo.jpg") as packed:
        assert packed.height == images.SIDE
        assert packed.height > packed.width
        assert not packed.getexif()
    with Image.open(mine / "photo.jpg") as original:
        assert original.width == images.SIDE + 600


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ("LARGEST_MB", "line 1: the image my network.png has more than"),
        ("LARGEST_PIXELS", "line 1: the image my network.png has 40 x 30 pixels: make it smaller"),
        ("TOGETHER_MB", "your images have 0 MB together, and a report may hold"),
    ],
)
def test_images_are_bounded(build, mine, monkeypatch, limit, message):
    monkeypatch.setattr(images, limit, 1e-6)
    assert message in refused(build, "![A](my network.png)")


def test_names_that_are_given_twice_or_lead_nowhere_are_told(build, mine):
    text = "![A](my network.png){#fig:a}\n\n![B](drawn.svg){#fig:a}\n\n`@fig:b`\n\n@fig:b and [x](#strt)\n\n# Start\n"
    said = refused(build, text)
    assert "line 3: #fig:a is given twice" in said or "line 1: #fig:a is given twice" in said
    assert "line 7: the text refers to @fig:b, but does not place it. Did you mean fig:a?" in said
    assert "line 1: the link to #strt leads nowhere. Did you mean start?" in refused(build, "[x](#strt)\n\n# Start\n")


def test_citations_are_set_and_what_is_no_key_is_text(build, mine):
    text = "As [@lecun1998, p. 3] and @lecun1998 say; write to @handle or me@kth.se, `[@x]`.\n"
    html = plain(build(text)[1])
    assert "LeCun et al. 1998, 3" in re.sub("<[^>]*>", "", html)  # the course's own reference
    assert html.count(">References<") == 2  # the heading, and its line in the contents
    (mine / "references.bib").write_text(BIBLIOGRAPHY)
    html = plain(build(text)[1])
    assert "LeCun and Bottou 1998" in re.sub("<[^>]*>", "", html)  # the student's, of the same key
    assert "write to <span>@handle</span> or me@kth.se, <code>[@x]</code>" in html
    assert html.count(">References<") == 2
    assert html.count("Proceedings of the IEEE") == 1


def test_references_stand_where_the_source_says_and_nowhere_without_citations(build):
    assert "References" not in build("Nothing is cited.\n")[1]
    html = build("As [@he2015].\n\n# References\n\n::: {#refs}\n:::\n\n# Appendix\n")[1]
    assert html.index("Delving Deep") < html.index('<h1 id="appendix"')
    assert html.count("References") == 2 + html.count('#references"') - 1


def test_every_reference_of_the_course_can_be_cited(build):
    keys = keys_of(CHECKOUT)
    assert len(keys) == len(set(keys)) >= 12
    html = build("".join(f"[@{key}]\n\n" for key in keys))[1]
    assert html.count('class="csl-entry"') == len(keys)


def test_citations_without_an_entry_and_a_damaged_bibliography_are_told(build, mine):
    (mine / "references.bib").write_text(BIBLIOGRAPHY)
    said = refused(build, "`[@lecn1998]`\n\nAs [@lecn1998; @other] say.\n")
    assert "line 3: references.bib has no entry lecn1998. Did you mean lecun1998?" in said
    assert "line 3: references.bib has no entry other. Add it, or correct the key." in said
    (mine / "references.bib").write_text(BIBLIOGRAPHY + '@book{b,\n title="x" year=3}\n')
    assert re.search(r"references.bib is not BibTeX near line \d+", refused(build, "x"))


def test_what_html_or_pdf_would_lose_is_told_with_its_line(build):
    said = refused(
        build,
        """---
title: "T"
---

`<br>`, <!-- a comment --> 1 < 2, a &amp; b, <https://example.org>; fine.

A<br>B, vector<int>, \\textbf{b}, C:\\Users\\me

\\begin{equation}
x
\\end{equation}

```{=html}
<hr>
```

::: discussion
never closed
""",
    )
    for sentence in (
        "line 7: raw HTML (<br>) is not carried into the PDF: write it in Markdown, or between backticks",
        "line 7: raw HTML (<int>)",
        "line 7: raw LaTeX (\\textbf{b}) is carried into neither",
        "line 7: raw LaTeX (\\Users)",
        "line 9: raw LaTeX (\\begin{equation})",
        "line 14: raw HTML (<hr>)",
        "line 17: the block that `:::` opens is never closed",
    ):
        assert sentence in said
    assert said.count("line 5") == 0


def test_formulas_are_set_and_those_that_cannot_be_are_told(build):
    fine = "\\newcommand{\\R}{\\mathbb{R}}\n\n`$x_$` $\\R^2$, costs $5 or 6$ and\n\n$$\\sum_{i=1}^n x_i << 1$$\n"
    assert build(fine)[1].count("<math") == 3
    said = refused(build, fine + "\nand $x_$, $\\foo{a}$\n\n$$\n\\frac{1}{\n$$\n")
    assert "line 7: the formula `x_` cannot be set (it ends too early" in said
    assert "line 7: the formula `\\foo{a}` cannot be set (it does not know \\foo)" in said
    assert "line 9: the formula `\\frac{1}{` cannot be set (it ends too early" in said


def test_blocks_need_no_blank_line_before_them_and_emphasis_needs_no_spaces(build):
    html = build("""Text
- one
- two
## A heading
Text
::: discussion
Text
| a | b |
|---|---|
| 1 | 2 |
:::
1. first
2. second

- [x] done

> quote

A footnote[^1], x**y**z, H~2~O.

[^1]: Note << 1.
""")[1]
    for piece in (
        "<li>two</li>\n</ul>\n<h2",
        '<div class="discussion">\n<p>Text</p>',
        "<td>2</td>",
        "<ol",
        'type="checkbox"',
        "<blockquote>",
        'class="footnote-ref"',
        "x<strong>y</strong>z",
        "H<sub>2</sub>O",
    ):
        assert piece in html


def test_what_is_nested_without_end_is_told(build, monkeypatch):
    assert "my_report.md nests quotes, lists or brackets too deeply" in refused(build, "> " * 300 + "deep")
    monkeypatch.setattr(pandoc, "LONGEST", 0.5)
    with pytest.raises(LabkitError, match="a row of brackets that are never closed"):
        build("[" * 400)


def test_a_title_that_yaml_cannot_read_is_told_with_its_line(build):
    assert "line 2: the lines between --- and --- cannot be read" in refused(build, "---\ntitle: A: B\n---\n\nx\n")


def test_authors_with_quotes_and_signs_reach_the_pdf(build, folder):
    build('---\ntitle: "T"\nauthor:\n  - "Group: \\"A\\" & me@kth.se #3, _b_"\n  - Ελένη, Иван, Łukasz\n---\n\nx\n')
    pdf = (folder / "report.pdf").read_bytes().decode(errors="replace")
    assert "<rdf:li>Group: “A” &amp; me@kth.se #3, b, Ελένη, Иван, Łukasz</rdf:li>" in pdf


def test_a_character_that_no_font_has_is_named_and_a_font_of_the_system_helps(build, folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    text = "---\ntitle: Ours\nauthor: 㐂㐆㐬\n---\n\n`code` << 1 says **㐂**㐆, κόσμος, Привет, ✓.\n"
    if not unshown({"㐂㐆㐬"}, system_fonts=True):
        pytest.skip("a font of this machine has the character")
    said = refused(build, text)
    assert "line 3: no font here has the character 㐂 (U+3402), nor 2 others, for the PDF: install a font" in said
    font = TTFont(f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans.ttf")
    for table in font["cmap"].tables:
        table.cmap.update(dict.fromkeys(map(ord, "㐂㐆㐬"), "A"))
    for record in font["name"].names:
        record.string = str(record).replace("DejaVu", "Strokes")
    buffer = io.BytesIO()
    font.save(buffer)
    (folder / ".local/share/fonts").mkdir(parents=True)
    (folder / ".local/share/fonts/strokes.ttf").write_bytes(buffer.getvalue())
    build(text)
    assert "㐂㐆㐬" in (folder / "report.pdf").read_bytes().decode(errors="replace")
