"""From a results file to what the page shows.

``select`` picks runs, ``statistics`` summarises their repetitions, ``text``
and ``style`` turn that into words and colours, ``curves`` into traces;
``names`` shortens the names of methods and datasets; ``outputs`` says where
benchopt may not write. Runs beside benchopt, never on a rank. May import
``comm``, ``fields`` and ``scoring``.
"""
