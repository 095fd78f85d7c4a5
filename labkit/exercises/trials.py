"""From a student's object to plain data.

Runs where student code runs, and knows no right answer: it tries the object on the inputs that it is given, and notes
what came back. `judge` judges the notes, on plain data alone.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
import io
import linecache
import re
import sys
import sysconfig
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import CodeType
from typing import Any

from labkit import PACKAGE
from labkit.exercises.notes import plain

STDLIB = sysconfig.get_path("stdlib")
MOST_PRINTED = 1_000  # characters a call
OWN = "the exercise asks you to write this yourself: the library's own does not count"
LIBRARIES = {"labkit", "numpy", "pandas", "scipy", "sklearn", "torch", "torchvision"}
# Module, class behind a colon, function.
SOFTMAX = re.compile("softmax")  # in the names of PyTorch's functions, as those below
DROPOUT = re.compile("dropout")
NORMALISATION = re.compile("(layer|group|instance|batch)_norm")
OTHER_SOFTMAX = (
    "labkit.models.scratch.softmax",
    "scipy.special.softmax",
    "scipy.special.log_softmax",
    "sklearn.utils.extmath.softmax",
)
CONVOLUTION = re.compile("conv")
OTHER_CONVOLUTIONS = (
    *(f"scipy.signal.{name}" for name in ("convolve", "convolve2d", "correlate", "correlate2d", "fftconvolve")),
    *(f"scipy.ndimage.{name}" for name in ("convolve", "correlate")),
)
INTERVALS = ("labkit.report.uncertainty.interval", "labkit.report.uncertainty.compare")


def calls(function: Any, inputs: Sequence[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Call `function` on copies of each tuple of arguments; return one note a call.

    A note is {"value": what it returned, "type": of what type}, {"error": what it raised}, {"open": True} for a
    function as it was handed out, or {"refused": why} for what is no function. What was printed stands beside it as
    "printed". Random numbers start from the same seed in every call, and go on afterwards as if there had been none.
    """
    return each(function, function, inputs)


