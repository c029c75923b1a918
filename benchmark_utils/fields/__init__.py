"""Fields on disk: layout, partition, reference, difficulty, users' files.

Imports nothing else of the project.
"""
