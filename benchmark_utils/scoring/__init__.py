"""From an estimate to its metrics and pictures.

May import ``compression``, ``fields`` and ``methods``.
"""
