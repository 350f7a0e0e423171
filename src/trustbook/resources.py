"""Where the project's own files are: beside the sources in a checkout, inside the package in an installed wheel."""

from __future__ import annotations

from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
INSTALLED = Path(__file__).with_name("project")


def project() -> Path:
    """The folder with templates, codebook, record and settings of the book, laid out as in a checkout.

    Returns
    -------
    Path
        The checkout if the code runs from one, else the folder that the wheel brings.
    """
    if (CHECKOUT / "notebooks" / "templates").is_dir():
        return CHECKOUT
    return INSTALLED
