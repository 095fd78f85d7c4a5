"""Errors of student code as sentences: what Python, NumPy and PyTorch say, and the usual mistake behind it."""

from __future__ import annotations

import re

# A part of an error's type and message as a regular expression, and what the mistake is. The first that fits counts.
MISTAKES = (
    ("NotImplementedError: $", "this line stands there since before your answer: delete it"),
    (
        "NameError: ",
        "the cell that defines this name has not run, or the name is misspelt. Run the notebook from the top "
        "(Restart Kernel and Run All Cells)",
    ),
    ("UnboundLocalError: ", "this name gets its value further down, or on a way that the code did not take"),
    ("No module named", "this library is not installed here: the course's own are enough"),
    (
        r"before Module.__init__\(\) call|no attribute '_(modules|parameters|buffers|\w*hooks\w*)'",
        "the first line of `__init__` must be super().__init__()",
    ),
    ("self'|self\" *$", "give the class its own objects: Network() has brackets"),
    (
        r"positional argument|unexpected keyword argument '(?!keepdim|axis|dim|correction|ddof)",
        "a function is called with more or fewer arguments than it has. Is the first line, `def ...`, as it was handed "
        "out?",
    ),
    (
        "keyword argument '(keepdim|axis|dim|correction|ddof)",
        "NumPy says axis, keepdims and ddof where PyTorch says dim, keepdim and correction",
    ),
    (
        r"must match the size of tensor|could not be broadcast|not broadcastable|output with shape",
        "these two shapes do not fit from the right. After a sum, mean or maximum, keepdim=True (NumPy: keepdims=True) "
        "keeps the dimension as 1",
    ),
    ("mat1 and mat2 shapes cannot be multiplied", "a layer gets another number of inputs than it was made for"),
    (
        r"mismatch in its core dimension|size mismatch|inconsistent tensor size",
        "the inner sizes of a matrix product must be equal: does one of the two want .T?",
    ),
    (
        r"expected input\[.*channels|Expected [34]D \(unbatched\)",
        "a convolution wants images of shape (N, channels, height, width), with as many channels as it was made for",
    ),
    (
        "Target .* is out of bounds",
        "a label is larger than the number of logits allows: the network has too few outputs",
    ),
    (
        r"log_softmax_lastdim_kernel_impl|Expected floating point type for target",
        "the loss got labels in the place of logits: it is loss_fn(logits, labels)",
    ),
    (
        r"expected scalar type Long but found|expected target dtype to be Long",
        "labels must stay whole numbers (int64): cross-entropy got decimals",
    ),
    (
        "to match target batch_size",
        "logits and labels are not of the same batch: there are more of one than of the other",
    ),
    (
        r"must have the same dtype|to have the same dtype|expected scalar type|type .* should be the same",
        "numbers of two types meet, such as float32 and float64, or whole numbers and decimals: .float() makes float32",
    ),
    (
        r"could not infer output dtype|Only Tensors of floating point|result type \w+ can't be cast",
        "this needs decimals: use .float()",
    ),
    (
        r"must be Tensor, not|must be tuple of Tensors|no attribute 'astype'|no attribute 'numpy'",
        "NumPy and PyTorch are mixed: torch.from_numpy and .numpy() lead from one to the other",
    ),
    ("Expected all tensors to be on the same device", "move the network and each batch to `device`: .to(device)"),
    (r"Can't call numpy\(\) on Tensor that requires grad", "call .detach() before .numpy()"),
    ("does not require grad", "the loss does not hang on any parameter: nothing may be detached before backward()"),
    ("leaf Variable that requires grad", "change a parameter inside `with torch.no_grad():` only"),
    ("backward through the graph a second time", "compute the loss anew before each backward()"),
    ("optimizer got an empty parameter list", "the network holds no layer: assign each to self in `__init__`"),
    (
        r"cannot be converted to Scalar|only one element tensors|size 1 to a Python scalar|only length-1 arrays",
        ".item() and float() take one number, but here are several",
    ),
    (r"truth value of|Boolean value of Tensor", "an array has no single truth value: `if` wants .all() or .any()"),
    (
        r"multiply sequence by non-int|operand type\(s\) .*'list'|concatenate list",
        "a list does not compute: np.array(...) or torch.tensor(...) makes an array of it",
    ),
    ("NoneType", "something is None: a function without `return`, or one that changes in place and returns nothing"),
    (
        r"argument after \*|Value after \*|object is not iterable|has no len\(\)|is not subscriptable",
        "there is one object where a list or tuple of them is wanted, such as [300] in place of 300",
    ),
    (r"is not callable", "there are brackets behind something that is no function"),
    (r"invalid for input of size|cannot reshape", "the new shape must hold just as many numbers as the old one"),
    (
        r"Dimension out of range|is out of bounds for array|too many indices",
        "the array has fewer dimensions than are asked for: print its shape",
    ),
    (r"unhashable", "a list cannot stand in a set or for a key: tuple(...) can"),
)


def describe_error(error: dict[str, str]) -> str:
    """Return an error of student code as a sentence: the mistake by its name where it is a usual one."""
    told = f"{error['type']}: {error['message']}"
    usual = next((f" That means: {what}." for pattern, what in MISTAKES if re.search(pattern, told)), "")
    line = f" in the line `{error['line']}`" if error["line"] else ""
    message = f": {error['message']}" if error["message"] else ""
    return f"Your code raised {error['type']}{line}{message}".rstrip(".") + "." + usual.replace("?.", "?")
