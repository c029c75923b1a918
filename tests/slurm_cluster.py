"""A real Slurm of two nodes on this machine, for the length of a test."""
import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import time

NEEDED = ("munged", "slurmctld", "slurmd", "srun", "sbatch")
# Two nodes on one machine, without cgroups, accounting or systemd.
CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
SlurmUser=root
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmdSpoolDir={folder}/spool-%n
StateSaveLocation={folder}/state
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SlurmdParameters=config_overrides
MpiDefault=pmi2
SelectType=select/cons_tres
ReturnToService=2
KillWait=5
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=4
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=4
PartitionName=all Nodes=n1,n2 Default=YES State=UP
"""


def missing():
    """Why no Slurm can be started here; empty if one can."""
    absent = [name for name in NEEDED if not shutil.which(name, path=PATH)]
    if absent:
        return f"no {' '.join(absent)}: apt-get install slurm-wlm munge"
    return "" if os.geteuid() == 0 else "slurmctld is started as root only"


# Debian keeps daemons where users do not look.
PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"


@contextlib.contextmanager
def cluster(folder):
    """Environment in which Slurm's commands reach a cluster of two nodes.

    Its daemons are children of this process and end with the context.
    """
    host = socket.gethostname().split(".")[0]
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("", 0)))
                   for _ in range(3)]
        ports = [each.getsockname()[1] for each in sockets]
    configuration = folder / "slurm.conf"
    configuration.write_text(CONFIGURATION.format(
        host=host, ports=ports, folder=folder))
    (folder / "state").mkdir()
    key = folder / "munge.key"
    key.write_bytes(secrets.token_bytes(1024))
    key.chmod(0o400)
    environment = {
        **{name: value for name, value in os.environ.items()
           if not name.startswith("SLURM")},
        "PATH": PATH, "SLURM_CONF": str(configuration)}
    munged = ["munged", "--foreground", "--force", f"--key-file={key}",
              f"--socket={folder}/munge.socket"]
    munged += [f"--{name}-file={folder}/munge.{name}"
               for name in ("log", "pid", "seed")]
    daemons = []

    def start(*command):
        with open(folder / f"{len(daemons)}.log", "w") as log:
            daemons.append(subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT))

    try:
        start(*munged)
        wait(lambda: (folder / "munge.socket").exists(), folder)
        start("slurmctld", "-D", "-i")
        for name in ("n1", "n2"):
            start("slurmd", "-D", "-N", name)
        wait(lambda: subprocess.run(
            ["sinfo", "--noheader", "--states=idle", "--format=%D"],
            env=environment, capture_output=True,
            text=True).stdout.strip() == "2", folder)
        yield environment
    finally:
        end_jobs(environment)
        for daemon in reversed(daemons):
            daemon.terminate()
        for daemon in daemons:
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()


def end_jobs(environment, seconds=20):
    """Kill all jobs; their last processes report to daemons that still run."""
    def ask(*command):
        return subprocess.run(command, env=environment, text=True,
                              capture_output=True, timeout=20).stdout

    ask("scancel", "--full", "--signal=KILL", "--user=root")
    deadline = time.monotonic() + seconds
    while ask("squeue", "--noheader") and time.monotonic() < deadline:
        time.sleep(0.2)


def wait(done, folder, seconds=30):
    """Until it is done; what the daemons say if that takes too long."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError("\n".join(
                path.read_text() for path in sorted(folder.glob("*.log"))))
        time.sleep(0.1)
