"""One's own images, as they lie about on people's disks."""

import shutil

import numpy as np
import pytest
from makers import write_image_folder
from PIL import Image

from labkit.basics.errors import LabkitError
from labkit.data.image_folders import read_image_folder


@pytest.mark.parametrize(("suffix", "origin"), [(".png", "PNG files"), (".jpg", "JPEG"), (".JPEG", "JPEG")])
@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize(("channels", "size"), [(1, 28), (3, 32)])
def test_image_folder_of_odd_sizes_and_colours(tmp_path, suffix, origin, mode, channels, size):
    write_image_folder(tmp_path, suffix=suffix, size=(21, 33), mode=mode)
    raw = read_image_folder(tmp_path, channels, size)
    assert raw.train_images.shape == (20, channels, size, size)
    assert raw.test_images.shape == (6, channels, size, size)
    assert raw.train_images.dtype == np.uint8
    assert raw.train_labels.tolist() == [0] * 10 + [1] * 10
    assert raw.class_names == ("cat", "dog")
    assert raw.origin.startswith(origin)


def test_png_of_the_right_size_is_read_bit_exactly(tmp_path):
    write_image_folder(tmp_path, mode="RGB", size=(32, 32))
    with Image.open(tmp_path / "train" / "dog" / "004.png") as image:
        expected = np.asarray(image).transpose(2, 0, 1)
    assert np.array_equal(read_image_folder(tmp_path, 3, 32).train_images[14], expected)


@pytest.mark.parametrize("content", [b"", b"not an image", b"\x89PNG\r\n\x1a\n", "truncated"])
def test_corrupt_image_is_named(tmp_path, content):
    write_image_folder(tmp_path)
    path = tmp_path / "test" / "dog" / "001.png"
    path.write_bytes(path.read_bytes()[:200] if content == "truncated" else content)
    with pytest.raises(LabkitError, match=r"dog.001\.png is not a readable image"):
        read_image_folder(tmp_path, 1, 28)


def test_image_with_a_flipped_byte_is_read_or_named(tmp_path):
    write_image_folder(tmp_path, train=1, test=1, size=(8, 8))
    path = tmp_path / "train" / "cat" / "000.png"
    whole = path.read_bytes()
    outcomes = set()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            outcomes.add(read_image_folder(tmp_path, 1, 28).train_images.shape)
        except LabkitError as error:
            outcomes.add(path.name in str(error))
    assert outcomes <= {(2, 1, 28, 28), True}


def test_class_without_images_is_named(tmp_path):
    write_image_folder(tmp_path)
    shutil.rmtree(tmp_path / "test" / "dog")
    with pytest.raises(LabkitError, match=r"test.dog holds no"):
        read_image_folder(tmp_path, 1, 28)


def test_image_folder_with_one_class(tmp_path):
    write_image_folder(tmp_path, classes=["cat"])
    with pytest.raises(LabkitError, match="fewer than two class folders"):
        read_image_folder(tmp_path, 1, 28)


def test_hidden_folders_are_no_classes(tmp_path):
    write_image_folder(tmp_path)
    (tmp_path / "train" / ".ipynb_checkpoints").mkdir()
    assert read_image_folder(tmp_path, 1, 28).class_names == ("cat", "dog")


LITTER = ("._000.png", ".DS_Store", "Thumbs.db", "desktop.ini", ".hidden.png")


def test_what_systems_leave_in_folders_is_passed_over(tmp_path):
    write_image_folder(tmp_path)
    clean = read_image_folder(tmp_path, 1, 28)
    for part in ("train", "test"):
        for folder in ("__MACOSX/cat", "@eaDir", ".hidden", "System Volume Information", "cat/__MACOSX"):
            (tmp_path / part / folder).mkdir(parents=True)
        for name in LITTER:
            (tmp_path / part / "dog" / name).write_bytes(b"\0\5\x16\7Mac OS X")
    again = read_image_folder(tmp_path, 1, 28)
    assert again.class_names == clean.class_names
    assert np.array_equal(again.train_images, clean.train_images)


def test_class_behind_a_link_that_leads_nowhere_is_not_left_out(tmp_path):
    write_image_folder(tmp_path, ["cat", "dog", "newt"])
    for part in ("train", "test"):
        shutil.rmtree(tmp_path / part / "newt")
        (tmp_path / part / "newt").symlink_to("/no/such/disk")
    with pytest.raises(LabkitError, match="newt is a link to /no/such/disk, where nothing is"):
        read_image_folder(tmp_path, 1, 28)


