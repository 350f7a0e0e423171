"""Where the project's own files are.

They lie beside the sources in a checkout, and inside the package in an installed wheel.
"""

from __future__ import annotations

from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
INSTALLED = Path(__file__).with_name("project")


def project() -> Path:
    """The folder with templates, codebook, record and settings of the book.

    Returns
    -------
    Path
        The checkout if the code runs from one, else the folder that the wheel brings,
        which is laid out alike.

    Examples
    --------
    >>> (project() / "data" / "codebook.yml").is_file()
    True
    """
    if (CHECKOUT / "notebooks" / "templates").is_dir():
        return CHECKOUT
    return INSTALLED
