"""The command line as a user meets it: exit codes, sentences, and one notebook from start to report."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent


def labkit(*arguments, cwd=ROOT, **environment):
    return subprocess.run(
        [sys.executable, "-c", "from labkit.cli import main; main()", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=os.environ | environment,
    )


@pytest.fixture(scope="module")
def done(tmp_path_factory, take_trainings):
    """One real run of one notebook on the embedded data."""
    out = tmp_path_factory.mktemp("end-to-end") / "out"
    take_trainings(out)
    return out, labkit("run", "05", "--data", "embedded", "--out", out)


def test_one_notebook_from_start_to_report(done):
    out, process = done
    assert process.returncode == 0, process.stderr
    assert "[1/1] 05_mlp1_sweep ... passed in" in process.stdout
    assert str(out / "report.html") in process.stdout
    section = json.loads((out / "results.json").read_text())["notebooks"]["05_mlp1_sweep"]
    for figure in section["figures"].values():
        assert (out / figure["png"]).stat().st_size > 5_000
        assert (out / figure["svg"]).stat().st_size > 5_000
        assert len(figure["caption"]) > 20
        assert len(figure["alt"]) > 20
    for table in section["tables"].values():
        assert (out / table["csv"]).read_text().count("\n") == len(table["rows"]) + 1
    assert section["numbers"]["widest_accuracy"]["value"] > 90
    assert section["numbers"]["widest_accuracy"]["n"] == 450
    assert (out / "notebooks" / "05_mlp1_sweep.ipynb").is_file()
    report = (out / "report.md").read_text()
    assert "**Embedded data.**" in report
    assert "MLP1" in report
    assert (out / "report.pdf").read_bytes().startswith(b"%PDF-")


def test_the_report_is_built_again_from_results_alone(done):
    out, _ = done
    before = (out / "report.md").read_bytes()
    (out / "report.md").unlink()
    process = labkit("report", out)
    assert process.returncode == 0, process.stderr
    assert (out / "report.md").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["run", "77"], 2, "Notebook '77' is not known"),
        (["run", "--profile", "fast"], 2, "Profile 'fast' is not known"),
        (["run", "--data", "no/such/folder"], 2, "is not a folder"),
        (["run", "--seed", "-1"], 2, "Invalid value"),
        (["run", "--parameter", "x"], 2, "No such option"),
        (["fetch", "imagenet"], 2, "Dataset 'imagenet' is not known"),
        (["report", "no/such/folder"], 1, "does not exist"),
        (["report", "no/such/folder", "--template", "x.md"], 1, "does not exist"),
        (["dance"], 2, "No such command"),
    ],
)
def test_misuse_is_one_sentence_and_writes_nothing(tmp_path, arguments, code, sentence):
    if arguments[0] == "run":
        arguments = [*arguments, "--out", tmp_path / "out"]
    process = labkit(*arguments)
    assert process.returncode == code
    assert sentence in process.stderr
    assert "Traceback" not in process.stderr
    assert not (tmp_path / "out").exists()


def test_an_output_folder_that_cannot_be_written_is_told_before_the_first_notebook(tmp_path):
    (tmp_path / "file").write_text("in the way")
    process = labkit("run", "--out", tmp_path / "file" / "out")
    assert process.returncode == 1
    assert "cannot be written" in process.stderr
    assert "[1/" not in process.stdout


def test_damaged_data_fails_with_its_sentence_and_leaves_earlier_results(done, tmp_path):
    out, _ = done
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    (raw / "train-images-idx3-ubyte").write_bytes(b"\x00\x00\x08\x03\x00")
    before = (out / "results.json").read_bytes()
    process = labkit("run", "05", "--data", tmp_path, "--out", out, COLUMNS="400")
    assert process.returncode == 1
    assert "train-images-idx3-ubyte ends inside its header" in process.stderr
    assert (out / "results.json").read_bytes() == before


def test_a_template_that_names_a_missing_figure_changes_nothing(done, tmp_path):
    out, _ = done
    template = tmp_path / "template.md"
    template.write_text('<< figure("05_mlp1_sweep.nothing") >>')
    before = (out / "report.md").read_bytes()
    process = labkit("report", out, "--template", template)
    assert process.returncode == 1
    assert "05_mlp1_sweep makes these figures" in process.stderr
    assert (out / "report.md").read_bytes() == before


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to one process")
@pytest.mark.parametrize("what", [["05"], ["05", "06", "--jobs", "2"]], ids=["one", "two side by side"])
def test_an_interrupted_run_says_so_and_keeps_what_is_finished(tmp_path, what):
    out = tmp_path / "out"
    script = [
        sys.executable,
        "-c",
        "from labkit.cli import main; main()",
        "run",
        *what,
        "--data",
        "embedded",
        "--out",
        out,
    ]
    process = subprocess.Popen(script, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not list(out.glob("cache/*.npz")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command goes on from there" in errors
    assert list(out.glob("cache/*.npz"))
    assert not (out / "results.json").exists()


def test_doctor_and_help():
    process = labkit("doctor")
    assert process.returncode == 0, process.stdout
    for topic in ("Python", "torch", "torchvision", "device", "threads", "MNIST", "CIFAR-10", "disk"):
        assert f"  {topic} " in process.stdout
    assert "fetch" in labkit("--help").stdout
