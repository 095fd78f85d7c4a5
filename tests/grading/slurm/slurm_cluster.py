"""A Slurm cluster of one node on this machine's loopback, all of it in one folder, for as long as a test needs it."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel")
PLACES = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"  # Debian keeps the daemons there
# config_overrides: the node takes two tasks and any amount of memory, whatever this machine has.
CONFIGURATION = """
ClusterName=labkit
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
MailProg=/bin/true
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=1,batch_sched_delay=0
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=5
MinJobAge=300
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=1000000 State=UNKNOWN
PartitionName=test Nodes={host} Default=YES MaxTime=INFINITE OverTimeLimit=0 State=UP
"""


def missing():
    """Return why no cluster can be started here, or nothing."""
    if not hasattr(os, "getuid") or os.getuid() != 0:
        return "Slurm's daemons are started as root"
    absent = [program for program in PROGRAMS if shutil.which(program, path=PLACES) is None]
    return f"{', '.join(absent)}: not installed (Debian: apt install slurm-wlm munge)" if absent else ""


@contextlib.contextmanager
def running():
    """Start a cluster, and give the path of its configuration, for SLURM_CONF."""
    folder = Path(tempfile.mkdtemp(prefix="labkit-slurm-"))  # short: a socket's path may have 107 bytes
    daemons = []
    try:
        for name in ("state", "spool"):
            (folder / name).mkdir()
        key, configuration = folder / "munge.key", folder / "slurm.conf"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        host = socket.gethostname().split(".")[0]
        configuration.write_text(CONFIGURATION.format(folder=folder, host=host, ports=_free_ports(2)))
        munge = [f"--{name}={folder}/munge.{name}" for name in ("socket", "pid-file", "log-file", "seed-file")]
        daemons.append(_start("munged", "--foreground", "--force", f"--key-file={key}", *munge))
        _wait(lambda: (folder / "munge.socket").exists(), folder)
        daemons.append(_start("slurmctld", "-D", "-f", str(configuration)))
        daemons.append(_start("slurmd", "-D", "-f", str(configuration), "-N", host))
        _wait(lambda: _ask(configuration, "sinfo", "--noheader", "--format=%T") == "idle", folder)
        yield str(configuration)
        _ask(configuration, "scancel", "--me")
        _wait(lambda: _ask(configuration, "squeue", "--noheader") == "", folder)
    finally:
        for daemon in reversed(daemons):
            daemon.terminate()
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _start(program, *arguments):
    null = subprocess.DEVNULL
    return subprocess.Popen([shutil.which(program, path=PLACES), *arguments], stdin=null, stdout=null, stderr=null)


def _ask(configuration, *command):
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "SLURM_CONF": configuration})
    return done.stdout.strip() if done.returncode == 0 else None


def _wait(ready, folder):
    deadline = time.monotonic() + 60
    while not ready():
        if time.monotonic() > deadline:
            logs = "\n".join(path.read_text(errors="replace")[-2_000:] for path in folder.glob("*log*"))
            raise RuntimeError(f"The cluster does not start, or end:\n{logs}")
        time.sleep(0.1)


def _free_ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
