"""What the plugins of the benchmark share, one package per job.

Top level: what users' files import, :mod:`~benchmark_utils.solver` for
methods, :mod:`~benchmark_utils.dataset` for datasets. Imports run one way,
each package may use those before it::

    comm, methods, fields < scoring < runtime < solver
                                    < results < solver, dataset, plots

What runs on a rank (comm, methods, fields, scoring, runtime) never imports
benchopt.
"""
