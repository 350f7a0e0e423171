"""Would another reasonable choice change the answer? What a reviewer asks of a result, beyond the result.

`robustness` estimates one gap under every combination of declared choices (weights,
covariates, link, model, missing answers) and `specification_curve` draws them; `firth`
and `impute` with `combine` are the two of these choices that need a method of their own.
`panel` asks how wrong an opt-in panel could be.
`checks` asks whether one model fits: calibration, goodness of fit, link, influence.
Everything is built from the estimates of `trustlib`, which does not know this package.
"""

from trustlib.review import panel
from trustlib.review.attrition import flow
from trustlib.review.curve import specification_curve
from trustlib.review.diagnostics import Report, checks
from trustlib.review.imputation import combine, impute
from trustlib.review.links import firth
from trustlib.review.residuals import calibration, goodness_of_fit, link_test
from trustlib.review.sensitivity import reweighted, robustness, robustness_of_cells
from trustlib.review.terms import influence_shares, joint_tests

__all__ = [
    "Report", "calibration", "checks", "combine", "firth", "flow", "goodness_of_fit",
    "impute", "influence_shares", "joint_tests", "link_test", "panel", "reweighted",
    "robustness", "robustness_of_cells", "specification_curve",
]  # fmt: skip
