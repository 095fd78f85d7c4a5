"""A canvas in the notebook: the student draws a digit, and networks answer.

The browser's half is drawing.js and drawing.css. anywidget, which carries messages between the halves, is the extra
`widgets`, and is imported only where a canvas is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labkit.basics.errors import UsageError
from labkit.basics.progress import watched

if TYPE_CHECKING:
    import torch
    from torch import nn

    from labkit.data.datasets import Dataset

SIDE = 112  # pixels of a drawing: fine enough for strokes that are scaled down to 20 pixels
DIGIT, FIELD = 20, 28  # pixels of MNIST's digits, and of its images
CENTRE = 14  # where the centre of mass of MNIST's images lies, counted from 0; measured: 14.00 and 14.00
Frame = tuple[int, int, int, int]  # first row, last row + 1, first column, last column + 1
WHOLE_FIELD = (0, FIELD, 0, FIELD)


def draw_digit(train: Callable[[int], nn.Module], seeds: Sequence[int], dataset: Dataset) -> None:
    """Show a canvas to draw a digit on, with the probabilities that a network of each seed gives it.

    train: returns the network of a seed, which takes images as `dataset` holds them (1 x 28 x 28) to one logit a class.
        Nothing is trained in a headless run, or without the extra `widgets`: then a sentence says what to do.
    Raises UsageError for images of another shape, or networks without one logit a class.
    """
    if not watched():
        print("Nobody draws in a headless run. Open this notebook in JupyterLab, run it, and draw a digit here.")
        return
    if find_spec("anywidget") is None:
        print(
            'The canvas is an extra: run `%pip install "labkit[widgets]"` in a cell, reload this page in the browser, '
            "and restart the kernel."
        )
        return
    from IPython.display import display

    print(f"Preparing {len(seeds)} networks for the canvas ...")
    display(make_widget([train(seed) for seed in seeds], dataset))


def make_widget(models: Sequence[nn.Module], dataset: Dataset) -> Any:
    """Return the canvas as a widget whose trait `answer` follows its trait `drawing`; see `respond`."""
    import anywidget
    import traitlets

    if dataset.image_shape != (1, FIELD, FIELD):
        raise UsageError(f"The canvas needs images of 1 x {FIELD} x {FIELD}, but {dataset.image_shape} are given.")
    if not models or probabilities(models, dataset.test.images[:1]).shape[1] != dataset.num_classes:
        raise UsageError(f"The canvas needs networks, each with one logit for each of {dataset.num_classes} classes.")
    frame = inked_frame(dataset)

    class DigitCanvas(anywidget.AnyWidget):
        _esm = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
        _css = Path(__file__).with_suffix(".css").read_text(encoding="utf-8")
        side = traitlets.Int(SIDE).tag(sync=True)
        names = traitlets.List(list(dataset.class_names)).tag(sync=True)
        drawing = traitlets.Bytes().tag(sync=True, echo_update=False, from_json=lambda value, _: _to_bytes(value))
        answer = traitlets.Dict().tag(sync=True)
        answers = traitlets.Int().tag(sync=True)  # so that the browser hears of an answer equal to the last one

        def __repr__(self) -> str:
            return "A canvas to draw a digit on: run this cell again to use it."

        @traitlets.observe("drawing")
        def _respond(self, change: Any) -> None:
            with self.hold_sync():
                self.answer = respond(change["new"], models, dataset, frame)
                self.answers += 1

    return DigitCanvas()


def _to_bytes(value: Any) -> bytes:
    """Return the bytes of a message; of anything else, bytes that are no drawing."""
    return bytes(value) if isinstance(value, (bytes, bytearray, memoryview)) else b"?"


def respond(
    drawing: bytes, models: Sequence[nn.Module], dataset: Dataset, frame: Frame = WHOLE_FIELD
) -> dict[str, Any]:
    """Return what the canvas shows for a drawing, SIDE x SIDE bytes from 0 (paper) to 255 (ink), row by row.

    text: the answer in words. means, spreads: of each class's probability over the networks. dots: the probabilities
    (networks, classes). seen: the bytes of the 28 x 28 image that the networks get. All probabilities are in percent.
    Nothing for an empty drawing; only `text`, which says why, for one that cannot be answered.
    """
    import torch

    if len(drawing) not in (0, SIDE * SIDE):
        return {"text": f"A drawing of {len(drawing):,} bytes was ignored: it should have {SIDE * SIDE:,}."}
    if not any(drawing):
        return {}
    digit = as_digit(np.frombuffer(drawing, np.uint8).reshape(SIDE, SIDE), frame)
    image = (torch.from_numpy(digit).float()[None] / 255 - dataset.mean) / dataset.std
    percent = 100 * probabilities(models, image[None])
    if not np.isfinite(percent).all():
        return {"text": "The networks gave no numbers (NaN): train them again, perhaps with a smaller learning rate."}
    means = percent.mean(0)
    spreads = percent.std(0, ddof=1) if len(percent) > 1 else 0 * means
    best = int(means.argmax())
    uncertainty = f" ± {spreads[best]:.0f} over {len(percent)} seeds" if len(percent) > 1 else ", one seed"
    return {
        "text": f"{dataset.class_names[best]}, {means[best]:.0f} %{uncertainty}",
        "means": means.tolist(),
        "spreads": spreads.tolist(),
        "dots": percent.tolist(),
        "seen": digit.tobytes(),
    }


def as_digit(drawing: np.ndarray, frame: Frame = WHOLE_FIELD) -> np.ndarray:
    """Prepare a drawing, uint8 (height, width), as MNIST was made (LeCun et al. 1998, section III.A): uint8 (28, 28).

    The ink is scaled to fit 20 x 20 pixels, and moved so that its centre of mass lies in the middle. It stays within
    `frame`, see `inked_frame`. A drawing without ink gives an image without ink.
    """
    from PIL import Image

    image = np.zeros((FIELD, FIELD), np.uint8)
    if not drawing.any():
        return image
    rows, columns = np.flatnonzero(drawing.any(1)), np.flatnonzero(drawing.any(0))
    ink = drawing[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = (max(1, round(side * DIGIT / max(ink.shape))) for side in ink.shape)
    small = np.asarray(Image.fromarray(ink).resize((width, height), Image.Resampling.BOX))
    mass = max(small.sum(), 1)  # the faintest ink rounds to nothing
    top = _shift(small.sum(1) @ np.arange(height) / mass, height, frame[:2])
    left = _shift(small.sum(0) @ np.arange(width) / mass, width, frame[2:])
    image[top : top + height, left : left + width] = small
    return image


def _shift(centre: float, side: int, bounds: tuple[int, ...]) -> int:
    """Return where a digit of that side begins, so that its centre of mass comes to CENTRE, as far as bounds allow."""
    first = min(bounds[0], FIELD - side)
    return int(np.clip(round(CENTRE - centre), first, max(first, bounds[1] - side)))


def inked_frame(dataset: Dataset) -> Frame:
    """Return the part of the field in which training images have ink.

    MNIST's ink reaches the border. The embedded digits were never moved: theirs ends where their 20 x 20 pixels do, and
    networks that learned from them misread twice as many drawings when ink lies outside.
    """
    ink = dataset.pixels(dataset.train.images.amax(0)).numpy()[0] > 0.01
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def probabilities(models: Sequence[nn.Module], images: torch.Tensor) -> np.ndarray:
    """Return the probabilities (models, classes) that each model, in evaluation mode, gives the first image."""
    import torch

    rows = []
    for model in models:
        was_training = model.training
        device = next(model.parameters()).device
        with torch.inference_mode():
            rows.append(model.eval()(images[:1].to(device)).softmax(1)[0].double().cpu().numpy())
        model.train(was_training)
    return np.stack(rows)
