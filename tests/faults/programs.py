"""Methods that fail, each with what its error says, or None if it may run.

A program is the body of a method after its first estimate ``U``.
"""
PROGRAMS = {
    "ok": ("yield U", None),
    "abort": ("MPI.COMM_WORLD.Abort(3)", "exit code"),
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
                    "comm.Barrier(); yield U", "rank|ranks"),
    "os exit0 all": ("os._exit(0)", "ranks stopped"),
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
}
