"""The one error of a world."""


class WorldError(RuntimeError):
    """The ranks could not start, died, failed or hung."""
