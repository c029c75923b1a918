"""Times of files that count from different starts, in one unit.

Calendars are those of the CF conventions, section 4.4.1.
"""
import re

import numpy as np

SECONDS = {"second": 1, "sec": 1, "s": 1, "minute": 60, "min": 60,
           "hour": 3600, "hr": 3600, "h": 3600, "day": 86400, "d": 86400}
SINCE = re.compile(
    rf"({'|'.join(SECONDS)})s? since (\d{{1,4}})-(\d{{1,2}})-(\d{{1,2}})"
    r"(?:[ T](\d{1,2}):(\d{2})(?::(\d{2})(?:\.0*)?)?)?(?: ?(?:UTC|Z))?",
    re.IGNORECASE)
# Calendars that number the same days, by one name.
SAME = {"": "standard", "gregorian": "standard", "365_day": "noleap",
        "366_day": "all_leap"}
REAL = ("standard", "proleptic_gregorian", "julian")
LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
REFORM = (1582, 10, 15)  # begin of the Gregorian calendar


def day_number(calendar, year, month, day):
    """Number of a day, consecutive in the calendar.

    That of real calendars is one numbering, so that the same day has the
    same number in all of them.

    Raises
    ------
    KeyError
        If the calendar is not known.
    """
    calendar = SAME.get(calendar.lower(), calendar.lower())
    if calendar == "360_day":
        return 360 * year + 30 * (month - 1) + day
    if calendar in ("noleap", "all_leap"):
        leap = calendar == "all_leap"
        return ((365 + leap) * year + sum(LENGTHS[:month - 1])
                + (leap and month > 2) + day)
    if calendar not in REAL:
        raise KeyError(calendar)
    is_julian = calendar == "julian" or (
        calendar == "standard" and (year, month, day) < REFORM)
    # Years that begin in March end with the leap day.
    year, month = (year, month - 3) if month > 2 else (year - 1, month + 9)
    number = 365 * year + year // 4 + (153 * month + 2) // 5 + day
    return number if is_julian else number - year // 100 + year // 400 + 2


def common_unit(axes, calendars):
    """Coordinates of one axis in all files, in the unit of the first.

    Files of one run often count time from their own beginning.

    Parameters
    ----------
    axes : list of (name, unit, coordinates)
        By file.
    calendars : list of str
        By file; empty for the standard one.

    Returns
    -------
    list of arrays

    Raises
    ------
    ValueError
        If units or calendars cannot be converted.
    """
    converted = []
    for (name, unit, points), calendar in zip(axes, calendars, strict=True):
        if (unit, calendar) != (axes[0][1], calendars[0]):
            try:
                step, start = _since(axes[0][1], calendars[0])
                other_step, other_start = _since(unit, calendar)
            except KeyError as error:
                raise ValueError(
                    f"The unit of the axis {name} is {axes[0][1]!r} in one "
                    f"file, {unit!r} in another, which cannot be converted "
                    f"({error}): convert them to one unit.") from error
            if _kind(calendar) != _kind(calendars[0]):
                raise ValueError(
                    f"The calendar of the axis {name} is "
                    f"{calendars[0] or 'standard'} in one file, "
                    f"{calendar or 'standard'} in another: convert them to "
                    "one calendar.")
            points = (points * other_step + (other_start - start)) / step
        converted.append(np.asarray(points))
    return converted


def _kind(calendar):
    """One word for calendars with the same numbers of days."""
    calendar = SAME.get(calendar.lower(), calendar.lower())
    return "real" if calendar in REAL else calendar


def _since(unit, calendar):
    """Seconds of a CF unit of time, and of its start.

    Raises
    ------
    KeyError
        If it is another unit, or the calendar is not known.
    """
    match = SINCE.fullmatch(unit.strip())
    if not match:
        raise KeyError(unit)
    word, year, *rest = match.groups(default="0")
    month, day, hour, minute, second = map(int, rest)
    return SECONDS[word.lower()], (
        86400 * day_number(calendar, int(year), month, day)
        + 3600 * hour + 60 * minute + second)
