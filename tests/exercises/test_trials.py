import contextlib
import sys
import types

import pytest

from labkit.exercises.trials import OWN, unusable


def holder_of(function, monkeypatch):
    """Put a function into a module of its own, under the name `work`."""
    module = types.ModuleType("library_of_the_test")
    module.work = function
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


def plain(number):
    return number + 1


@contextlib.contextmanager
def around():
    yield


@around()
def decorated(number):
    return number + 1


@around()
@around()
def decorated_twice(number):
    return number + 1


@pytest.mark.parametrize("function", [plain, decorated, decorated_twice], ids=lambda one: one.__name__)
def test_a_library_function_raises_under_every_name_and_works_again(function, monkeypatch):
    module, imported = holder_of(function, monkeypatch), function
    with unusable("library_of_the_test.work"):
        for call in (module.work, imported):
            with pytest.raises(RuntimeError, match=OWN):
                call(1)
    assert module.work(1) == imported(1) == 2
