"""On what a result was measured; part of the results and of their key."""
import os
import platform
import shutil
from pathlib import Path

import mpi4py
import numpy as np
import scipy

from benchmark_utils.runtime.launchers import (
    THREAD_VARIABLES,
    launcher,
    mpi_library,
    n_threads,
)

ALLOCATION = ("SLURM_CLUSTER_NAME", "SLURM_JOB_PARTITION",
              "SLURM_JOB_NUM_NODES")


def versions():
    """Versions of what computes on this process."""
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return dict(python=platform.python_version(), numpy=np.__version__,
                scipy=scipy.__version__, mpi4py=mpi4py.__version__,
                blas=f"{blas['name']} {blas['version']}")


def of_rank(library):
    """What a rank knows of its world; a launcher may change its threads."""
    return dict(mpi_library=library.splitlines()[0],
                threads=os.environ.get(THREAD_VARIABLES[0], "unknown"),
                **versions())


def cache_key():
    """What the driver knows before a world starts.

    Results are kept for equal values only: another library, host or number of
    threads measures anew. The nodes of a partition are taken for alike, so
    that a job that is submitted again goes on where it ended.
    """
    hosts = [os.environ[name] for name in ALLOCATION if name in os.environ] \
        or platform.node()
    command = launcher()
    return dict(mpi_library=mpi_library(), threads=n_threads(), hosts=hosts,
                launcher=[_identity(command[0]), *command[1:]], **versions())


def _identity(command):
    """Path of a program and the time of its installation."""
    path = Path(shutil.which(command) or command).resolve()
    return [str(path), path.stat().st_mtime_ns]
