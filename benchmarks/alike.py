"""Who finds copied answers, and who names nobody where all wrote alone: labkit, copydetect and compare50.

python benchmarks/alike.py [--quick] [--groups 500] [--copies 20] [--seeds 3] [--first 0] [--no-peers]
    [--compare50 PYTHON]

Classes are made from the tests' answers (alike_class.py), half of them honest. As where labkit is installed, the tests'
answers are not known to labkit here. All sides read the same code, and take off the notebooks with solutions. With
--no-peers, labkit runs alone: the others take a time that grows with the square of the class, half an hour for 500.
copydetect is in the extra `bench`. compare50 wants attrs below 21, which nbformat's jsonschema refuses: install it into
an environment of its own, and name that one's Python. Seconds are the processor's, whatever else the machine does.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from alike_class import Prose, make_class, read_bank
from measure import arguments, publish

from labkit.course.notebooks import course, notebooks_folder, read_notebook
from labkit.grading.alike.find import background_of
from labkit.grading.alike.pairs import compare
from labkit.grading.alike.written import Group

Named = list[frozenset[str]]  # pairs of groups, the gravest first
TOP = 10
quick = {"groups": 60, "copies": 6, "seeds": 1}
chosen = arguments(__doc__.splitlines()[0], quick, groups=500, copies=20, seeds=3, first=0, peers=True, compare50="")
count, copies, seeds = chosen.groups, chosen.copies, chosen.seeds
books = {path.stem: read_notebook(path) for path in course(notebooks_folder())}
staff = {
    stem: "\n\n".join(cell.source for cell in book.cells if cell.cell_type == "code") for stem, book in books.items()
}
background = background_of(books, stored=Path("no tests"))
bank, scratch = read_bank(), Path(tempfile.mkdtemp(prefix="labkit-bench-"))


def processor() -> float:
    """Return the processor's seconds of this process and of those that it started."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def written(groups: list[Group]) -> tuple[Path, Path]:
    """Write each group's code into a file of its own folder; return the folder of all, and the one of the staff's."""
    folder = Path(tempfile.mkdtemp(dir=scratch))
    for group in groups:
        (folder / "class" / group.names[0]).mkdir(parents=True)
        (folder / "class" / group.names[0] / "answers.py").write_text("\n".join(group.code.values()))
    (folder / "staff").mkdir()
    for stem, text in staff.items():
        (folder / "staff" / f"{stem}.py").write_text(text)
    return folder / "class", folder / "staff"


def labkit(groups: list[Group]) -> Named:
    """Return the pairs that labkit shows."""
    return [frozenset([*pair.first.names, *pair.second.names]) for pair in compare(groups, background)]


def copydetect(groups: list[Group]) -> Named:
    """Return the pairs that copydetect shows as it comes: where a third of one is found in the other."""
    from copydetect import CopyDetector

    folder, given = written(groups)
    detector = CopyDetector(
        [str(folder)], boilerplate_dirs=[str(given)], extensions=["py"], autoopen=False, silent=True
    )
    detector.run()
    found = sorted(detector.get_copied_code_list(), key=lambda one: -max(one[0], one[1]))
    return list(dict.fromkeys(frozenset(Path(path).parent.name for path in one[2:4]) for one in found))


def compare50(groups: list[Group]) -> Named:
    """Return the first pairs of compare50, which always shows as many as it is told to."""
    folder, given = written(groups)
    out = folder.parent / "out"
    names = [path.name for path in sorted(folder.iterdir())]
    subprocess.run(
        [chosen.compare50, "-m", "compare50", "-n", str(TOP), "-o", out, "-p", "structure", "-d", given, "--", *names],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    matches = sorted(out.glob("match_*.html"), key=lambda path: int(path.stem.partition("_")[2]))
    return [frozenset(re.findall(r"group-\d+", path.read_text())) for path in matches]


sides: dict[str, Callable[[list[Group]], Named]] = {"labkit": labkit}
if chosen.peers and find_spec("copydetect"):
    sides["copydetect"] = copydetect
if chosen.peers and chosen.compare50:
    sides["compare50"] = compare50
prose = Prose([cell.source for book in books.values() for cell in book.cells if cell.cell_type == "markdown"])
totals = {name: {"accused": 0, "first": 0, "right": 0, "found": 0, "seconds": 0.0} for name in sides}
for seed in range(chosen.first, chosen.first + seeds):
    for planted in (0, copies):
        groups, pairs = make_class(count, planted, bank, prose, list(books), seed)
        for name, side in sides.items():
            start = processor()
            shown = side(groups)
            total = totals[name]
            total["seconds"] = max(total["seconds"], processor() - start)
            if not planted:
                total["accused"] += len(shown)
                continue
            total["first"] += len(shown[:TOP])
            total["right"] += sum(pair in pairs for pair in shown[:TOP])
            total["found"] += sum(pair in pairs for pair in shown)
publish(
    "alike",
    f"{seeds} honest classes of {count} groups, and {seeds} with {copies} copies each, seeds from {chosen.first}",
    ["side", "pairs in honest classes", f"right among the first {TOP}", "copies found", "seconds for a class, at most"],
    [
        [name, f"{one['accused']:.0f}", f"{one['right']:.0f} of {one['first']:.0f}",
         f"{one['found']:.0f} of {copies * seeds}", f"{one['seconds']:.1f}"]
        for name, one in totals.items()
    ],
    {"totals": totals, "groups": count, "copies": copies, "seeds": seeds, "first": chosen.first},
)  # fmt: skip
