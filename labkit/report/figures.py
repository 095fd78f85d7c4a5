"""A figure as files: the same bytes whenever the same is drawn."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SCREEN_DPI, FILE_DPI = 100, 200


def smallest_text(figure: Figure) -> float:
    """Return the size in points of the smallest text that a figure shows; less than 8.5 is hard to read."""
    from matplotlib.text import Text

    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    return min((round(float(text.get_fontsize()), 2) for text in texts), default=0.0)


def renderings(figure: Figure) -> tuple[bytes, bytes, bytes]:
    """Return a figure as .png and .svg for files, and as .png for the screen."""
    return (
        _render(figure, format="png", dpi=FILE_DPI),
        _render(figure, format="svg", metadata={"Date": None}),
        _render(figure, format="png", dpi=SCREEN_DPI),
    )


def _render(figure: Figure, **options: Any) -> bytes:
    import matplotlib

    buffer = io.BytesIO()
    # else every .svg has ids of its own; what no font has is told by `figure`
    with matplotlib.rc_context({"svg.hashsalt": "labkit"}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(buffer, **options)
    return buffer.getvalue()
