"""From a results file to what the page shows: names, statistics, style.

Runs beside benchopt, never on a rank. May import ``comm``, ``fields`` and
``scoring``.
"""
