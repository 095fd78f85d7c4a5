"""Whatever ends a command, it is one sentence and the code that shells expect, and nothing waits for long."""

import os
import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no signals to send")

# The command line with another command in it. `wait` sleeps, though it be interrupted.
SCRIPT = """
import time
import typer
from labkit import cli
from labkit.basics.errors import Interrupted

cli.app = typer.Typer()

@cli.app.command()
def main(patient: bool = False, told: bool = False):
    try:
        print("ready", flush=True)
        time.sleep(600)
    except KeyboardInterrupt as interrupt:
        if patient:
            print("cleaning", flush=True)
            time.sleep(600)
        if told:
            raise Interrupted("Interrupted: all is kept.") from interrupt
        raise

cli.main()
"""


def start(*arguments, before="", **options):
    process = subprocess.Popen(
        [sys.executable, "-c", before + SCRIPT, *arguments], **{"stdout": subprocess.PIPE, "text": True} | options
    )
    if process.stdout:
        assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_is_told_in_one_sentence(name):
    for arguments, sentence in (([], "Interrupted."), (["--told"], "Interrupted: all is kept.")):
        process = start(*arguments, stderr=subprocess.PIPE)
        process.send_signal(getattr(signal, name))
        process.send_signal(signal.SIGTERM)  # services and shells often send a second one right away
        _, said = process.communicate(timeout=60)
        assert (process.returncode, said.strip()) == (128 + getattr(signal, name), f"labkit: {sentence}")


def test_a_second_one_ends_what_takes_too_long():
    process = start(
        "--patient", before="from labkit.basics import signals; signals.PATIENCE = 0", stderr=subprocess.PIPE
    )
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "cleaning\n"
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, "")


def test_what_nohup_ignores_stays_ignored():
    process = start(before="import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)", stderr=subprocess.PIPE)
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM


def test_a_terminal_that_is_gone_is_no_second_failure():
    ours, its = os.openpty()
    process = start("--told", stdin=its, stdout=its, stderr=its, start_new_session=True)
    os.close(its)
    while b"ready" not in os.read(ours, 1_000):
        pass
    os.close(ours)
    process.send_signal(signal.SIGHUP)
    assert process.wait(60) == 128 + signal.SIGHUP


CALLING = """
import signal, time
from labkit.basics import signals
signals.end_on_signals()
ended = []
with signals.calling(lambda: ended.append(1)):
    print("ready", flush=True)
    while not ended:
        try:
            time.sleep(0.01)
        except KeyboardInterrupt:
            print("lost", flush=True)  # in a server's library, which goes on
try:
    signal.raise_signal(signal.SIGINT)  # part of the first, within PATIENCE
    print("over", signals.exit_code(), flush=True)
except KeyboardInterrupt:
    print("twice", flush=True)
"""


def test_where_a_library_would_catch_the_interrupt_a_call_takes_its_place():
    process = subprocess.Popen([sys.executable, "-c", CALLING], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert said == f"over {128 + signal.SIGINT}\n"