def each(function: Any, trial: Callable[..., Any], inputs: Sequence[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Return the note of a trial for each tuple of arguments, or why `function` is none that could be tried."""
    if isinstance(function, type) or not callable(function):
        return [{"refused": f"The check wants your function itself, but got {name_of(function)}."}]
    return [note(trial, *copy.deepcopy(arguments)) for arguments in inputs]


def without_intervals(function: Any, inputs: Sequence[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """As `calls`, where labkit's own intervals cannot be used."""
    with unusable(*INTERVALS):
        return calls(function, inputs)


def without_convolution(function: Any, inputs: Sequence[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """As `calls`, where PyTorch's and SciPy's own convolutions cannot be used."""
    with unusable(*OTHER_CONVOLUTIONS):
        return without(unusable_in_torch(CONVOLUTION), calls, function, inputs)


def without_softmax(function: Any, inputs: Sequence[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """As `calls`, where labkit's and PyTorch's own softmax cannot be used."""
    with unusable(*OTHER_SOFTMAX):
        return without(unusable_in_torch(SOFTMAX), calls, function, inputs)


def without_dropout(function: Any, inputs: Sequence[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """As `twice`, where PyTorch's own dropout cannot be used."""
    return without(unusable_in_torch(DROPOUT), twice, function, inputs)


def without_layer_norm(function: Any, inputs: Sequence[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """As `calls`, where PyTorch's own normalisations cannot be used."""
    return without(unusable_in_torch(NORMALISATION), calls, function, inputs)


def without(
    place: contextlib.AbstractContextManager[None],
    collect: Callable[..., Any],
    function: Any,
    inputs: Sequence[tuple[Any, ...]],
) -> list[dict[str, Any]]:
    """As `collect`, in a place where library functions cannot be used; nor is one taken in place of an answer."""
    if str(getattr(function, "__module__", "")).partition(".")[0] in LIBRARIES:
        return [{"refused": f"This is a function of {function.__module__}: {OWN}."}]
    with place:
        notes: list[dict[str, Any]] = collect(function, inputs)
        return notes


@contextlib.contextmanager
def unusable_in_torch(names: re.Pattern[str]) -> Iterator[None]:
    """Let PyTorch's functions whose own names match raise RuntimeError, however they were imported and called."""
    from torch.overrides import TorchFunctionMode

    class Refusing(TorchFunctionMode):
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if names.search(getattr(function, "__name__", "")):
                raise RuntimeError(OWN)
            return function(*args, **(kwargs or {}))

    with Refusing():
        yield


@contextlib.contextmanager
def unusable(*names: str) -> Iterator[None]:
    """Let library functions, given by their full names, raise RuntimeError: an exercise asks for one's own instead.

    A function in Python raises under whatever name a notebook has imported it, since its code is replaced for the time;
    one in C only where it is looked up in its module.
    """
    with contextlib.ExitStack() as stack:
        for name in names:
            module, _, attribute = name.rpartition(".")
            holder, _, owner = module.partition(":")
            if (place := sys.modules.get(holder)) is not None:
                stack.enter_context(_replaced(getattr(place, owner) if owner else place, attribute))
        yield


@contextlib.contextmanager
def _replaced(holder: Any, attribute: str) -> Iterator[None]:
    function = getattr(holder, attribute)
    inner: Any = inspect.unwrap(function)  # a decorator's code is that of all that it decorates
    old = getattr(inner, "__code__", None)
    try:
        if old is not None and not old.co_freevars:
            inner.__code__ = _refuse.__code__
        else:
            setattr(holder, attribute, _refuse)
        yield
    finally:
        if old is not None:
            inner.__code__ = old
        setattr(holder, attribute, function)


def _refuse(*_: Any, **__: Any) -> Any:
    from labkit.exercises.trials import OWN  # this code runs among the names of the function that it stands in for

    raise RuntimeError(OWN)


def twice(function: Any, inputs: Sequence[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """As `calls`, for a function that draws random numbers: the value of a note is a list of two results.

    The second call goes on with the random numbers where the first one stopped.
    """

    def both(*arguments: Any) -> Any:
        results = [function(*copy.deepcopy(arguments)) for _ in range(2)]
        return None if any(result is None for result in results) else results

    return each(function, both, inputs)


def note(action: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
    """Call something of a student's and return the note of it. Only an interruption gets through."""
    printed = _Printed()
    with quiet(printed):
        entry = _outcome(action, *arguments)
    return {**entry, "printed": printed.getvalue()} if printed.tell() else entry


def _outcome(action: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
    try:
        value = action(*arguments)
        return {"value": plain(value), "type": type(value).__name__[:50]}
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit as well: a check never ends a kernel
        return {"open": True} if _untouched(error) else {"error": _describe(error)}


class _Printed(io.StringIO):
    """Keeps the beginning of what is printed."""

    def write(self, text: str) -> int:
        super().write(text[: max(0, MOST_PRINTED - self.tell())])
        return len(text)


@contextlib.contextmanager
def quiet(printed: io.StringIO) -> Iterator[None]:
    """Keep what is printed and warned, and leave the state of all random generators as it was."""
    with same_random_numbers(), warnings.catch_warnings(), contextlib.redirect_stdout(printed):
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def same_random_numbers() -> Iterator[None]:
    """Seed all random generators, and leave them afterwards as they were before."""
    import random

    import numpy as np

    torch = sys.modules.get("torch")
    states = random.getstate(), np.random.get_state()  # noqa: NPY002 - student code may draw from it
    fork = torch.random.fork_rng() if torch else contextlib.nullcontext()
    with fork, np.errstate(all="ignore"):
        random.seed(0)
        np.random.seed(0)  # noqa: NPY002
        if torch:
            torch.manual_seed(0)
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])  # noqa: NPY002


def name_of(value: Any) -> str:
    """Return what a value is, in words."""
    return "None" if value is None else f"an object of type {type(value).__name__}"


def _untouched(error: BaseException) -> bool:
    """Whether this is a function as it was handed out: nothing of a student's comes before its NotImplementedError."""
    steps = _steps(error)
    if not isinstance(error, NotImplementedError) or error.args or len(steps) != 1:
        return False
    code, reached = steps[0]
    before = {line for *_, line in code.co_lines() if line and code.co_firstlineno < line < reached}
    return all("super().__init__(" in linecache.getline(code.co_filename, line) for line in before)


def _describe(error: BaseException) -> dict[str, str]:
    """Return an error's type, the first line of its message, and the line of the student's code that raised it."""
    lines = [linecache.getline(code.co_filename, reached).strip() for code, reached in _steps(error)]
    try:
        message = (str(error).strip().splitlines() or [""])[0][:300]
    except BaseException:  # an error of the student's own making may fail to say what it is
        message = ""
    return {"type": type(error).__name__, "message": message, "line": next(filter(None, reversed(lines)), "")[:200]}


def _steps(error: BaseException) -> list[tuple[CodeType, int]]:
    """Return the student's own functions, with the line that each had reached when the error was raised."""
    steps, trace = [], error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        path = Path(code.co_filename)
        if not path.is_relative_to(PACKAGE) and "site-packages" not in path.parts and not path.is_relative_to(STDLIB):
            steps.append((code, trace.tb_lineno))
        trace = trace.tb_next
    return steps
