"""A real Slurm on this machine: two nodes, with ports and folders of its own."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil

NODES = ("n1", "n2")
NEEDED = ("slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "munged")

_CONF = """\
ClusterName=lab
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/sock,cred_expire=5
CredType=cred/munge
SlurmctldPort={port}
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
StateSaveLocation={folder}/ctld
SlurmdSpoolDir={folder}/spool.%n
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MailProg=/bin/true
ReturnToService=2
KillWait=3
InactiveLimit=0
SlurmdParameters=config_overrides
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=10000,bf_interval=1
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=100
MaxArraySize=1001
NodeName=n[1-2] NodeHostname={host} NodeAddr=127.0.0.1 Port=[{first}-{last}] CPUs=8 RealMemory=64000 State=UNKNOWN
PartitionName=lab Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


class Cluster:
    """munged, slurmctld and two slurmd, started by `start` and ended by `stop`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.conf = folder / "slurm.conf"
        self.environment = os.environ | {"SLURM_CONF": str(self.conf)}
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Start every daemon and wait for idle nodes."""
        host = socket.gethostname().partition(".")[0]
        user = psutil.Process().username()
        port, first = _free_ports(3)
        self.folder.chmod(0o755)  # munge wants its socket to be reached by all
        for name in ("ctld", "munge", *(f"spool.{node}" for node in NODES)):
            (self.folder / name).mkdir(mode=0o711, parents=True)
        values = {"host": host, "user": user, "folder": self.folder, "port": port, "first": first, "last": first + 1}
        self.conf.write_text(_CONF.format(**values))
        key = self.folder / "munge" / "key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        files = [f"--{name}={self.folder / 'munge' / name}" for name in ("socket", "pid-file", "log-file", "seed-file")]
        files[0] = f"--socket={self.folder / 'munge' / 'sock'}"
        self._start("munged", ["munged", "--foreground", "--num-threads=2", f"--key-file={key}", *files])
        self.wait(lambda: (self.folder / "munge" / "sock").exists(), "munged")
        self._start("slurmctld", ["slurmctld", "-D", "-f", str(self.conf)])
        for node in NODES:
            self.start_node(node)
        self.wait(lambda: self.nodes() == ["idle", "idle"], "two idle nodes")

    def start_node(self, node: str) -> None:
        """Start a node's daemon."""
        self._start(node, ["slurmd", "-D", "-f", str(self.conf), "-N", node])

    def lose_node(self, node: str) -> None:
        """Kill a node's daemon and its job steps, as a crash would; Slurm requeues what ran there."""
        daemon = psutil.Process(self._daemons[node].pid)
        for process in [daemon, *daemon.children(recursive=True), *self._stepds(node)]:
            if process.is_running():
                process.kill()
        self._daemons.pop(node).wait()
        self.run("scontrol", "update", f"nodename={node}", "state=down", "reason=lost")

    def stop(self) -> None:
        """End what `start` started, and the jobs."""
        subprocess.run(["scancel", f"--user={os.getuid()}"], env=self.environment, timeout=30, check=False)
        for name in (*NODES, "slurmctld", "munged"):
            if daemon := self._daemons.pop(name, None):
                daemon.send_signal(signal.SIGTERM)
                try:
                    daemon.wait(timeout=20)
                except subprocess.TimeoutExpired:
                    daemon.kill()
                    daemon.wait()

    def run(self, *command: str) -> str:
        """What a Slurm command prints."""
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True).stdout

    def nodes(self) -> list[str]:
        """States of the nodes."""
        result = subprocess.run(
            ["sinfo", "-h", "-N", "-o", "%T"], env=self.environment, capture_output=True, text=True, check=False
        )
        return result.stdout.split()

    def jobs(self) -> list[list[str]]:
        """Id, name, state and node of everything in the queue, elements one by one."""
        return [line.split("|") for line in self.run("squeue", "-h", "-r", "-o", "%i|%j|%T|%N").splitlines()]

    def wait(self, condition: Callable[[], object], what: str, timeout_s: float = 180.0) -> None:
        """Wait until `condition()` holds."""
        end = time.monotonic() + timeout_s
        while not condition():
            dead = [name for name, daemon in self._daemons.items() if daemon.poll() is not None]
            logs = "".join((self.folder / f"{name}.out").read_text() for name in dead)
            assert not dead, f"{dead} ended: {logs}"
            assert time.monotonic() < end, f"{what}: not in {timeout_s} s; logs in {self.folder}"
            time.sleep(0.05)

    def _start(self, name: str, command: list[str]) -> None:
        with (self.folder / f"{name}.out").open("ab") as log:
            self._daemons[name] = subprocess.Popen(
                [str(shutil.which(command[0])), *command[1:]],
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _stepds(self, node: str) -> list[psutil.Process]:
        """The node's slurmstepd processes, which leave their slurmd."""
        spool = str(self.folder / f"spool.{node}")
        found = []
        for process in psutil.process_iter(["name"]):
            if process.info["name"] == "slurmstepd" and spool in " ".join(process.cmdline()):
                found.append(process)
        return found


def _free_ports(count: int) -> tuple[int, int]:
    """A free port, and the first of `count - 1` consecutive free ones."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        try:
            for offset in range(1, count):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port + offset))
        except OSError:
            continue
        return port, port + 1
