"""From stored numbers to values: what attributes of a variable say.

The attributes are those of NetCDF and CF: packing (``scale_factor``,
``add_offset``, ``_Unsigned``), markers of missing values (``_FillValue``,
``missing_value``) and valid ranges. h5py and SciPy apply none of them.
"""
import re

import h5py
import numpy as np

MARKERS = ("_FillValue", "missing_value")
# As text, perhaps with the letter of a type: 1e20f, -9999s.
NUMBER = re.compile(
    r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)[a-zA-Z]{0,2}")


def text(attribute):
    """String of an attribute: text, bytes, or a vector of either."""
    if isinstance(attribute, h5py.Empty):
        return ""
    if isinstance(attribute, np.ndarray):
        attribute = attribute.ravel()[0] if attribute.size else ""
    if not isinstance(attribute, bytes):
        # h5py keeps bytes that are no UTF-8 as surrogates.
        attribute = str(attribute).encode(errors="surrogateescape")
    return attribute.decode(errors="replace").strip("\0 ")


def numbers(attribute):
    """Vector of the numbers of an attribute, also of one that is text."""
    if isinstance(attribute, h5py.Empty):
        return np.empty(0)
    attribute = np.ravel(attribute)
    if attribute.dtype.kind in "iuf":
        return attribute
    if attribute.dtype.kind not in "SUO":
        return np.empty(0)
    words = [word for each in attribute
             for word in re.split(r"[\s,;]+", text(each))]
    found = [NUMBER.fullmatch(word) for word in words]
    return np.array([float(match[1]) for match in found] if all(found)
                    else [])


def one_number(variable, key, default):
    """The number in an attribute of a variable.

    Raises
    ------
    ValueError
        If it holds none, or several.
    """
    if key not in variable.attrs:
        return default
    found = numbers(variable.attrs[key])
    if len(found) != 1:
        raise ValueError(
            f"{key} of {variable.name} in {variable.file.filename} is "
            f"{text(variable.attrs[key])!r} with {len(found)} numbers: it "
            "must be one number, correct the file.")
    return float(found[0])


def stored_type(variable):
    """Type of the stored numbers: ``_Unsigned`` may change their sign."""
    dtype = variable.dtype
    unsigned = text(variable.attrs.get("_Unsigned", "")).lower()
    kind = {"true": "u", "false": "i"}.get(unsigned, dtype.kind)
    return dtype if dtype.kind == "f" else np.dtype(
        f"{dtype.byteorder}{kind}{dtype.itemsize}")


def held(values, variable):
    """Those of some numbers that the type of a variable can hold, in it."""
    dtype, found = stored_type(variable), []
    for value in values:
        if np.asarray(value).dtype == variable.dtype.newbyteorder("="):
            # Written in the type on disk, which has no unsigned numbers.
            found.append(np.array(value, variable.dtype).view(dtype)[()])
        elif dtype.kind == "f":
            with np.errstate(over="ignore"):
                found.append(dtype.type(value))
        elif (float(value).is_integer() and np.iinfo(dtype).min
              <= int(value) <= np.iinfo(dtype).max):
            found.append(dtype.type(int(value)))
    return np.array(found, dtype)


def markers(variable):
    """Stored numbers that stand for a missing value."""
    found = [held(numbers(variable.attrs[key]), variable)
             for key in MARKERS if key in variable.attrs]
    # Stands for what was never written; single bytes have no such default.
    if variable.fillvalue and variable.dtype.itemsize > 1:
        found.append(held([variable.fillvalue], variable))
    return np.concatenate(
        [np.empty(0, stored_type(variable)), *found])


def limits(variable):
    """Lowest and highest valid value, and whether these are stored ones."""
    attributes = variable.attrs
    pairs = [("valid_range", slice(0, 1)), ("valid_min", slice(None))], [
        ("valid_range", slice(1, 2)), ("valid_max", slice(None))]
    for pair in pairs:
        for key, part in pair:
            found = (numbers(attributes[key])[part] if key in attributes
                     else [])
            if len(found):
                # Limits of packed integers are packed if they are integers.
                is_packed = (np.asarray(found).dtype.kind != "f"
                             and stored_type(variable).kind != "f")
                if is_packed and found.dtype == variable.dtype:
                    found = held(found, variable)
                yield found[0], is_packed
                break
        else:
            yield None, False


def unpack(stored, variable):
    """Values of stored numbers, missing ones as NaN, of any range.

    Parameters and result as of :func:`decode`.
    """
    stored = np.ascontiguousarray(stored).view(stored_type(variable))
    values = stored.astype(float)
    values *= one_number(variable, "scale_factor", 1.0)
    values += one_number(variable, "add_offset", 0.0)
    values[~np.isfinite(values)] = np.nan
    values[np.isin(stored, markers(variable))] = np.nan
    return values


def decode(stored, variable):
    """Values of stored numbers, missing ones as NaN.

    Parameters
    ----------
    stored : array
        In the type on disk.
    variable : h5py.Dataset or Variable of ``netcdf3``
        Whose attributes count.

    Returns
    -------
    float64 array of the same shape
    """
    values = unpack(stored, variable)
    stored = np.ascontiguousarray(stored).view(stored_type(variable))
    for (limit, is_packed), is_outside in zip(
            limits(variable), (np.less, np.greater), strict=True):
        if limit is not None:
            values[is_outside(stored if is_packed else values, limit)] = np.nan
    return values
