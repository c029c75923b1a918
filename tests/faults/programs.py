"""Methods that fail, each with what its error says, or None if it may run.

A program is the body of a method after its first estimate ``U``, or a module.
"""
import textwrap

DRIVER = ("if comm.rank == 0:\n"
          "    with open(os.environ['FAULT_WHEN'], 'w') as file:\n"
          "        file.write(str(time.time()))\n"
          "    os.kill(int(os.environ['FAULT_DRIVER']), "
          "int(os.environ['FAULT_NUMBER']))\n"
          "time.sleep(600)")
# The principal subspace, in every round.
RIGHT = """while True:
    C = comm.sum(data.X.T @ data.X)
    time.sleep(0.1)
    yield np.linalg.eigh(C)[1][:, :-n_components - 1:-1]"""


def in_scoring(body):
    """An estimate that does something when it is looked at."""
    return ("class Estimate:\n    def __array__(self, *args, **kwargs):\n"
            + textwrap.indent(body, " " * 8) + "\nyield Estimate()")


def signalled(name):
    return (f"if comm.rank == 1:\n    os.kill(os.getpid(), signal.{name})\n"
            "comm.Barrier()", f"rank 1 was killed .{name}")


PROGRAMS = {
    "ok": ("yield U", None),
    "abort": ("MPI.COMM_WORLD.Abort(3)", r"rank \d .*exit code 3"),
    "allreduce init": ("comm.Allreduce_init(U, U.copy())",
                       "cannot be counted"),
    "allreduce outside": ("MPI.COMM_WORLD.Allreduce(MPI.IN_PLACE, "
                          "np.zeros(3)); yield U", None),
    "atexit hang": ("import atexit; atexit.register(time.sleep, 600); "
                    "yield U", None),
    "chdir umask": ("os.chdir('/'); os.umask(0o777); yield U", None),
    "closes fds": ("os.closerange(3, 200); yield U", "rank|ranks"),
    "complex": ("yield U + 0j", "complex128, not real"),
    "complex phase": ("yield U * 1j", "complex128, not real"),
    "create group ok": ("comm.Create_group(comm.Get_group()).Barrier(); "
                        "yield U", None),
    "daemon child": ("if os.fork() == 0:\n"
                     "    os.setsid()\n"
                     "    os.fork()\n"
                     "    time.sleep(600)\n"
                     "yield U", None),
    "float16": ("yield U.astype('float16')", "not orthonormal"),
    "float32": ("yield U.astype('float32')", None),
    "forged report": ("print('<<rank 0>>\\nlie\\nlie<<end>>')\n"
                      "raise ValueError('truth')", "truth"),
    "fork child sleeps": ("if os.fork() == 0:\n    time.sleep(600)\n"
                          "yield U", None),
    "hang collective": ("if comm.rank:\n    comm.Barrier()\n"
                        "time.sleep(600)", "No sign of life"),
    "hang compute r1": ("while comm.rank == 1:\n    pass\n"
                        "comm.Barrier()", "No sign of life"),
    "ignores sigterm": ("import signal\n"
                        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
                        "time.sleep(600)", "No sign of life"),
    "int array": ("yield np.eye(*U.shape, dtype=int)", "int64, not real"),
    "int8 array": ("yield np.eye(*U.shape, dtype='int8')", "int8, not real"),
    "matrix subclass": ("yield np.asmatrix(U)", None),
    "mismatch dtype": ("comm.Bcast(np.zeros(4, 'f4' if comm.rank else "
                       "'f8'))", "rank"),
    "mismatch size bcast": ("comm.Bcast(np.zeros(5 if comm.rank else 50))",
                            "truncated|Truncated|TRUNCATE"),
    "mpi file": ("MPI.File.Open(comm, 'x')", "cannot be counted"),
    "mutate X": ("data.X[:] = 0", "read-only"),
    "mutate X ctypes": ("import ctypes\n"
                        "ctypes.memset(data.X.ctypes.data, 1, 8)\n"
                        "yield U", "wrote to its block"),
    "nan": ("yield U * np.nan", "NaN"),
    "non orthonormal": ("yield 2 * U", "not orthonormal"),
    "oom rlimit r1": ("if comm.rank == 1:\n    import resource\n"
                      "    resource.setrlimit(resource.RLIMIT_AS, "
                      "(2**28, 2**28))\n    np.ones(2**28)\n"
                      "comm.Barrier()", "MemoryError"),
    "os exit0 r1": ("if comm.rank == 1:\n    os._exit(0)\n"
                    "comm.Barrier(); yield U", "rank 1 .*exit code 0"),
    "os exit0 all": ("os._exit(0)", r"rank \d .*exit code 0"),
    "os exit3 r1": ("if comm.rank == 1:\n    os._exit(3)\n"
                    "comm.Barrier(); yield U", "rank 1 .*exit code 3"),
    "persistent": ("comm.Send_init(U, 0)", "cannot be counted"),
    "raise empty": ("raise ValueError", "ValueError"),
    "raise in str": ("class E(Exception):\n"
                     "    def __str__(self):\n        return 1 / 0\n"
                     "raise E", "E: <exception str"),
    "raise r1": ("if comm.rank == 1:\n    raise KeyError('one')\n"
                 "comm.Barrier()", "rank 1 failed: KeyError: 'one'"),
    "raise unicode": ("raise ValueError('é😀')", "ValueError: é😀"),
    "ranks differ end": ("if comm.rank == 0:\n    yield U",
                         "different numbers of rounds"),
    "recursion": ("def f():\n    f()\nf()", "RecursionError"),
    "returns at once": ("return", None),
    "segfault r1": ("if comm.rank == 1:\n    import ctypes\n"
                    "    ctypes.string_at(0)\ncomm.Barrier()",
                    "rank 1 .*SIGSEGV"),
    "sigkill r0": ("if comm.rank == 0:\n    os.kill(os.getpid(), 9)\n"
                   "comm.Barrier()", "rank 0 .*SIGKILL"),
    "sigkill r1": ("if comm.rank == 1:\n    os.kill(os.getpid(), 9)\n"
                   "comm.Barrier()", "rank 1 .*SIGKILL"),
    "sigstop r1": ("if comm.rank == 1:\n    os.kill(os.getpid(), 19)\n"
                   "comm.Barrier()", "No sign of life"),
    "spawn": ("comm.Spawn('true')", "cannot be counted"),
    "split ok": ("comm.Split(comm.rank).Barrier(); yield U", None),
    "sys exit0": ("sys.exit(0)", "SystemExit: 0"),
    "thread lives on": ("import threading\nthreading.Thread("
                        "target=time.sleep, args=(600,)).start()\n"
                        "yield U", None),
    "transposed": ("yield U.T", "shape"),
    "window": ("MPI.Win.Create(U)", "cannot be counted"),
    "wrong shape": ("yield U[:, :1]", "shape"),
    "yields list": ("yield U.tolist()", "is a list, not a NumPy"),
    "yields none": ("yield None", "not real"),
    "big endian": ("yield U.astype('>f8')", None),
    "constant": ("yield np.ones_like(U)", "not orthonormal"),
    "driver told": (DRIVER, "KeyboardInterrupt"),
    "driver told in scoring": (in_scoring(DRIVER), "KeyboardInterrupt"),
    "empty array": ("yield U[:0]", "shape"),
    "fork child goes on": ("os.fork(); yield U", "^$|rank|No sign"),
    "hang in scoring": (in_scoring("time.sleep(600)"), "No sign of life"),
    "hang in round 0": ("def rounds(comm, data, n_components, rng):\n"
                        "    time.sleep(600)\n    yield", "No sign of life"),
    "huge message": ("raise ValueError('x' * 10**7)", "ValueError: x"),
    "import error": ("import not_there", "No module named 'not_there'"),
    "ireduce no wait": ("comm.Ireduce(U, U.copy()); yield U", None),
    "isend unmatched": ("comm.Isend(U, (comm.rank + 1) % 3); yield U", None),
    "kill launcher": ("from pathlib import Path\n"
                      "pid = os.getpid()\n"
                      "while comm.rank == 0:\n"
                      "    stat = Path(f'/proc/{pid}/stat').read_text()\n"
                      "    pid = int(stat.rsplit(')', 1)[1].split()[1])\n"
                      "    name = Path(f'/proc/{pid}/cmdline').read_text()\n"
                      "    if 'mpiexec' in name or 'prterun' in name:\n"
                      "        os.kill(pid, 9)\n"
                      "        break\n"
                      "time.sleep(600)", "The launcher .*SIGKILL"),
    "low descriptors": ("import resource\n"
                        "resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))\n"
                        "open('/dev/null')", "Too many open files"),
    "mismatch kind": ("if comm.rank:\n    comm.Barrier()\n"
                      "else:\n    comm.Allreduce(MPI.IN_PLACE, U)\n"
                      "comm.Bcast(np.zeros(9 + comm.rank)); yield U",
                      "rank|No sign"),
    "mismatch size allreduce": ("comm.Allreduce(MPI.IN_PLACE, np.zeros("
                                "9 if comm.rank else 90000))",
                                "runcated|TRUNC|No sign|rank"),
    "mutate X forced": ("data.X.flags.writeable = True\ndata.X[:] = 0",
                        "WRITEABLE|read-only|wrote to its block"),
    "mutate yielded": ("yield U\nU[:] = 0\nyield U", None),
    "neighbor ok": ("comm.Create_cart([3], [True])"
                    ".neighbor_allgather(1); yield U", None),
    "never yields": ("def rounds(comm, data, n_components, rng):\n"
                     "    return\n    yield", "object, not real"),
    "not a generator": ("def rounds(comm, data, n_components, rng):\n"
                        "    return data.random_basis(n_components, rng)",
                        "is not an iterator"),
    "print 1 GB": ("for _ in range(1000 if comm.rank == 1 else 0):\n"
                   "    print('x' * 999_999)\nyield U", None),
    "print binary": ("os.write(1, bytes(range(256)) * 99); yield U", None),
    "raise at load": ("class E:\n"
                      "    def __reduce__(self):\n"
                      "        return exec, ('1 / 0',)\n"
                      "e = E()\n"
                      "def rounds(comm, data, n_components, rng):\n"
                      "    yield e", "ZeroDivisionError"),
    "raise unpicklable": ("class E(Exception):\n"
                          "    def __reduce__(self):\n        1 / 0\n"
                          "raise E('no')", "E: no"),
    "reads its input": ("input()", "EOFError"),
    "right": (RIGHT, None),
    "send recv deadlock": ("comm.Recv(U, (comm.rank + 1) % 3)",
                           "No sign of life"),
    "sigabrt r1": signalled("SIGABRT"),
    "sigbus r1": signalled("SIGBUS"),
    "sigfpe r1": signalled("SIGFPE"),
    "sigterm r1": signalled("SIGTERM"),
    "sigusr1 r1": (signalled("SIGUSR1")[0], "^$|rank 1 .*SIGUSR1"),
    "sigxcpu r1": signalled("SIGXCPU"),
    "syntax error": ("exec('def')", "SyntaxError"),
    "wrong argument": ("def rounds(comm, data):\n    yield",
                       "unexpected keyword argument"),
}
