"""Make notebooks with the marks of the course's exercises, and zips and tars of them, and read one submission."""

import io
import json
import tarfile
import zipfile

from labkit.grading.intake.submissions import read_batch

STEMS = ("01_pytorch_blitz", "05_mlp1_sweep", "06_mlp2_sweep", "07_regularisation")
STUB = "def f():\n    # YOUR CODE HERE\n    raise NotImplementedError()"
CELLS = [(kind, n) for kind in ("answer", "check") for n in (1, 2, 3)]
HANDED_OUT = {
    stem: {f"{kind}-{int(stem[:2])}-{n}": STUB if kind == "answer" else "check()" for kind, n in CELLS}
    | {"questions": "YOUR ANSWER HERE"}
    for stem in STEMS
}


def book(chapter=0, answers=3, text=""):
    """Return a notebook as JSON. chapter: whose exercises it holds, 0 for none; answers: how many differ."""
    cells = [cell("# " + text)]
    for n in (1, 2, 3) if chapter else ():
        cells += [
            cell(f"def f(): return {n}" if n <= answers else STUB, f"answer-{chapter}-{n}"),
            cell("check()", f"check-{chapter}-{n}"),
        ]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def cell(source, grade_id=""):
    metadata = {"nbgrader": {"grade_id": grade_id}} if grade_id else {}
    return {"cell_type": "code", "metadata": metadata, "source": source, "outputs": [], "execution_count": None}


def zipped(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def tarred(files, how="gz", **changed):
    """Return a tar. files: name -> content; changed: what each entry's header says."""
    buffer = io.BytesIO()
    with tarfile.open(
        fileobj=buffer, mode=f"w:{how}", **({"format": changed.pop("form")} if "form" in changed else {})
    ) as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            for key, value in changed.items():
                setattr(info, key, value)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def read_one(folder, content, entry="bad_2_2_lab.zip", course=HANDED_OUT):
    """Return what is taken in of a batch with one upload, or of one folder of files."""
    batch = folder / "batch"
    batch.mkdir()
    files = (
        {f"bad_2/{name}": inner for name, inner in content.items()} if isinstance(content, dict) else {entry: content}
    )
    for name, inner in files.items():
        (batch / name).parent.mkdir(parents=True, exist_ok=True)
        (batch / name).write_bytes(inner)
    (found,) = read_batch(batch, course).submissions
    for sentence in found.problems:
        assert sentence.isprintable()
    return found


def taken(found):
    """Return {number: text in the first cell} of what can be read."""
    return {
        stem[:2]: json.loads(one.content)["cells"][0]["source"][2:]
        for stem, one in found.notebooks.items()
        if not one.invalid
    }


def told(found):
    """Return the problems but those on missing notebooks."""
    return [text for text in found.problems if "is missing" not in text]
