"""The images that are always there: real handwritten digits from scikit-learn, and a colour set that is drawn here.

Both are the same on every machine: every draw comes from the seed below.
"""

from __future__ import annotations

import numpy as np

from labkit.data.readers import Raw

TITLES = {"mnist": "embedded digits", "cifar10": "embedded shapes"}  # by what they stand in for
SEED = 1998
DIGITS_TEST = 450  # of 1,797 digits
SHAPES_TRAIN, SHAPES_TEST = 4_000, 1_000
BAR_SHARE = 0.3  # of the images have a bar in front
SHAPES = ("disc", "ring", "square", "frame", "triangle", "cross", "stripes", "checks", "star", "crescent")


def embedded_digits() -> Raw:
    """Return scikit-learn's 1,797 real digits (8x8, 17 grey levels), enlarged to 20x20 and centred in 28x28.

    MNIST's digits have the same size (LeCun et al. 1998, section III.A), but are centred by their mass. The split is
    stratified by class.
    """
    from PIL import Image
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    small, labels = load_digits(return_X_y=True)
    small = np.round(small.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    images = np.zeros((len(small), 1, 28, 28), np.uint8)
    for image, digit in zip(images, small, strict=True):
        image[0, 4:24, 4:24] = np.asarray(Image.fromarray(digit).resize((20, 20), Image.Resampling.BICUBIC))
    train, test = train_test_split(np.arange(len(labels)), test_size=DIGITS_TEST, stratify=labels, random_state=SEED)
    labels = labels.astype(np.int64)
    return Raw(
        images[train],
        labels[train],
        images[test],
        labels[test],
        tuple(map(str, range(10))),
        "scikit-learn's digits",
        TITLES["mnist"],
    )


def drawn_shapes() -> Raw:
    """Draw ten classes of 32x32 colour images: a shape of random place, size, turn and colour over a noisy scene."""
    rng = np.random.default_rng(SEED)
    count = SHAPES_TRAIN + SHAPES_TEST
    labels = rng.permutation(np.arange(count) % len(SHAPES)).astype(np.int64)
    images = np.stack([_draw(int(label), rng) for label in labels])
    return Raw(
        images[:SHAPES_TRAIN],
        labels[:SHAPES_TRAIN],
        images[SHAPES_TRAIN:],
        labels[SHAPES_TRAIN:],
        SHAPES,
        "drawn by labkit",
        TITLES["cifar10"],
    )


def _draw(label: int, rng: np.random.Generator) -> np.ndarray:
    """Return one image (3, 32, 32) uint8: background gradient, the shape, noise; in some a bar hides part of it."""
    rows, columns = np.mgrid[0:32, 0:32] - 15.5
    ramp = (rows * rng.normal() + columns * rng.normal())[None] / 32
    base = rng.uniform(0.1, 0.9, (3, 1, 1))
    colour = base + rng.choice([-1, 1]) * rng.uniform(0.1, 0.6, (3, 1, 1))  # lighter or darker, never the same
    mask = _mask(label, rows, columns, rng)[None]
    scene = (base + ramp * rng.uniform(-0.4, 0.4, (3, 1, 1))) * (1 - mask) + colour * mask
    if rng.random() < BAR_SHARE:
        turn = rng.uniform(0, np.pi)
        bar = np.abs(rows * np.cos(turn) + columns * np.sin(turn) - rng.uniform(-9, 9)) < 1.5
        scene = np.where(bar[None], rng.uniform(0, 1, (3, 1, 1)), scene)
    noisy = scene + rng.normal(0, 0.08, scene.shape)
    return np.round(np.clip(noisy, 0, 1) * 255).astype(np.uint8)


def _mask(label: int, rows: np.ndarray, columns: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return where the shape of that class covers the image, in a frame turned, moved and scaled at random."""
    turn, size = rng.uniform(-0.3, 0.3), rng.uniform(8.5, 12)
    rows, columns = rows - rng.uniform(-3, 3), columns - rng.uniform(-3, 3)
    y = (rows * np.cos(turn) - columns * np.sin(turn)) / size
    x = (rows * np.sin(turn) + columns * np.cos(turn)) / size
    radius, box = np.hypot(x, y), np.maximum(np.abs(x), np.abs(y))
    masks = {
        "disc": lambda: radius < 0.85,
        "ring": lambda: (radius < 0.9) & (radius > 0.5),
        "square": lambda: box < 0.75,
        "frame": lambda: (box < 0.85) & (box > 0.5),
        "triangle": lambda: (y < 0.7) & (np.abs(x) < 0.5 * (y + 1.0)),
        "cross": lambda: (np.minimum(np.abs(x), np.abs(y)) < 0.28) & (box < 0.95),
        "stripes": lambda: (np.sin(7.5 * y) > 0) & (box < 0.9),
        "checks": lambda: (np.sin(6 * x) * np.sin(6 * y) > 0) & (box < 0.9),
        "star": lambda: radius < 0.55 + 0.35 * np.cos(5 * np.arctan2(x, -y)),
        "crescent": lambda: (radius < 0.9) & (np.hypot(x - 0.45, y) > 0.65),
    }
    return masks[SHAPES[label]]().astype(float)
