import json

import numpy as np
import pandas as pd
import pytest
import torch

from labkit.exercises.notes import LARGEST, decode, encode, plain


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        ((1, 2.5, "a"), [1, 2.5, "a"]),
        ({3: [1]}, {"3": [1]}),
        (range(3), [0, 1, 2]),
        (pd.DataFrame({"a": [1, 2]}), {"a": [1, 2]}),
        (print, {"__object__": "builtin_function_or_method"}),
        ({"__array__": 1}, {"__object__": "dict"}),
        ("x" * (LARGEST + 1), {"__object__": "text of 1,000,001 characters"}),
        (range(LARGEST + 1), {"__object__": "range"}),
    ],
)
def test_values_become_plain(value, expected):
    found = plain(value)
    assert found == expected
    assert type(found) is type(expected)
    assert decode(encode(found)) == expected


@pytest.mark.parametrize(
    "value",
    [
        np.arange(6).reshape(2, 3),
        torch.ones(2, 3, requires_grad=True) * 2,
        torch.ones(2, dtype=torch.bfloat16),
        torch.tensor([True, False]),
        pd.Series([1.5, 2.5]),
        np.zeros((0, 4), dtype=np.float32),
        np.array(7),
    ],
)
def test_arrays_keep_shape_and_values(value):
    found = decode(encode(plain(value)))
    assert type(found) is np.ndarray
    wanted = value.detach().float().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
    assert found.shape == wanted.shape
    assert (found == wanted).all()


def test_nothing_of_a_students_own_class_gets_through():
    class Yes(int):
        def __eq__(self, other):
            return True

        __hash__ = int.__hash__

    class YesArray(np.ndarray):
        def __eq__(self, other):
            return True

        __hash__ = None

    found = plain([Yes(3), np.zeros(2).view(YesArray)])
    assert type(found[0]) is int
    assert type(found[1]) is np.ndarray


def test_a_list_in_itself_ends():
    endless = []
    endless.append(endless)
    assert encode(plain(endless)).count("[") == 5


def test_inputs_travel_with_tensors_and_tables():
    table = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    tensor, again = decode(encode([torch.arange(3), table]))
    assert torch.equal(tensor, torch.arange(3))
    pd.testing.assert_frame_equal(again, table)


@pytest.mark.parametrize(
    "entry",
    [
        ["<f8", [3], ""],
        ["<f8", [1], "AAAA"],
        ["O", [1], "AAAAAAAAAAA="],
        ["<f8", [-1], "AAAAAAAAAAA="],
        ["<f8", ["x"], "AAAAAAAAAAA="],
        ["no", [1], "AAAAAAAAAAA="],
        ["<f8", [1], "not base64"],
        ["<f8", [10**12, 0], ""],
        ["<f8", [1_000, 1_000, 2, 0], ""],
        ["<f8", [0, -1], ""],
        ["<f8", [True, 0], ""],
        ["<f8", "", "AAAAAAAAAAA="],
        7,
    ],
)
def test_a_forged_array_is_refused(entry):
    with pytest.raises(ValueError, match="could not be read"):
        decode(json.dumps({"__array__": entry}))


def test_bytes_travel_as_inputs_and_are_no_answer():
    content = bytes(range(256))
    assert decode(encode([[content]])) == [[content]]
    assert plain(content) == {"__object__": "bytes"}
    for damaged, told in (("3", "no text"), ("null", "no text"), ('"*"', "base64")):
        with pytest.raises(ValueError, match=told):
            decode(f'{{"__bytes__": {damaged}}}')
