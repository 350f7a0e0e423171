"""Design-based analysis of identity intersections: four nouns and the verbs between them.

::

    survey file --read_survey--> frame --SurveyDesign--> design --compress--> Cells
    Cells --cell_means--> Estimates        Cells --fit_logit--> LogitFit --predictions--> Estimates
    Estimates --comparisons, interactions, adjust, pool, change--> Estimates --table, forest, publish--> reader

Everything a user needs is named here. The modules, in the order in which they may import each other:
errors; variance, disclosure, answers, scales; ordering; grouping, intervals, forms; engines, strata, axes, merging,
sealed_files; domains, weight_checks, meanings, files; design_columns; schema; design; cells; compression, weighting;
logit; estimates; interaction, tabulation, maihda, pooling; tables; figures.
Heavy libraries are imported by the functions that use them. Four packages stand beside this one and call it:
`trustlib.review` (would another choice change the answer?), `trustlib.record` (the printed figures and their audit),
`trustbook` (what runs the notebooks and checks the book) and `trustbook` (what its notebooks call beside the library).
"""

from trustlib.cells import Cells
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
from trustlib.estimates import (
    Estimates,
    adjust,
    cell_means,
    coefficients,
    comparisons,
    detectable,
    joint_test,
    one_way,
    predictions,
    reliability,
)
from trustlib.figures import Picture, forest
from trustlib.interaction import interactions, verdict
from trustlib.intervals import detectable_difference, e_value
from trustlib.logit import LogitFit, fit_logit
from trustlib.maihda import MaihdaFit, maihda
from trustlib.pooling import average, change, pool, stack
from trustlib.schema import declared_design, read_survey
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
    "maihda", "one_way", "pool", "predictions", "publish", "rake", "rao_scott", "read_survey",
    "reliability", "stack", "table", "verdict",
]  # fmt: skip
