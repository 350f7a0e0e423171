"""The process of one run on a worker of a cluster: ``python -m trustbook.runs.worker``.

It reads a pickled pair, job and folder, from its input; see `trustbook.runs.making`.
"""

from __future__ import annotations

import pickle
import sys

from trustbook.runs.making import work


def main() -> None:
    """Execute the run that stands on the input."""
    job, folder = pickle.load(sys.stdin.buffer)
    work(job, folder)


if __name__ == "__main__":
    main()
