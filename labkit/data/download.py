"""Download the real data into the data folder."""

from __future__ import annotations

from pathlib import Path

from labkit.basics.errors import LabkitError, UsageError, first_line
from labkit.basics.files import data_folder
from labkit.data.datasets import load
from labkit.data.known import KNOWN


def fetch(names: list[str]) -> list[Path]:
    """Download sets into the data folder through torchvision, with a progress bar, and return where each lies.

    What is there already is kept. LabkitError names the folder to copy the files into when the host cannot be reached.
    """
    for name in names:
        if name not in KNOWN:
            raise UsageError(f"Dataset {name!r} is not known: choose one of {', '.join(KNOWN)}.")
    folder = data_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LabkitError(
            f"{folder} cannot be made ({error.strerror or error}): name a folder of your own in LABKIT_DATA."
        ) from error
    from torchvision import datasets

    places = []
    for known in (KNOWN[name] for name in names):
        download, place = known.torchvision
        try:
            getattr(datasets, download)(folder, download=True)
        except (OSError, RuntimeError) as error:
            reason = first_line(error).rstrip(": ")
            raise LabkitError(
                f"{known.title} could not be downloaded ({reason}): run the command again to go on, "
                f"or copy its files into {folder / place}."
            ) from error
        load(known.takes, folder / place)  # a file that was cut short shows now, not in a notebook
        places.append(folder / place)
    return places
