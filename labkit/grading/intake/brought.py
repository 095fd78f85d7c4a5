"""What a submission brings along for its notebooks, beside or below them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from labkit.basics.helper_files import MOST_BYTES, choose
from labkit.grading.intake.opening.members import Member
from labkit.grading.intake.reading.reader import Notebook

Parts = tuple[str, ...]
Read = Callable[[Member, int, Callable[[bytes], bytes]], bytes | None]


def with_files(
    notebooks: Mapping[str, Notebook],
    places: Mapping[str, Member],
    others: Mapping[Parts, Member],
    course: Collection[str],
    read: Read,
) -> tuple[dict[str, Notebook], list[str]]:
    """Return notebooks with the files that they may read, and sentences about what was left out.

    places: where each notebook came from. others: the submission's other files by their path; beside a notebook that
    was sent alone lie those that were. read: takes a file, how many bytes may be read of it, and what to make of them.
    """
    by_folder: dict[Parts, tuple[tuple[str, bytes], ...]] = {}
    sentences: list[str] = []
    found = {}
    for name, notebook in notebooks.items():
        folder = places[name].parts[:-1]
        if folder not in by_folder:
            near = {
                parts[len(folder) :]: member
                for parts, member in others.items()
                if parts[: len(folder)] == folder and (folder or len(parts) == 1)
            }
            taken, left_out = choose([(parts, member.size) for parts, member in near.items()], course)
            sentences += left_out
            contents = {parts: read(near[parts], MOST_BYTES, bytes) for parts in taken}
            by_folder[folder] = tuple(("/".join(parts), text) for parts, text in contents.items() if text is not None)
        files, remarks = by_folder[folder], notebook.remarks
        if (modules := sum(path.casefold().endswith(".py") for path, _ in files)) and not notebook.invalid:
            remarks += (f"Modules of the submission's own lie beside it: {modules}.",)
        found[name] = replace(notebook, files=files, remarks=remarks)
    return found, sentences
