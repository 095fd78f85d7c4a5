import gc
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

from labkit.basics.errors import LabkitError, UsageError
from labkit.basics.files import only_run
from labkit.course.notebooks import course, left_out, notebooks_folder, read_notebook, select
from labkit.course.run_all import default_jobs, run_course
from labkit.course.run_one import execute

PARAMETERS_CELL = 'profile = "quick"\ndata = "auto"\nseed = 0\nout = ""'


def make(path, *sources, parameters=PARAMETERS_CELL):
    cells = [nbformat.v4.new_code_cell(source) for source in (parameters, *sources)]
    cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def values(tmp_path):
    return {"profile": "full", "data": "embedded", "seed": 7, "out": str(tmp_path)}


def test_the_course_is_in_order_and_named_by_number_or_name():
    names = [path.stem for path in course(notebooks_folder())]
    assert names == sorted(names)
    assert [path.stem for path in select(["09", "notebooks/05_mlp1_sweep.ipynb"], course(notebooks_folder()))] == [
        "05_mlp1_sweep",
        "09_profiler_comparison",
    ]
    with pytest.raises(UsageError, match="08_lenet5"):
        select(["lenet"], course(notebooks_folder()))


RUN = 'run = Run("{}", profile, dataset, seed, out)'


@pytest.mark.parametrize(
    ("there", "taken"),
    [
        ({"01_pytorch_blitz-Copy1": "01_pytorch_blitz", "01_pytorch_blitz": "01_pytorch_blitz"}, "01_pytorch_blitz"),
        ({"01_a_first_try": "01_pytorch_blitz", "01_pytorch_blitz": "01_pytorch_blitz"}, "01_pytorch_blitz"),
        ({"01_pytorch_blitz (1)": "01_pytorch_blitz", "01_pytorch_blitz": ""}, "01_pytorch_blitz"),
        ({"01_pytorch_blitz": "01_pytorch_blitz", "12_mine": "01_pytorch_blitz"}, "01_pytorch_blitz"),
        ({"02_notes": "", "02_cifar_classifier": "02_cifar_classifier"}, "02_cifar_classifier"),
        ({"02_extra": "02_extra", "02_cifar_classifier": "02_cifar_classifier"}, "02_cifar_classifier"),
        ({"10_transformers": "10_transformers"}, "10_transformers"),  # a teacher's
        ({"10_transformers": "10_transformers", "10_attic": "10_transformers", "10_b": ""}, "10_transformers"),
        ({"10_a": "", "10_a_old": "", "10_a-Copy1": ""}, "10_a"),
        ({"05_renamed": "05_mlp1_sweep"}, "05_renamed"),  # all that there is
    ],
)
def test_copies_are_left_out_and_told(tmp_path, there, taken):
    for name, results in there.items():
        make(tmp_path / f"{name}.ipynb", *([RUN.format(results)] if results else []))
    make(tmp_path / "Untitled.ipynb")
    shelf = course(tmp_path)
    assert [path.stem for path in shelf] == [taken]
    others = sorted({f"{name}.ipynb" for name in (*there, "Untitled")} - {f"{taken}.ipynb"})
    assert left_out(tmp_path, shelf) == f"Left out, as copies or no notebooks of the course: {', '.join(others)}."


def test_two_notebooks_of_one_number_are_refused_when_nothing_says_which(tmp_path):
    for name in ("10_cats", "10_dogs"):
        make(tmp_path / f"{name}.ipynb")
    with pytest.raises(UsageError, match=r"10_cats.ipynb and 10_dogs.ipynb have one number: keep one of them in "):
        course(tmp_path)


@pytest.mark.slow
def test_a_copy_never_replaces_the_results_of_its_notebook(tmp_path, monkeypatch, capsys):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "report_template.md").write_text("No name in here.")
    monkeypatch.chdir(tmp_path)
    for name, text in (("01_a", "ours"), ("01_a_old", "the copy's")):
        make(tmp_path / "notebooks" / f"{name}.ipynb", f'print("{text}")  # Run("01_a")')
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "results.json").write_text(json.dumps({"format": 1, "notebooks": {}}))
    assert run_course([], "quick", "embedded", 0, "out")
    assert "Left out, as copies or no notebooks of the course: 01_a_old.ipynb." in capsys.readouterr().out
    assert [path.name for path in (tmp_path / "out" / "notebooks").iterdir()] == ["01_a.ipynb"]


