"""The report's page in a browser: it fits a phone, and can be read in the dark."""

import pytest

from tests.browser import CHROMIUM, IN_CHROMIUM, sync_api

pytestmark = IN_CHROMIUM
WIDE = " | ".join(f"column {number}" for number in range(30))
TEXT = f"""---
title: "A very long title with Donaudampfschifffahrtsgesellschaftskapitaenswitwenversicherung in it"
---

# One

![A wide figure.](wide.svg){{#fig:wide}}

<< figure("05_mlp1_sweep.line") >>

| {WIDE} |
|{"---|" * 30}
| {WIDE} |

: A wide table. {{#tbl:wide}}

$${"x + " * 60} y$$

`{"inline" * 30}` and

```python
{"code = " * 40} 1
```

::: discussion
<https://example.org/{"path" * 40}>
:::
"""
# What a page says of itself: how wide it is, what of it stands out, and whether text can be told from its ground.
LOOK = """() => {
    const light = color => {
        const [r, g, b] = color.match(/[\\d.]+/g).map(Number).map(v => v / 255)
            .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = node => {
        for (; node; node = node.parentElement) {
            const color = getComputedStyle(node).backgroundColor;
            if (!/, 0\\)$/.test(color)) return color;
        }
    };
    const contrast = node => {
        const [a, b] = [light(getComputedStyle(node).color), light(ground(node))].sort((x, y) => y - x);
        return (a + 0.05) / (b + 0.05);
    };
    const texts = [...document.querySelectorAll("p, h1, h2, li, td, th, figcaption, caption, code, a, math")];
    return {
        width: document.documentElement.scrollWidth,
        dark: light(getComputedStyle(document.body).backgroundColor) < 0.1,
        contrast: Math.min(...texts.map(contrast)),
        images: [...document.images].map(image => [image.getBoundingClientRect().right, image.alt]),
        table: document.getElementById("tbl:wide").getBoundingClientRect().width,
        caption: document.getElementById("tbl:wide").querySelector("caption > div").getBoundingClientRect().right,
    };
}"""


@pytest.fixture
def page_file(build, folder):
    (folder / "mine").mkdir()
    (folder / "mine" / "wide.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="3000" height="300"/>')
    build(TEXT)
    return folder / "report.html"


def test_the_page_fits_a_phone_and_a_desk_in_light_and_dark(page_file):
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for width in (375, 1200):
            for scheme in ("light", "dark"):
                page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
                page.goto(page_file.as_uri())
                look = page.evaluate(LOOK)
                assert look["width"] == width
                assert look["dark"] == (scheme == "dark")
                assert look["contrast"] >= 4.5
                assert all(right <= width and alt for right, alt in look["images"])
                assert look["table"] > 1200  # it scrolls within its own box
                assert look["caption"] <= width
        browser.close()
