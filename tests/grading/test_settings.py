"""Which data a night is graded on: those that `labkit run` reads, told before it starts."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from batch_makers import SETTINGS
from makers import IDX_NAMES, write_cifar10, write_image_folder, write_mnist, write_svhn

from labkit.basics.errors import LabkitError, UsageError
from labkit.grading.sandbox.bubblewrap import refuse_without_sandbox, wrap
from labkit.grading.settings import settle_data


def settled(data):
    return settle_data(SETTINGS.__class__(**{**vars(SETTINGS), "data": data})).data


@pytest.fixture
def linked(tmp_path):
    """Return a data folder whose data lie on other disks, beside something that is nobody's business."""
    write_mnist(tmp_path / "disk 1" / "mnist")
    write_cifar10(tmp_path / "disk 2" / "batches")
    folder = tmp_path / "data"
    (folder / "MNIST").mkdir(parents=True)
    (folder / "MNIST" / "raw").symlink_to(tmp_path / "disk 1" / "mnist")
    (folder / "cifar-10-batches-py").mkdir()
    for path in (tmp_path / "disk 2" / "batches").iterdir():
        (folder / "cifar-10-batches-py" / path.name).symlink_to(path)
    (folder / "grades.csv").write_text("secret")
    (tmp_path / "disk 1" / "mnist" / "solutions.txt").write_text("secret")
    (folder / "home").symlink_to(tmp_path)
    write_mnist(folder / "KMNIST" / "raw")
    return folder


def test_relative_folders_and_tildes_mean_what_they_mean_in_run(linked, monkeypatch, capsys):
    monkeypatch.chdir(linked.parent)
    monkeypatch.setenv("HOME", str(linked.parent))
    for named in ("data", "~/data", str(linked)):
        monkeypatch.setenv("LABKIT_DATA", named)
        assert settled("auto") == "auto"
        assert os.environ["LABKIT_DATA"] == str(linked)
        monkeypatch.delenv("LABKIT_DATA")
        assert settled(named) == str(linked)
        assert os.environ["LABKIT_DATA"] == str(linked)
    assert f"Data: {linked}/MNIST/raw for mnist, {linked}/cifar-10-batches-py for cifar10." in capsys.readouterr().out


def test_embedded_images_never_stand_in_without_a_word(data_folder, capsys):
    write_mnist(data_folder / "MNIST" / "raw")
    assert settled("auto") == "auto"
    assert f"Data: {data_folder}/MNIST/raw for mnist, embedded shapes for cifar10." in capsys.readouterr().out
    assert settled(str(data_folder)) == str(data_folder)
    assert f"Data: {data_folder}/MNIST/raw for mnist, nothing for cifar10." in capsys.readouterr().out
    assert settled("embedded") == "embedded"
    assert "Data: embedded digits for mnist, embedded shapes for cifar10." in capsys.readouterr().out


def test_a_set_by_its_name_stands_in_its_place_and_the_other_stays(data_folder, capsys):
    write_mnist(data_folder / "FashionMNIST" / "raw")
    assert settled("fashion-mnist") == "fashion-mnist"
    told = capsys.readouterr().out
    assert f"Data: {data_folder}/FashionMNIST/raw for mnist, embedded shapes for cifar10." in told
    write_svhn(data_folder / "SVHN")
    assert settled("svhn") == "svhn"
    assert f"Data: embedded digits for mnist, {data_folder}/SVHN for cifar10." in capsys.readouterr().out


def test_default_folder_is_named_for_kernels_that_have_another_home(tmp_path, monkeypatch):
    monkeypatch.delenv("LABKIT_DATA")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    write_mnist(tmp_path / "labkit" / "data" / "MNIST" / "raw")
    settled("auto")
    assert os.environ["LABKIT_DATA"] == str(tmp_path / "labkit" / "data")
    monkeypatch.delenv("LABKIT_DATA")


@pytest.mark.parametrize("data", ["mnist", "/no/such/folder", "."])
def test_what_is_no_folder_of_data_is_refused(data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"not a folder|holds neither MNIST|MNIST is not in .*labkit fetch mnist"):
        settled(data)


def test_links_that_the_sandbox_cannot_show_are_refused(tmp_path, linked):
    shutil.rmtree(tmp_path / "disk 1")
    with pytest.raises(LabkitError, match=r"raw is a link to .*disk 1/mnist, where nothing is"):
        settled(str(linked))
    write_image_folder(tmp_path / "own")
    (tmp_path / "own" / "train" / "cat" / "000.png").rename(tmp_path / "000.png")
    (tmp_path / "own" / "train" / "cat" / "000.png").symlink_to(tmp_path / "000.png")
    with pytest.raises(LabkitError, match=r"000\.png is a link to .*copy the images"):
        settled(str(tmp_path / "own"))


def test_sandbox_shows_what_is_read_and_nothing_beside_it(linked, tmp_path, monkeypatch):
    try:
        refuse_without_sandbox()
    except LabkitError as error:
        pytest.skip(str(error))
    write_image_folder(tmp_path / "own")
    (tmp_path / "own" / "train" / "cat").rename(tmp_path / "cats")
    (tmp_path / "own" / "train" / "cat").symlink_to(tmp_path / "cats")
    (tmp_path / "own" / "notes.txt").write_text("secret")
    sockets = tmp_path / "sockets"
    sockets.mkdir()
    seen = {}
    for folder in (linked, tmp_path / "own"):
        settled(str(folder))
        command = [*wrap(str(sockets)), "find", str(tmp_path), "!", "-type", "d", "-printf", "%y %p\n"]
        seen[folder] = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    raw, batches = linked / "MNIST" / "raw", Path(linked, "cifar-10-batches-py")
    wanted = [place / name for place in (raw, linked / "KMNIST" / "raw") for name in IDX_NAMES] + [
        batches / path.name for path in batches.iterdir()
    ]
    assert sorted(seen[linked]) == sorted(f"f {path}" for path in wanted)
    own = seen[tmp_path / "own"]
    assert len(own) == 26
    assert not [line for line in own if not line.startswith(f"f {tmp_path}/own/t") or not line.endswith(".png")]