@pytest.mark.slow
def test_parameters_reach_the_notebook_and_the_file_stays_as_it_was(tmp_path):
    path = make(tmp_path / "01_a.ipynb", "print(profile, data, seed)")
    before = path.read_bytes()
    outcome = execute(path, values(tmp_path), tmp_path / "done")
    assert (outcome.name, outcome.error) == ("01_a", "")
    executed = read_notebook(tmp_path / "done" / "01_a.ipynb")
    assert executed.cells[-1].outputs[0].text == "full embedded 7\n"
    assert path.read_bytes() == before


@pytest.mark.slow
def test_a_failing_notebook_is_kept_apart_and_told_in_one_line(tmp_path):
    path = make(tmp_path / "01_a.ipynb", "raise ValueError('first line\\nsecond line')")
    outcome = execute(path, values(tmp_path), tmp_path / "done")
    assert outcome.error == "ValueError: first line"
    assert outcome.cell == "[3]"
    assert [file.name for file in (tmp_path / "done").iterdir()] == ["01_a.failed.ipynb"]


@pytest.mark.slow
def test_a_dead_kernel_is_a_failure(tmp_path):
    path = make(tmp_path / "01_a.ipynb", "import os; os._exit(1)")
    assert "kernel died" in execute(path, values(tmp_path), tmp_path / "done").error


@pytest.mark.parametrize(
    ("parameters", "message"),
    [('profile = "quick"\ndata = "auto"\nseed = 0', "has no parameter out"), ("profile = (", "is not Python")],
)
def test_an_unknown_parameter_is_told_before_anything_runs(tmp_path, parameters, message):
    path = make(tmp_path / "01_a.ipynb", "print(1)", parameters=parameters)
    assert message in execute(path, values(tmp_path), tmp_path / "done").error
    assert not (tmp_path / "done").exists()


@pytest.mark.parametrize("content", [b"", b"not json", b"{}", b"[1, 2]", b"\xff\xfe\x00", b'{"nbformat": 4}'])
def test_what_is_no_notebook_is_told(tmp_path, content):
    path = tmp_path / "01_a.ipynb"
    path.write_bytes(content)
    with pytest.raises(LabkitError, match="is not a notebook"):
        read_notebook(path)


@pytest.fixture
def small_course(tmp_path, monkeypatch):
    (tmp_path / "notebooks").mkdir()
    make(tmp_path / "notebooks" / "01_fails.ipynb", "1 / 0")
    (tmp_path / "notebooks" / "02_broken.ipynb").write_text("{")
    make(tmp_path / "notebooks" / "03_passes.ipynb", "print(1)")
    (tmp_path / "report_template.md").write_text("No name in here.")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("profile", "cores", "notebooks", "jobs"),
    [("quick", "1", 9, 1), ("quick", "2", 9, 2), ("quick", "16", 9, 4), ("quick", "8", 1, 1), ("full", "8", 9, 1)],
)
def test_jobs_follow_the_cores_unless_the_sweeps_do(monkeypatch, profile, cores, notebooks, jobs):
    monkeypatch.setenv("LABKIT_THREADS", cores)
    assert default_jobs(profile, notebooks) == jobs


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_failing_notebook_never_stops_the_others(small_course, capsys, jobs):
    (small_course / "out").mkdir()
    (small_course / "out" / "results.json").write_text(json.dumps({"format": 1, "notebooks": {}}))
    assert run_course([], "quick", "embedded", 0, "out", jobs) is False
    printed = capsys.readouterr()
    assert Path.cwd() == small_course
    assert [line.split(" ... ")[1].split()[0] for line in printed.out.splitlines()[:3]] == [
        "failed",
        "failed",
        "passed",
    ]
    for text in ("01_fails", "[3]", "ZeroDivisionError: division by zero", "02_broken", "is not a notebook"):
        assert text in " ".join(printed.err.replace("│", " ").split())  # the table wraps long paths
    assert (small_course / "out" / "report.pdf").exists()
    gc.collect()  # an event loop that a thread left open is told here, not in whatever test comes next


