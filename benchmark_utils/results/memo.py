"""What was made of a table of results is made once.

benchopt draws every combination of every option, hundreds for one page, from
the same few selections.
"""
from functools import wraps
from weakref import finalize


def once(function):
    """Keep what a function makes of a table, as long as the table lives.

    Tables are told apart by identity, the other arguments by their values.
    Neither the table nor the result may be changed.
    """
    kept = {}

    @wraps(function)
    def remembered(table, *arguments):
        key = id(table), *arguments
        if key not in kept:
            kept[key] = function(table, *arguments)
            finalize(table, kept.pop, key)
        return kept[key]

    return remembered
