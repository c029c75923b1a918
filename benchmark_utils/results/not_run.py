"""Problems that were skipped in this process, and why.

Results have no rows of them. The page that ends a run is drawn by the process
that ran it, so it can tell; one that is drawn later from the file cannot.
"""
from benchmark_utils.results.text import wrapped

NOT_RUN = {}  # (dataset, objective) -> reason


def not_run_note():
    """Lines for the foot of a title, one per dataset and reason.

    None if nothing was skipped.
    """
    skipped = {}
    for (dataset, objective), reason in sorted(NOT_RUN.items()):
        skipped.setdefault((dataset, reason), []).append(objective)
    return "".join(
        "\n" + wrapped(f"Not run: {', '.join(objectives)} of {dataset}: "
                       f"{reason}")
        for (dataset, reason), objectives in skipped.items())
