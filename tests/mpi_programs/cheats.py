"""Ways around the ledger, each counted or refused; started on two ranks."""
import inspect

import numpy as np
import pytest
from mpi4py import MPI
from mpi4py.util import pkl5

from benchmark_utils.comm import doors
from benchmark_utils.comm.counting import CountingComm, UncountedCall, install

comm = CountingComm(MPI.COMM_WORLD)
public = {name: value for name, value in vars(MPI).items()
          if callable(value) and not name.startswith("_")
          and not isinstance(value, MPI.Op)}
install(comm)
install(comm)  # a world may load one method after another
a = np.zeros(1000)


def check_counted(call):
    before = comm.ledger.received_bytes + comm.ledger.sent_bytes
    call()
    assert comm.ledger.received_bytes + comm.ledger.sent_bytes > before


for counted in (
        lambda: MPI.Comm.Allreduce(comm, MPI.IN_PLACE, a),
        lambda: MPI.Intracomm.Bcast(comm, a, root=0),
        lambda: MPI.Comm.allgather(comm, "object"),
        lambda: MPI.COMM_WORLD.Allreduce(MPI.IN_PLACE, a),
        lambda: comm.Dup().Allreduce(MPI.IN_PLACE, a),
        lambda: comm.Clone().Allreduce(MPI.IN_PLACE, a),
        lambda: comm.Create_group(comm.Get_group()).Allreduce(
            MPI.IN_PLACE, a),
        lambda: MPI.Comm.Dup(comm).Allreduce(MPI.IN_PLACE, a)):
    check_counted(counted)

handle = comm.handle
for refused in (
        lambda: MPI.Intracomm(comm),
        lambda: MPI.Comm(comm),
        lambda: MPI.Intercomm(comm),
        lambda: MPI.Cartcomm(comm),
        lambda: type("Mine", (MPI.Intracomm,), {})(comm),
        lambda: pkl5.Intracomm(comm),
        lambda: pkl5.Comm(comm),
        lambda: MPI.Intracomm.Create_from_group(comm.Get_group()),
        lambda: comm.Create_from_group(comm.Get_group()),
        lambda: MPI.Session.Init(),
        lambda: MPI.Session(),
        lambda: MPI.Comm.fromhandle(handle),
        lambda: comm.fromhandle(handle),
        lambda: MPI.Comm.f2py(0),
        lambda: comm.f2py(0),
        lambda: MPI.Comm.Join(0),
        lambda: MPI.COMM_SELF.Spawn("true"),
        lambda: MPI.COMM_SELF.Accept("port"),
        lambda: MPI.Open_port(),
        lambda: MPI.Lookup_name("port"),
        lambda: MPI.Win.Create(a),
        lambda: MPI.File.Open(comm, "file"),
        lambda: MPI._addressof(comm),
        lambda: MPI._handleof(comm)):
    try:
        with pytest.raises((UncountedCall, AttributeError)):
            refused()
    except BaseException:
        print(inspect.getsource(refused), flush=True)
        raise

# Nothing of the module is open, whatever a release adds.
for name, value in public.items():
    assert (name in doors.LOCAL_NAMES
            or getattr(MPI, name) is not value), name
assert isinstance(comm, MPI.Intracomm) and isinstance(comm, MPI.Comm)
assert issubclass(CountingComm, MPI.Comm)
