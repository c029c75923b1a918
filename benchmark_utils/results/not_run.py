"""Problems that were skipped in this process, and why.

Results have no rows for them. The page at the end of a run is drawn by the
process of the run, which has the reasons; a page drawn later from the file
lacks them.
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
