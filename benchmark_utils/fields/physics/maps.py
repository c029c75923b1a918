"""Maps of the Earth as fields: which axis is what, weights by area."""
import numpy as np

# What the axes (time, latitude, longitude) of a file are, by partition.
ROLES = {"features": ("time", "space", "space"),
         "samples": ("time", "feature", "space")}


def area_weights(latitudes, partition):
    """Root of the cosine of the latitude, along its axis of the field.

    Parameters
    ----------
    latitudes : array of shape (n,)
        In degrees.
    partition : {"samples", "features"}

    Returns
    -------
    array of shape (n,) or, for maps, (n, 1)
    """
    weights = np.sqrt(np.cos(np.deg2rad(latitudes)))
    return weights if partition == "samples" else weights[:, None]
