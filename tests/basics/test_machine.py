import contextlib
import platform
import random
import subprocess
import sys

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info

from labkit.basics.errors import UsageError
from labkit.basics.machine import (
    describe_machine,
    get_device,
    processor_name,
    set_seed,
    set_threads,
    synchronise,
    tiny_as_zero,
    usable_cores,
)


def draw():
    return random.random(), np.random.random(), torch.rand(()).item()  # noqa: NPY002


@pytest.mark.parametrize("seed", [0, 7, 2**32, 2**40 + 1])
def test_seed_repeats_every_generator(seed):
    set_seed(seed)
    first = draw()
    second = draw()
    set_seed(seed)
    assert draw() == first
    assert all(a != b for a, b in zip(first, second, strict=True))
    set_seed(seed + 1)
    assert all(a != b for a, b in zip(first, draw(), strict=True))


def test_threads_follow_the_environment(monkeypatch):
    monkeypatch.setenv("LABKIT_THREADS", "1")
    assert set_threads() == torch.get_num_threads() == 1
    pools = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    assert pools
    assert set(pools) == {1}


@pytest.mark.parametrize(("cores", "threads"), [(1, 1), (2, 1), (3, 1), (4, 2), (16, 2)])
def test_half_the_cores_are_left_to_others(monkeypatch, cores, threads):
    monkeypatch.delenv("LABKIT_THREADS")
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(cores)), raising=False)
    assert set_threads() == torch.get_num_threads() == threads
    assert usable_cores() == cores
    assert set_threads(at_most=cores) == min(2, cores)
    monkeypatch.setenv("LABKIT_THREADS", "3")
    assert set_threads() == usable_cores() == 3


@pytest.mark.parametrize("asked", ["0", "-1", "two", "1.5", " "])
def test_bad_threads(monkeypatch, asked):
    monkeypatch.setenv("LABKIT_THREADS", asked)
    with pytest.raises(UsageError, match="LABKIT_THREADS"):
        set_threads()


def test_device(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.delenv("LABKIT_DEVICE")
    assert get_device().type == "cpu"
    monkeypatch.setenv("LABKIT_DEVICE", "cuda")
    with pytest.raises(UsageError, match="no CUDA GPU"):
        get_device()
    monkeypatch.setenv("LABKIT_DEVICE", "mps")
    with pytest.raises(UsageError, match="cannot be 'mps': what Apple's GPUs give was never compared"):
        get_device()
    monkeypatch.setenv("LABKIT_DEVICE", "tpu")
    with pytest.raises(UsageError, match="'cpu' or 'cuda'"):
        get_device()


def test_device_prefers_a_gpu_unless_told(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.delenv("LABKIT_DEVICE")
    assert get_device().type == "cuda"
    monkeypatch.setenv("LABKIT_DEVICE", "cpu")
    assert get_device().type == "cpu"


def test_machine_is_described(monkeypatch):
    monkeypatch.setenv("LABKIT_DEVICE", "cpu")
    machine = describe_machine()
    assert machine["device"] == "CPU"
    assert machine["threads"] == torch.get_num_threads()
    assert machine["torch"] == torch.__version__
    assert machine["processor"] == processor_name() != ""
    assert synchronise(torch.device("cpu")) is None


def test_tiny_numbers_are_zero_within_and_themselves_again_after_an_error():
    tiny = torch.tensor([1e-39])
    with contextlib.suppress(ArithmeticError), tiny_as_zero():
        assert float(tiny * 1) == 0
        raise ArithmeticError
    assert float(tiny * 1) > 0


PAGES = """
import resource
import numpy as np
from labkit.basics.machine import keep_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        np.ones(10_000_000)  # 80 MB
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

first = faults()
keep_memory()
faults()
print(first, faults())
"""


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told to keep freed memory")
def test_freed_memory_is_used_again():
    """With huge pages a fault brings 2 MB, else 4 kB: either way, most of them go."""
    said = subprocess.run([sys.executable, "-c", PAGES], capture_output=True, text=True, check=True).stdout
    given_back, kept = map(int, said.split())
    assert kept < 0.2 * given_back
