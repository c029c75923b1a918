"""What ranks and launcher print, and the sentences made of it."""
import os
import re
import signal
import tempfile

# More than this is dropped, and of the rest the first and last part is read.
MOST_BYTES = 2**26
PART_BYTES = 2**18
# How the launchers of MPICH and Open MPI tell of a signal.
SIGNALS = (
    re.compile(r"PID (?P<pid>\d+) RUNNING AT.*?"
               r"EXIT STRING: [^\n]*\(signal (?P<signal>\d+)\)", re.DOTALL),
    re.compile(r"process rank (?P<rank>\d+) with PID \d+ .*?"
               r"exited on\s+signal (?P<signal>\d+)", re.DOTALL))
HINTS = {signal.SIGKILL: "out of memory?",
         signal.SIGBUS: "is /dev/shm full?",
         signal.SIGSEGV: "a bug in compiled code?"}


class Output:
    """File that ranks write to, read without moving where they write."""

    def __init__(self):
        self.file = tempfile.TemporaryFile()

    def bound(self):
        """Drop what is in the file if it is too much."""
        if os.fstat(self.file.fileno()).st_size > MOST_BYTES:
            # The ranks' descriptor shares this position.
            os.ftruncate(self.file.fileno(), 0)
            os.lseek(self.file.fileno(), 0, os.SEEK_SET)

    def read(self):
        descriptor = self.file.fileno()
        size = os.fstat(descriptor).st_size
        if size <= 2 * PART_BYTES:
            parts = os.pread(descriptor, size, 0),
        else:
            parts = (os.pread(descriptor, PART_BYTES, 0),
                     f"\n[{size - 2 * PART_BYTES} bytes left out]\n".encode(),
                     os.pread(descriptor, PART_BYTES, size - PART_BYTES))
        return b"".join(parts).decode(errors="replace")

    def tail(self):
        """The last lines, introduced, or nothing."""
        lines = [line[:500] for line in
                 self.read().strip().splitlines()[-15:]]
        return "\n".join(["", "Last lines of their output:", *lines]) \
            if lines else ""

    def close(self):
        self.file.close()


def reports(text, token):
    """Sentence and traceback of the ranks that failed, once per message."""
    first = {}
    for rank, message, report in re.findall(
            rf"<<{token} rank (\d+)>>\n(.*?)\n(.*?)<<end>>", text, re.DOTALL):
        first.setdefault(message, f"rank {rank} failed: {message}\n{report}")
    return "\n".join(first.values())


def killed(text, pids):
    """Sentence about the rank that a signal ended, if one did.

    Parameters
    ----------
    text : str
        Output of the launcher.
    pids : list of int
        Process of each rank, where known.
    """
    for pattern in SIGNALS:
        for match in pattern.finditer(text):
            found = match.groupdict()
            try:
                number = signal.Signals(int(found["signal"]))
            except ValueError:
                continue
            pid, rank = int(found.get("pid") or -1), found.get("rank")
            # MPICH ends the other ranks by SIGKILL, and may name one of them.
            if pid in pids and number != signal.SIGKILL:
                rank = pids.index(pid)
            hint = HINTS.get(number)
            return (("a rank" if rank is None else f"rank {rank}")
                    + f" was killed ({number.name})"
                    + (f": {hint}" if hint else "."))
    return None
