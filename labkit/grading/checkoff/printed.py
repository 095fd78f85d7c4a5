"""The pages of a check-off, made from a night's folder: checkoff/NAME.pdf per submission, and all of them to print."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from labkit.basics.errors import LabkitError
from labkit.basics.files import write_atomically
from labkit.course.notebooks import course, notebooks_folder
from labkit.grading.checkoff.four import FOUR, draw
from labkit.grading.checkoff.questions import Group
from labkit.grading.checkoff.sheets import BOX, Sheet, fonts_for, to_pdf
from labkit.grading.checkoff.templates import read_templates
from labkit.grading.intake.people import HandedIn
from labkit.grading.marks.mark_lines import read_lines
from labkit.grading.marks.oral import FOLDER, OralQuestion, outdated, read_drawn, write_drawn
from labkit.grading.pages.overview import page_name
from labkit.grading.pages.pictures import PAINTER
from labkit.grading.records.attempts import Attempt
from labkit.grading.records.batch_file import read_batch
from labkit.grading.records.store import AttemptStore
from labkit.grading.recount import DATABASE
from labkit.grading.texts import some_of

ALL = "_all.pdf"  # no submission's name begins so
MOST_NAMES = 20  # that a sentence lists


def make_pages(folder: Path) -> list[str]:
    """Write the pages of each submission that `folder` holds, and return sentences on them; nothing is executed.

    A second run gives the same pages, byte by byte: a question stays as long as it can be filled from what is known.
    UsageError for a checkoff.toml that cannot be followed; LabkitError where `labkit grade` did not write the folder,
    or a page cannot be written.
    """
    chapters = {path.stem[:2]: path.stem for path in course(notebooks_folder())}
    templates = read_templates(notebooks_folder(), chapters)
    submissions = {submission.name: submission for submission in read_batch(folder).submissions}
    before = read_drawn(folder)
    kept = {name: [question.name for question in questions] for name, questions in before.items()}
    sheets = []
    for group, questions in draw(templates, _groups(folder, submissions), kept):
        submission = submissions[group.submission]
        first = int(group.random("members").integers(len(submission.people) or 1))
        sheets.append(Sheet(submission, questions, first))
        group.forget()
    PAINTER.end()
    pages = [sheet for sheet in sheets if sheet.questions]
    _remove_others(folder, pages)
    now = {sheet.submission.name: _asked(sheet) for sheet in pages}
    write_drawn(folder, now)
    told = _lacking(sheets)
    if not pages:
        return told
    fonts = fonts_for(pages)
    for sheet in pages:
        write_atomically(_path(folder, sheet.submission), to_pdf([sheet], fonts, folder.resolve().name))
    write_atomically(folder / FOLDER / ALL, to_pdf(pages, fonts, folder.resolve().name))
    if fonts.lacking:
        told.append(
            f"{BOX} stands for characters that no font here has: {some_of(sorted(fonts.lacking), MOST_NAMES)}. Install "
            "a font that has them (on Debian and Ubuntu: fonts-noto-cjk, fonts-noto-core, fonts-noto-color-emoji)."
        )
    if changed := [name for name, asked in now.items() if before.get(name, asked) != asked]:
        names = some_of(changed, MOST_NAMES)
        told.append(f"Asked otherwise than before, as their results or checkoff.toml changed: {names}.")
    if ticked := outdated(read_lines(folder)[0], now):
        told.append(f"Ticked for questions that are not asked any more, so not counted: {some_of(ticked, MOST_NAMES)}.")
    return [f"Check-off: {folder / FOLDER / ALL}, two pages per submission, of {len(pages)}.", *told]


def _groups(folder: Path, submissions: Mapping[str, HandedIn]) -> list[Group]:
    """Return what is known of each submission, in the order of the list."""
    attempts: dict[str, dict[str, Attempt]] = {name: {} for name in submissions}
    with AttemptStore(folder / DATABASE, write=False) as store:
        for attempt in store.attempts():
            if attempt.submission in attempts:
                attempts[attempt.submission][attempt.notebook] = attempt
    path = folder / "seed"
    try:
        seed = int(path.read_text())
    except (OSError, ValueError) as error:
        raise LabkitError(f"{path} cannot be read ({error}): run `labkit grade` first, or name its folder.") from error
    return [Group(folder, name, by_notebook, seed) for name, by_notebook in attempts.items()]


def _lacking(sheets: list[Sheet]) -> list[str]:
    """Say of whom less than four questions could be drawn."""
    none = [sheet.submission.name for sheet in sheets if not sheet.questions]
    fewer = [sheet.submission.name for sheet in sheets if 0 < len(sheet.questions) < FOUR]
    told = [f"No page, as nothing that a question needs was executed: {some_of(none, MOST_NAMES)}."] if none else []
    return [*told, f"Fewer than four questions could be filled: {some_of(fewer, MOST_NAMES)}."] if fewer else told


def _asked(sheet: Sheet) -> list[OralQuestion]:
    return [OralQuestion(one.name, one.digest, f"{one.ask}\n{one.given}".strip()) for one in sheet.questions]


def _path(folder: Path, submission: HandedIn) -> Path:
    return folder / FOLDER / f"{page_name(submission.name)}.pdf"


def _remove_others(folder: Path, pages: list[Sheet]) -> None:
    """Remove the pages of submissions that are gone, or have none any more."""
    names = {_path(folder, page.submission) for page in pages}
    for path in (folder / FOLDER).glob("*.pdf"):
        if path not in names:
            path.unlink(missing_ok=True)
