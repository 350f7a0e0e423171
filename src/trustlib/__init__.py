"""Design-based analysis of identity intersections: four nouns and the verbs between them.

::

    survey file --read_survey--> frame --SurveyDesign--> design --compress--> Cells
    Cells --cell_means--> Estimates        Cells --fit_logit--> LogitFit --predictions--> Estimates
    Estimates --comparisons, interactions, adjust, pool, change--> Estimates --table, forest, publish--> reader

Everything a user needs is named here. The order in which modules may import each other is
in ``tests/test_structure.py``; heavy libraries are imported by the functions that use them,
and modules that only some need when the first of their names is used.
Two parts stand beside these: `trustlib.review` (would another choice change the answer?)
and `trustlib.record` (the printed figures and their audit). The application that runs the
notebooks and builds the book is `trustbook`, which calls this library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from trustlib.cells import Cells
from trustlib.comparisons import comparisons
from trustlib.compression import compress
from trustlib.design import SurveyDesign
from trustlib.errors import (
    CodebookError,
    ConvergenceError,
    DesignError,
    DisclosureError,
    EstimandError,
    FewPSUWarning,
    FindingError,
    FitError,
    LonelyPSUError,
    MissingFileError,
    MissingRowsWarning,
    ProtectiveExposureWarning,
    RankError,
    RunError,
    SeparationError,
    SurveyFileError,
    TrustlibError,
    UnknownNameError,
)
from trustlib.estimates import Estimates
from trustlib.intervals import detectable_difference, e_value
from trustlib.levels import cell_means, one_way
from trustlib.logit import LogitFit, fit_logit
from trustlib.maihda import MaihdaFit, maihda
from trustlib.margins import coefficients, predictions
from trustlib.precision import adjust, detectable, joint_test, reliability

if TYPE_CHECKING:
    from trustlib.figures import Picture, forest
    from trustlib.interaction import interactions, verdict
    from trustlib.pooling import average, change, pool
    from trustlib.protection import protect
    from trustlib.schema import declared_design, read_survey
    from trustlib.stacking import stack
    from trustlib.tables import publish, table
    from trustlib.tabulation import design_effects, rao_scott
    from trustlib.weighting import bootstrap_weights, kish, rake

__all__ = [
    "Cells", "CodebookError", "ConvergenceError", "DesignError", "DisclosureError", "EstimandError", "Estimates",
    "FewPSUWarning", "FindingError", "FitError", "LogitFit", "LonelyPSUError", "MaihdaFit", "MissingFileError",
    "MissingRowsWarning", "Picture", "ProtectiveExposureWarning", "RankError", "RunError", "SeparationError",
    "SurveyDesign", "SurveyFileError", "TrustlibError", "UnknownNameError", "adjust", "average", "bootstrap_weights",
    "cell_means", "change", "coefficients", "comparisons", "compress", "declared_design", "design_effects",
    "detectable", "detectable_difference", "e_value", "fit_logit", "forest", "interactions", "joint_test", "kish",
    "maihda", "one_way", "pool", "predictions", "protect", "publish", "rake", "rao_scott", "read_survey",
    "reliability", "stack", "table", "verdict",
]  # fmt: skip
_MODULES = {
    "figures": ("Picture", "forest"),
    "interaction": ("interactions", "verdict"),
    "pooling": ("average", "change", "pool"),
    "protection": ("protect",),
    "schema": ("declared_design", "read_survey"),
    "stacking": ("stack",),
    "tables": ("publish", "table"),
    "tabulation": ("design_effects", "rao_scott"),
    "weighting": ("bootstrap_weights", "kish", "rake"),
}
_LATE = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import the module that has a name when the name is first used."""
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_LATE[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATE})
