"""What communication costs: counting it, and its time on other networks.

Imports nothing else of the project.
"""
