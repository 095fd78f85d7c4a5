"""A night of grading: every notebook of every submission, several side by side, each kept as soon as it is done."""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
from collections.abc import Collection, Iterator
from concurrent.futures import as_completed
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import nbformat

from labkit import __version__
from labkit.basics.errors import Interrupted, LabkitError
from labkit.basics.files import ensure_writable, write_atomically
from labkit.course.notebooks import notebooks_folder, read_notebook, told_course
from labkit.grading.intake.groups import read_groups, settle_people
from labkit.grading.intake.reading.identity import handed_out
from labkit.grading.intake.reading.run_marks import write_runs
from labkit.grading.intake.report_files import keep_reports
from labkit.grading.intake.submissions import Submission, read_batch
from labkit.grading.judging.batch_progress import Progress, tell
from labkit.grading.judging.worker import Task, Worker, executed_notebook, keep_notebook, make_attempt
from labkit.grading.judging.workplace import workplace
from labkit.grading.records.batch_file import write_batch
from labkit.grading.records.policy import read_policy
from labkit.grading.records.store import AttemptStore
from labkit.grading.recount import DATABASE, count, write_grades
from labkit.grading.sandbox.bubblewrap import refuse_without_sandbox
from labkit.grading.settings import Settings, settle_data
from labkit.grading.slurm.chunks import run_on_slurm, settle
from labkit.grading.slurm.cluster import refuse_without_slurm
from labkit.report.captions import caption_files
from labkit.report.profiles import get_profile


@contextlib.contextmanager
def _told_when_interrupted() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt as interrupt:
        raise Interrupted(
            "Interrupted: every finished notebook is kept, and the same command goes on from there."
        ) from interrupt


@_told_when_interrupted()
def grade(
    source: Path,
    out: Path,
    settings: Settings,
    jobs: int = 1,
    fresh: bool = False,
    slurm: bool = False,
    despite_rehearsal: bool = False,
    groups: Path | None = None,
    known: Collection[str] = (),
) -> bool:
    """Grade a batch into the folder `out`; return whether every notebook of every submission passed.

    out: gets results.sqlite, the executed notebooks, the two tables and the pages. What is in it already, for the same
    content, course and settings, is not executed again unless `fresh`.
    jobs: notebooks side by side; with `slurm`, in each task of a job array.
    despite_rehearsal: execute submissions although the course's own notebooks do not pass.
    groups: a list of who belongs to which group; see `read_groups`.
    known: ids and logins of the course, which decide where the name of an entry can be read in several ways.
    Interrupted when the user ends it, by Ctrl-C or a signal; finished notebooks are kept, and the same command goes on.
    LabkitError for what would meet every notebook, as a full disk, at once; and, once the gradebook is written, when
    tasks on Slurm ended before their notebooks.
    """
    get_profile(settings.profile)
    settings = settle_data(settings)
    if slurm:
        refuse_without_slurm()  # the nodes look for their sandbox themselves
    elif settings.sandboxed:
        refuse_without_sandbox()
    policy = read_policy(notebooks_folder())  # one that cannot be read is told before the night
    staff = {path.stem: read_notebook(path) for path in told_course(notebooks_folder())}
    listed = read_groups(groups) if groups else None
    expected = {stem: handed_out(book) for stem, book in staff.items()}
    batch = read_batch(source, expected, known)
    for line in batch.told:
        tell(line)
    submissions = settle_people(batch.submissions, listed)
    ensure_writable(out)
    out.chmod(0o700)  # grades are nobody else's business
    course_hash = _hash(*(nbformat.writes(book).encode() for book in staff.values()), __version__.encode())
    for book in staff.values():
        for cell in book.cells:
            if cell.cell_type == "code":
                cell.outputs = []  # most of its size, which every task on Slurm would get
    with AttemptStore(out / DATABASE) as store:
        settle(out, store)
        write_batch(out, batch.platform, submissions)
        keep_reports(out, submissions)
        write_runs(out, {submission.name: submission.runs for submission in submissions})
        tasks, same = _open_tasks(submissions, staff, store, course_hash, settings, fresh)
        if same:
            tell(f"Notebooks that hold the same as another one: {len(same)}. Each content is executed once.")
        worker = Worker(staff, course_hash, settings, _seed(out), caption_files(notebooks_folder()))
        if (earlier := out / "runs").is_dir() and not worker.rehearsed(out).exists():  # its name in the first version
            earlier.rename(worker.rehearsed(out))
        total = sum(not notebook.invalid for submission in submissions for notebook in submission.notebooks.values())
        run = run_on_slurm if slurm else _run_here
        lost = run(tasks, worker, store, out, jobs, total - len(same), despite_rehearsal)
        _share(same, store, out, course_hash, settings)
    counted = count(out, policy)
    write_grades(out, counted)
    if lost:
        raise LabkitError(lost)
    return all(attempt.status == "passed" for attempt in counted.attempts)


