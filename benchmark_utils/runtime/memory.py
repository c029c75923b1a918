"""Peak memory of this process above a starting level."""
import ctypes
import resource
import sys
from pathlib import Path

STATUS = Path("/proc/self/status")


def _status_mb(key):
    """A field of /proc/self/status in MB."""
    line = next(line for line in STATUS.read_text().splitlines()
                if line.startswith(key))
    return int(line.split()[1]) * 1024 / 1e6


def _return_freed_memory():
    """Freed pages that glibc keeps would hide what is allocated next."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)


class MemoryMeter:
    """Resident memory: the level now, and the peak above it later.

    Where there is no /proc (macOS) the peak of the whole process is all that
    the system tells, so an early peak may hide a later one.
    """

    def __init__(self):
        self.has_proc = STATUS.exists()
        self.forget_peak()
        self.level = _status_mb("VmRSS") if self.has_proc else self._peak()

    def forget_peak(self):
        """Scoring and loading are not the method's: start a new peak."""
        _return_freed_memory()
        if self.has_proc:
            try:
                Path("/proc/self/clear_refs").write_text("5")
            except OSError:  # forbidden in some containers
                self.has_proc = False

    def peak_mb(self):
        """Peak since the last ``forget_peak`` above the level, in MB."""
        return max(0.0, self._peak() - self.level)

    def _peak(self):
        if self.has_proc:
            return _status_mb("VmHWM")
        unit = 1 if sys.platform == "darwin" else 1024
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return usage.ru_maxrss * unit / 1e6
