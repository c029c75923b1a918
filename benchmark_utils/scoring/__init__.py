"""From an estimate to its metrics and pictures.

May import ``fields`` and ``methods``.
"""