@pytest.mark.parametrize("arguments", [(["99"], "quick", "auto"), ([], "quickest", "auto"), ([], "quick", "no-folder")])
def test_misuse_is_refused_before_anything_is_written(small_course, arguments):
    with pytest.raises(UsageError):
        run_course(*arguments, 0, "out")
    assert not (small_course / "out").exists()


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no signals to send")
def test_a_run_that_is_ended_says_so_and_leaves_nothing(tmp_path):
    """Two notebooks side by side, by SIGTERM: no notebook has failed by that, and no kernel runs on."""
    (tmp_path / "notebooks").mkdir()
    for name in ("01_a", "02_b"):
        source = f"import os, pathlib, time\npathlib.Path(out, '{name}').write_text(str(os.getpid()))\ntime.sleep(600)"
        make(tmp_path / "notebooks" / f"{name}.ipynb", source)
    pids = [tmp_path / "out" / name for name in ("01_a", "02_b")]
    command = [sys.executable, "-c", "from labkit.cli import main; main()", "run", "--data", "embedded", "--jobs", "2"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as run:
        deadline = time.monotonic() + 300
        while not all(path.is_file() and path.read_text() for path in pids) and time.monotonic() < deadline:
            time.sleep(0.05)
        run.send_signal(signal.SIGTERM)
        said, _ = run.communicate(timeout=300)
    assert run.returncode == 128 + signal.SIGTERM
    assert said.strip() == (
        "labkit: Interrupted: finished notebooks and trainings are kept, and the same command goes on from there."
    )
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [".run.lock", "01_a", "02_b"]
    deadline = time.monotonic() + 60
    while (left := [path for path in pids if Path("/proc", path.read_text()).exists()]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == []


DAMAGED = {
    "results.json": ["", "{", "[]", '{"format": 1}', '{"format": 1, "notebooks": []}', "[" * 100_000],
    "results.json of another version": ['{"format": 99, "notebooks": {}}'],
    "results.json of odd parts": [
        f'{{"format": 1, "notebooks": {{"05": {part}}}}}'
        for part in ("[]", "1", "{}", '{"figures": [], "tables": {}}', '{"figures": {"a": {}}, "tables": {}}')
    ],
}


@pytest.fixture
def nothing_runs(monkeypatch):
    monkeypatch.setattr("labkit.course.run_all.execute_all", None)


@pytest.mark.parametrize("kind", DAMAGED)
def test_results_that_cannot_be_added_to_are_told_before_anything_runs(small_course, nothing_runs, kind):
    (small_course / "out").mkdir()
    for content in DAMAGED[kind]:
        (small_course / "out" / "results.json").write_text(content)
        with pytest.raises(
            LabkitError, match=r"results\.json (is damaged|was written by another version).*move it away"
        ):
            run_course([], "quick", "embedded", 0, "out")
        assert (small_course / "out" / "results.json").read_text() == content


@pytest.mark.parametrize("name", ["out", "out/notebooks", "out/cache", "out/figures", "out/results.json"])
def test_a_folder_that_cannot_be_used_is_told_before_anything_runs(small_course, nothing_runs, name):
    path = small_course / name
    path.parent.mkdir(exist_ok=True)
    path.mkdir() if name.endswith("json") else path.write_text("mine")
    with pytest.raises(LabkitError, match=r"cannot be written|is damaged"):
        run_course([], "quick", "embedded", 0, "out")


def test_two_runs_in_one_folder_are_refused_and_in_two_are_not(small_course, nothing_runs):
    with only_run(small_course), only_run(small_course / "notebooks"):
        before = sorted(small_course.rglob("*"))
        with pytest.raises(LabkitError, match=rf"Another run of labkit \(process {os.getpid()} on .*, since .*--out"):
            run_course([], "quick", "embedded", 0, small_course)
        assert sorted(small_course.rglob("*")) == before
    with only_run(small_course):
        pass


def test_the_lock_of_a_run_that_was_killed_does_not_stay(tmp_path):
    script = "import sys, os, pathlib; from labkit.basics.files import only_run\n"
    script += "with only_run(pathlib.Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(LabkitError, match=rf"process {other.pid} on"), only_run(tmp_path):
            pass
        other.kill()
    with only_run(tmp_path):
        assert f"process {os.getpid()}" in (tmp_path / ".run.txt").read_text()
    assert [path.name for path in tmp_path.iterdir()] == [".run.lock"]
