"""`labkit site`: the pages are made and searched for solutions in memory, then take the place of the folder at once."""

from __future__ import annotations

import html
import json
import re
import tempfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from labkit import __version__
from labkit.basics.errors import LabkitError, UsageError
from labkit.basics.files import ensure_writable, expanded
from labkit.course.build import check_notebooks
from labkit.course.notebooks import clean, notebooks_folder, read_notebook, told_course
from labkit.course.release import leaks, solution_lines
from labkit.course.site.compose import site_files

MADE = "labkit-site.json"  # what a site consists of, so that the next one replaces nothing else
TAG = re.compile(r"<[^>]*>")


def site(out: Path) -> str:
    """Write the site of the course into the folder `out`, in place of one that was there; return a sentence about it.

    UsageError, and nothing is written, where the folder holds anything but a site as this command left it. LabkitError
    when a stored notebook differs from its twin, or a page would show a line of a solution.
    """
    out = expanded(out).resolve()
    _refuse_to_overwrite(out)
    files = _checked_files()
    digests = {name: sha256(content).hexdigest() for name, content in sorted(files.items())}
    files[MADE] = (json.dumps({"labkit": __version__, "files": digests}, indent=1) + "\n").encode()
    ensure_writable(out.parent)
    try:
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-", ignore_cleanup_errors=True) as scratch:
            fresh = Path(scratch) / "fresh"
            for name, content in files.items():
                (fresh / name).parent.mkdir(parents=True, exist_ok=True)
                (fresh / name).write_bytes(content)
            _replace(out, fresh, Path(scratch) / "old")
    except OSError as error:
        raise LabkitError(
            f"{out} cannot be replaced ({error.strerror or error}): close what uses it, or name another --out."
        ) from error
    pages = sum(name.endswith(".html") for name in files)
    return f"{out / 'index.html'}: {pages} pages, {sum(map(len, files.values())) / 1e6:.1f} MB in all"


def _checked_files() -> dict[str, bytes]:
    """Return the files of the site; LabkitError where they would show what students have to find."""
    folder = notebooks_folder()
    if (folder / "source").is_dir():
        check_notebooks()
    notebooks = {path.stem: clean(read_notebook(path)) for path in told_course(folder)}
    secret = solution_lines({f"{stem}.ipynb": notebook for stem, notebook in notebooks.items()})
    files = site_files(notebooks)
    if leaked := leaks(secret, {name: _readable(name, content) for name, content in files.items()}):
        raise LabkitError("\n  ".join(["The site would show lines of solutions; reword or remove them.", *leaked]))
    return files


def _readable(name: str, content: bytes) -> bytes:
    """Return what a reader of a file sees: of a page its text, and then the values of its attributes as well."""
    if name.endswith(".html"):
        page = content.decode()
        return f"{html.unescape(TAG.sub('', page))}\n{html.unescape(page)}".encode()
    return content.replace(b'\\"', b'"') if name.endswith(".js") else b""


def _refuse_to_overwrite(folder: Path) -> None:
    """Raise UsageError where `folder` holds anything that no site brought there, or that was changed since."""
    if folder.is_dir():
        digests = _digests(folder)
        foreign = next((path for path in folder.rglob("*") if not _is_ours(path, folder, digests)), None)
    else:
        foreign = folder if folder.exists() else None
    if foreign:
        raise UsageError(
            f"{foreign} is not as labkit site left it, and would be lost: move {folder} away, or name another --out."
        )


def _digests(folder: Path) -> Mapping[str, str]:
    """Return the digest of each file that a site brought into `folder`; none where there is no site."""
    try:
        digests = json.loads((folder / MADE).read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, LookupError, TypeError):
        return {}
    return digests if isinstance(digests, dict) else {}


def _is_ours(path: Path, folder: Path, digests: Mapping[str, str]) -> bool:
    name = path.relative_to(folder).as_posix()
    if path.is_symlink():
        return False
    if path.is_dir():
        return any(each.startswith(f"{name}/") for each in digests)
    return (name == MADE and bool(digests)) or digests.get(name) == sha256(path.read_bytes()).hexdigest()


def _replace(folder: Path, fresh: Path, old: Path) -> None:
    """Put `fresh` in the place of `folder`; what was there comes back where that fails."""
    if not folder.exists():
        fresh.replace(folder)
        return
    folder.replace(old)
    try:
        fresh.replace(folder)
    except OSError:
        old.replace(folder)
        raise
