"""Download the real data into the data folder."""

from __future__ import annotations

from pathlib import Path

from labkit.basics.errors import LabkitError, UsageError, first_line
from labkit.basics.files import data_folder
from labkit.data.datasets import NAMES, TITLES, load
from labkit.data.readers import CIFAR_FOLDER


def fetch(names: list[str]) -> Path:
    """Download the datasets into the data folder through torchvision, with a progress bar, and return the folder.

    What is there already is kept. LabkitError names the folder to copy the files into when the host cannot be reached.
    """
    for name in names:
        if name not in NAMES:
            raise UsageError(f"Dataset {name!r} is not known: choose one of {', '.join(NAMES)}.")
    folder = data_folder()
    from torchvision import datasets

    for name in names:
        dataset, target = (
            (datasets.MNIST, folder / "MNIST" / "raw") if name == "mnist" else (datasets.CIFAR10, folder / CIFAR_FOLDER)
        )
        try:
            dataset(folder, download=True)
        except (OSError, RuntimeError) as error:
            reason = first_line(error).rstrip(": ")
            raise LabkitError(
                f"{TITLES[name]} could not be downloaded ({reason}): run the command again to go on, "
                f"or copy its files into {target}."
            ) from error
        load(name, folder)  # a file that was cut short shows now, not in a notebook
    return folder
