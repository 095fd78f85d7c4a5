"""Which of the training images are used for training, and which are held back for validation."""

from __future__ import annotations

import math

import numpy as np

from labkit.basics.errors import UsageError
from labkit.data.embedded import SEED


def divide(labels: np.ndarray, validation: float, limit: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of the training and the validation images, both in a random order and stratified by class.

    labels: (N,) of all images. validation: share that is held back; of few images, one of each class at least, and
        none at all for 0. limit: so many training images, and as large a part of the validation images.
    """
    from sklearn.model_selection import train_test_split

    classes = len(np.unique(labels))
    if validation:
        size = min(max(classes, math.ceil(validation * len(labels))), len(labels) - classes)
        train, held_back = train_test_split(np.arange(len(labels)), test_size=size, stratify=labels, random_state=SEED)
    else:
        train, held_back = np.random.default_rng(SEED).permutation(len(labels)), np.arange(0)
    if limit is None:
        return train, held_back
    if limit < classes:
        raise UsageError(f"train_limit must be at least the number of classes, {classes}, but it is {limit}.")
    held_back = held_back[: max(1, round(len(held_back) * min(1, limit / len(train))))]
    some = train[:limit]  # already in a random order
    if limit <= len(train) - classes and np.bincount(labels[train]).min() > 1:
        some, _ = train_test_split(train, train_size=limit, stratify=labels[train], random_state=SEED)
    if len(np.unique(labels[some])) < classes:
        some = _one_of_each_first(train, labels)[:limit]
    return some, held_back


def _one_of_each_first(indices: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return indices in the same order, but with the first of each class in front."""
    _, first = np.unique(labels[indices], return_index=True)
    return np.concatenate([indices[np.sort(first)], np.delete(indices, first)])
