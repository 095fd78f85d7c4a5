"""Write small datasets in the formats of the real ones."""

import gzip
import pickle
import struct

import numpy as np
from PIL import Image
from scipy.io import savemat

IDX_NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def idx(array):
    """Return the bytes of an IDX file: 00 00 08, number of dimensions, big-endian sizes, values."""
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


def write_mnist(folder, packed=False, train=200, test=50):
    """Write four IDX files into `folder` and return their arrays in the order of IDX_NAMES."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    arrays = []
    for count in (train, test):
        arrays += [rng.integers(0, 256, (count, 28, 28), np.uint8), (np.arange(count) % 10).astype(np.uint8)]
    for name, array in zip(IDX_NAMES, arrays, strict=True):
        if packed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(idx(array)))
        else:
            (folder / name).write_bytes(idx(array))
    return arrays


def write_cifar10(folder, batch=40):
    """Write the five batches, the test batch and the names of CIFAR-10; return images (N, 3072) of train and test."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (6 * batch, 3072), np.uint8)
    files = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
    for file, part in zip(files, images.reshape(6, batch, 3072), strict=True):
        content = {b"batch_label": b"small", b"labels": [i % 10 for i in range(batch)], b"data": part}
        (folder / file).write_bytes(pickle.dumps(content, protocol=2))
    names = {b"label_names": [f"class {number}".encode() for number in range(10)], b"num_vis": 3072}
    (folder / "batches.meta").write_bytes(pickle.dumps(names, protocol=2))
    return images[: 5 * batch], images[5 * batch :]


def write_svhn(folder, train=60, test=30):
    """Write the two MATLAB files of SVHN; return images (32, 32, 3, N) and labels (N, 1), 10 for a 0, of both."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    arrays = []
    for name, count in (("train", train), ("test", test)):
        images = rng.integers(0, 256, (32, 32, 3, count), np.uint8)
        labels = (np.arange(count) % 10 + 1).astype(np.uint8)[:, None]
        savemat(folder / f"{name}_32x32.mat", {"X": images, "y": labels}, do_compression=True)
        arrays += [images, labels]
    return arrays


def write_image_folder(folder, classes=("cat", "dog"), suffix=".png", size=(28, 28), mode="L", train=10, test=3):
    """Write `folder/train|test/<class>/<number><suffix>`, random images of `size` (width, height)."""
    rng = np.random.default_rng(0)
    shape = (size[1], size[0]) if mode == "L" else (size[1], size[0], 3)
    for part, count in (("train", train), ("test", test)):
        for name in classes:
            (folder / part / name).mkdir(parents=True)
            for number in range(count):
                image = Image.fromarray(rng.integers(0, 256, shape, np.uint8))
                image.save(folder / part / name / f"{number:03}{suffix}")
