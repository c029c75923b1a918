"""The mathematics that methods share, and the matrix as they see it.

Imports nothing else of the project.
"""
