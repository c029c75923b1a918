"""What ranks and launcher print, and the sentences made of it."""
import io
import os
import re
import shutil
import signal
import tempfile
from pathlib import Path

# What a rank prints beyond this is dropped.
MOST_CHARACTERS = 2**20
# So is what compiled code prints beyond this; of the rest the first and last
# part is read.
MOST_BYTES = 2**26
PART_BYTES = 2**18
# The shell that starts a rank prints this when it has ended: a launcher tells
# of signals too, but MPICH's mixes up those of several ranks.
END = re.compile(r"<<(?P<token>\w+) rank (?P<rank>\d+) status "
                 r"(?P<status>\d+)>>\n")
# A line of MPICH's stack of inner calls that says more than its name.
STACK = re.compile(r"^\w+\(\d+\)\.*: +(\S.*)$", re.MULTILINE)
NOTHING = "they printed nothing, and {} has {:.1f} MB left"
# A rank of MPICH takes 1 MB of shared memory, of Open MPI more.
SCARCE_BYTES = 2**26
HINTS = {"SIGKILL": ": out of memory?",
         "SIGSEGV": ": a bug in compiled code?"}
SUPERVISE = (
    '"$0" "$1"; status=$?; echo "<<$BENCHMARK_WORLD rank '
    '${PMI_RANK:-${OMPI_COMM_WORLD_RANK:-$SLURM_PROCID}} status $status>>"; '
    'exit $status')


class Bounded(io.TextIOWrapper):
    """Text stream that drops what is too much.

    At its source: Open MPI's launcher forwards no more than 20 MB/s.
    """

    written = 0

    def write(self, text):
        self.written += len(text)
        if self.written <= MOST_CHARACTERS:
            return super().write(text)
        return len(text)


def bounded(stream):
    """The same text stream, bounded."""
    return Bounded(stream.buffer, stream.encoding, "backslashreplace",
                   line_buffering=True)


class Output:
    """File that ranks write to, read without moving where they write."""

    def __init__(self):
        self.file = tempfile.TemporaryFile()

    def bound(self):
        """Drop what is in the file if it is too much."""
        if os.fstat(self.file.fileno()).st_size > MOST_BYTES:
            self.empty()

    def empty(self):
        """Forget what is in the file."""
        os.ftruncate(self.file.fileno(), 0)
        # The ranks' descriptor shares this position.
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

    def printed(self):
        """What methods and libraries printed."""
        return END.sub("", self.read())

    def tail(self):
        """The last lines, introduced, or nothing."""
        lines = [line[:500] for line in
                 self.printed().strip().splitlines()[-15:]]
        return "\n".join(["", "Last lines of their output:", *lines]) \
            if lines else ""

    def cause(self):
        """The first line that tells of an error, or the first at all."""
        lines = [line for line in self.printed().splitlines()
                 if line.strip("-= ")] or [NOTHING.format(
                     tempfile.gettempdir(), shutil.disk_usage(
                         tempfile.gettempdir()).free / 1e6)]
        line = next((line for line in lines if "error" in line.lower()),
                    lines[0])
        return re.split("error:", line, flags=re.IGNORECASE)[-1].strip()[:200]

    def close(self):
        self.file.close()


def reports(text, token):
    """Sentence and traceback of the ranks that failed, once per message."""
    first = {}
    for rank, message, report in re.findall(
            rf"<<{token} rank (\d+)>>\n(.*?)\n(.*?)<<end>>", text, re.DOTALL):
        first.setdefault(message, f"rank {rank} failed: {message}\n{report}")
    return "\n".join(first.values())


def ended(text, token):
    """Sentence about the rank that ended first, or None if none has."""
    if "Fatal error in " in text:  # of MPICH, which then ends all ranks
        causes = STACK.findall(text)
        if causes:
            return f"MPI failed: {causes[-1]}."
    for end in END.finditer(text):
        if end["token"] == token:
            status = int(end["status"])
            try:  # how shells tell of a signal
                name = signal.Signals(status - 128).name
            except ValueError:
                return (f"rank {end['rank']} ended in the middle of its work "
                        f"(exit code {status}).")
            return f"rank {end['rank']} was killed ({name}){_hint(name)}"
    return None


def _hint(name):
    if name == "SIGBUS" and Path("/dev/shm").exists():
        free = shutil.disk_usage("/dev/shm").free
        if free < SCARCE_BYTES:
            return f": /dev/shm is too small, {free / 1e6:.1f} MB are left."
    return HINTS.get(name, ".")