def _open_tasks(
    submissions: list[Submission],
    staff: dict[str, Any],
    store: AttemptStore,
    course_hash: str,
    settings: Settings,
    fresh: bool,
) -> tuple[list[Task], list[Task]]:
    """Return what is still to be executed, and what holds the same as one of these, or as one that was executed.

    Notes what is to come, and keeps what is missing or cannot be read as such.
    """
    hashes = {submission.name: {stem: _hash_of(submission, stem) for stem in staff} for submission in submissions}
    store.expect(hashes, course_hash, settings.key())
    tasks: dict[tuple[str, str], Task] = {}
    same = []
    for submission in submissions:
        for stem in staff:
            notebook = submission.notebooks.get(stem)
            own_hash = hashes[submission.name][stem]
            if not fresh and store.finished(submission.name, stem, own_hash, course_hash, settings.key()):
                continue
            if notebook is None:
                store.add(make_attempt(submission, stem, "missing", own_hash, course_hash, settings))
            elif notebook.invalid:
                remarks = notebook.remarks
                store.add(make_attempt(submission, stem, "invalid", own_hash, course_hash, settings, remarks=remarks))
            elif (stem, own_hash) in tasks or (
                not fresh and store.executed(stem, own_hash, course_hash, settings.key())
            ):
                same.append(Task(submission, stem, own_hash))
            else:
                tasks[stem, own_hash] = Task(submission, stem, own_hash)
    return list(tasks.values()), same


def _share(same: list[Task], store: AttemptStore, out: Path, course_hash: str, settings: Settings) -> None:
    """Keep for each task what came of the one execution of its content; nothing where that is still to be done."""
    for task in same:
        who = task.submission
        if attempt := store.executed(task.notebook, task.notebook_hash, course_hash, settings.key()):
            own = replace(attempt, submission=who.name, student=who.student, user=who.user, late=who.late)
            keep_notebook(out, own, executed_notebook(out, attempt))
            store.add(own)


def _run_here(
    tasks: list[Task], worker: Worker, store: AttemptStore, out: Path, jobs: int, total: int, despite_rehearsal: bool
) -> str:
    """Execute tasks side by side, and keep each as soon as it is done. Returns nothing: none is left."""
    with Progress(total, total - len(tasks)) as progress, workplace(worker, out, jobs) as pool:
        stems = worker.to_rehearse(tasks, out)
        worker.rehearse(stems, out, pool)
        if not despite_rehearsal:
            worker.refuse_failed_rehearsal(stems, out)
        for future in as_completed([pool.submit(worker, task, progress) for task in tasks]):
            attempt, executed = future.result()
            keep_notebook(out, attempt, executed)
            store.add(attempt)  # last: from here on it is never executed again
            progress.done(attempt)
    return ""


def _seed(out: Path) -> int:
    """Return the seed of the batch's inputs, drawn once, so that no student knows it and a resumed night repeats it."""
    path = out / "seed"
    if not path.is_file():
        write_atomically(path, f"{secrets.randbelow(2**31)}\n")
        path.chmod(0o600)
    try:
        return int(path.read_text())
    except (OSError, ValueError) as error:
        raise LabkitError(f"{path} cannot be read ({error}): remove it, and grade with --fresh.") from error


def _hash_of(submission: Submission, stem: str) -> str:
    """Return a hash of all that an attempt at a notebook depends on in its submission; empty where it has none."""
    notebook, claims = submission.notebooks.get(stem), submission.claims.get(stem)
    if notebook is None:
        return ""
    facts = json.dumps([notebook.remarks, asdict(claims) if claims else None], sort_keys=True)
    return _hash(
        notebook.content, facts.encode(), *(part for name, file in notebook.files for part in (name.encode(), file))
    )


def _hash(*contents: bytes) -> str:
    digest = hashlib.sha256()
    for content in contents:
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()
