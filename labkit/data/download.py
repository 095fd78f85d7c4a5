"""Download the real data into the data folder."""

from __future__ import annotations

from pathlib import Path

from labkit.basics.errors import LabkitError, UsageError, first_line
from labkit.basics.files import data_folder
from labkit.data.known import KNOWN, Known
from labkit.data.sources import read


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
    places = []
    for known in (KNOWN[name] for name in names):
        place = known.torchvision[1]
        try:
            _download(known, folder)
        except (OSError, RuntimeError) as error:
            reason = first_line(error).rstrip(": ")
            raise LabkitError(
                f"{known.title} could not be downloaded ({reason}): run the command again to go on, "
                f"or copy its files into {folder / place}."
            ) from error
        read(known.takes, folder / place)  # a file that was cut short shows now, not in a notebook
        places.append(folder / place)
    return places


def _download(known: Known, folder: Path) -> None:
    """Let torchvision download a set, so that it lies at its place in the data folder."""
    from torchvision import datasets

    name, place = known.torchvision
    if name == "SVHN":  # torchvision gives it no folder of its own, and loads one part at a time
        for split in ("train", "test"):
            datasets.SVHN(folder / place, split=split, download=True)
    else:
        getattr(datasets, name)(folder, download=True)
