"""One run on real MPI ranks: start them, load a method, obey, watch, stop.

May import ``comm``, ``fields``, ``methods`` and ``scoring``; never benchopt.
"""