def test_class_of_the_test_part_alone_is_named(tmp_path):
    write_image_folder(tmp_path)
    (tmp_path / "test" / "newt").mkdir()
    with pytest.raises(LabkitError, match=r"newt is a class that .*train lacks"):
        read_image_folder(tmp_path, 1, 28)


def test_images_of_other_kinds_are_named(tmp_path):
    write_image_folder(tmp_path)
    (tmp_path / "train" / "cat" / "photo.HEIC").write_bytes(b"x")
    with pytest.raises(LabkitError, match=r"photo\.HEIC is neither PNG nor JPEG"):
        read_image_folder(tmp_path, 1, 28)


def drawing():
    """Return a drawing in grey, white ink on black: what each form below shows, or its inverse."""
    rng = np.random.default_rng(0)
    return np.kron(rng.integers(0, 256, (7, 7), np.uint8), np.ones((4, 4), np.uint8)) * (
        np.indices((28, 28)).sum(0) > 9
    )


def in_form(kind, values):
    """Return the drawing as an image that is stored in another way."""
    grey = Image.fromarray(values)
    if kind.endswith("ink"):
        level = {"white ink": (255, 255, 255), "black ink": (0, 0, 0), "blue ink": (0, 0, 120)}[kind]
        image = Image.new("RGBA", grey.size, level)
        image.putalpha(grey)
        return image
    if kind == "LA":
        return Image.merge("LA", (Image.new("L", grey.size, 0), grey))
    if kind == "I;16":
        return Image.fromarray(values.astype(np.uint16) * 257)
    if kind == "P, transparent":
        palette = Image.fromarray((values > 127).astype(np.uint8), "P")
        palette.putpalette([0, 255, 0, 0, 0, 0])  # a green ground that nobody sees, black ink
        palette.info["transparency"] = 0
        return palette
    if kind == "CMYK":
        return grey.convert("RGB").convert("CMYK")
    return grey.convert(kind)


@pytest.mark.parametrize("kind", ["L", "RGB", "RGBA", "P", "I;16", "white ink", "1"])
def test_forms_that_show_the_same(tmp_path, kind):
    shown = read_one(tmp_path, kind)
    wanted = drawing() if kind != "1" else np.asarray(Image.fromarray(drawing()).convert("1").convert("L"))
    assert np.abs(shown.astype(int) - wanted).max() <= 1


@pytest.mark.parametrize("kind", ["black ink", "LA", "blue ink", "P, transparent"])
def test_dark_ink_on_a_transparent_ground_shows_on_white(tmp_path, kind):
    shown = read_one(tmp_path, kind).astype(int)
    wanted = 255 - (drawing().astype(int) if kind != "P, transparent" else 255 * (drawing() > 127))
    assert np.abs(shown - wanted).max() <= (1 if kind != "blue ink" else 20)


def test_cmyk_jpeg_shows_what_it_shows(tmp_path):
    shown = read_one(tmp_path, "CMYK", "jpg").astype(int)
    assert np.corrcoef(shown.ravel(), drawing().ravel())[0, 1] > 0.95


def read_one(folder, kind, suffix="png"):
    for part in ("train", "test"):
        for name in ("a", "b"):
            (folder / part / name).mkdir(parents=True)
            in_form(kind, drawing()).save(folder / part / name / f"1.{suffix}")
    return read_image_folder(folder, 1, 28).train_images[0, 0]


def test_turned_photo_is_turned_back(tmp_path):
    write_image_folder(tmp_path)
    path = tmp_path / "train" / "cat" / "000.png"
    upright = Image.fromarray(drawing())
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter to the right
    upright.transpose(Image.Transpose.ROTATE_90).save(path, exif=exif)
    assert np.array_equal(read_image_folder(tmp_path, 1, 28).train_images[0, 0], drawing())


def test_ink_that_is_lost_on_the_ground_of_the_others_is_named(tmp_path):
    for part in ("train", "test"):
        for name, kind in (("a", "black ink"), ("b", "black ink"), ("c", "white ink")):
            (tmp_path / part / name).mkdir(parents=True)
            in_form(kind, drawing()).save(tmp_path / part / name / "1.png")
    with pytest.raises(LabkitError, match=r"c.1\.png shows nothing on a white ground"):
        read_image_folder(tmp_path, 1, 28)
