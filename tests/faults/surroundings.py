"""What is wrong around a world: files, limits, strangers, signals.

``FIELDS`` change the file of a field after the set-up. ``DRIVERS`` are
processes of their own, each with the words before their command, variables,
the program of their world, and what their error says, None for the right
answer.
"""
import os
import signal
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def shell(*lines):
    """Words that run some lines, then the command that follows them."""
    return ["sh", "-c", "\n".join(["set -e", *lines, 'exec "$@"']), "sh"]


def own_mounts(*lines):
    """Nobody else sees what is mounted; root only."""
    return ["unshare", "--mount", *shell(*lines)]


def replaced(path):
    """By another of its size."""
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)


def truncated(path):
    os.truncate(path, os.path.getsize(path) // 2)


FIELDS = {
    "field truncated": (truncated, "ChangedField.* changed"),
    "field replaced": (replaced, "ChangedField.* changed"),
    "field removed": (os.remove, "ChangedField.* was removed"),
    "field unreadable": (lambda path: path.write_bytes(b"x" * 9),
                         "ChangedField.* changed"),
}

FULL = "mount -t tmpfs -o size=2M none $FAULT_FOLDER"
# The command's last word is the field's file.
DRIVERS = {
    "small /dev/shm": (
        own_mounts("mount -t tmpfs -o size=100k none /dev/shm"),
        {}, "right", "^$|/dev/shm is too small"),
    "/dev/shm of 8 MB": (
        own_mounts("mount -t tmpfs -o size=8M none /dev/shm"),
        {}, "right", None),
    "no /dev/shm": (
        own_mounts("mount -t tmpfs -o ro none /dev/shm"), {}, "right",
        "^$|Shared memory error"),
    "disk full, field": (own_mounts(FULL), {}, "store", "No space left"),
    "disk full, live field": (own_mounts(FULL), {}, "store_live",
                              "No space left"),
    "disk full, TMPDIR": (
        own_mounts("mount -t tmpfs -o size=1k none $FAULT_FOLDER"),
        {"TMPDIR": "$FAULT_FOLDER"}, "right", "^$|has 0.0 MB left"),
    "read-only TMPDIR": (
        own_mounts("mount -t tmpfs -o ro none $FAULT_FOLDER"),
        {"TMPDIR": "$FAULT_FOLDER"}, "right", "^$|Read-only file system"),
    "read-only project": (
        own_mounts(f"mount --bind {ROOT} {ROOT}",
                   f"mount -o remount,ro,bind {ROOT}"), {}, "right", None),
    "long TMPDIR": (shell('mkdir -p "$TMPDIR"'),
                    {"TMPDIR": f"$FAULT_FOLDER/{'x' * 150}"}, "right", None),
    "no HOME": (["env", "-u", "HOME"], {}, "right", None),
    "unresolvable host": (
        ["unshare", "--uts", *shell("hostname nowhere.invalid")], {},
        "right", None),
    "32 descriptors": (shell("ulimit -n 32"), {}, "right",
                       "^$|MPI failed|LIMITS"),
    "100 descriptors": (shell("ulimit -n 100"), {}, "right", None),
    "no launcher": ([], {"BENCHMARK_MPIEXEC": "not-there"}, "right",
                    "'not-there', not a command"),
    "launcher of worlds of one": (
        [], {"BENCHMARK_MPIEXEC": "env"}, "right",
        "did not start .*option"),
    "port scan": ([], {"FAULT_STRANGER": "scan"}, "right", None),
    "garbage at the port": ([], {"FAULT_STRANGER": "GET / HTTP/1.1\r\n\r\n"},
                            "right", None),
    "huge header at the port": ([], {"FAULT_STRANGER": "\x7f" * 1000},
                                "right", None),
    "wrong key at the port": ([], {"FAULT_STRANGER": "wrong key"}, "right",
                              None),
    "50 idle clients": ([], {"FAULT_STRANGER": "idle"}, "right", None),
}
for name in ("SIGINT", "SIGTERM", "SIGKILL"):
    number = str(int(getattr(signal, name)))
    told = "KeyboardInterrupt" if name == "SIGINT" else f"driver: {name}"
    DRIVERS |= {
        f"driver {name} in set-up": (
            [], {"FAULT_SIGNAL": number}, "ok", told),
        f"driver {name} in a round": (
            [], {"FAULT_NUMBER": number}, "driver told", told),
        f"driver {name} in scoring": (
            [], {"FAULT_NUMBER": number}, "driver told in scoring", told)}
