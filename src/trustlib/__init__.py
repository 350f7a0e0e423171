"""Design-based analysis of identity intersections: four nouns and the verbs between them.

::

    survey file --read_survey--> frame --SurveyDesign--> design --compress--> Cells
    Cells --cell_means--> Estimates        Cells --fit_logit--> LogitFit --predictions--> Estimates
    Estimates --comparisons, interactions--> Estimates --table, forest, publish--> reader

Everything a user needs is named here. The modules, in the order in which they may import each other:
errors; variance, disclosure; forms; schema; design; cells; logit; estimates; interaction; tables; figures.
Heavy libraries are imported by the functions that use them. Two packages stand beside this one and call it:
`trustrecord` (the printed figures and their audit) and `trustbook` (what runs the notebooks and checks the book).
"""

from trustlib.cells import Cells, compress
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
from trustlib.estimates import Estimates, cell_means, coefficients, comparisons, one_way, predictions
from trustlib.figures import Picture, forest
from trustlib.interaction import interactions
from trustlib.logit import LogitFit, fit_logit
from trustlib.schema import declared_design, read_survey
from trustlib.tables import publish, table

__all__ = [
    "Cells", "CodebookError", "ConvergenceError", "DesignError", "DisclosureError", "EstimandError", "Estimates",
    "FewPSUWarning", "FindingError", "FitError", "LogitFit", "LonelyPSUError", "MissingFileError",
    "MissingRowsWarning", "Picture", "ProtectiveExposureWarning", "RankError", "RunError", "SeparationError",
    "SurveyDesign", "SurveyFileError", "TrustlibError", "UnknownNameError", "cell_means", "coefficients",
    "comparisons", "compress", "declared_design", "fit_logit", "forest", "interactions", "one_way", "predictions",
    "publish", "read_survey", "table",
]  # fmt: skip
