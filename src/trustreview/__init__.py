"""Would another reasonable choice change the answer? What a reviewer asks of a result, beyond the result.

`robustness` estimates one gap under every combination of declared choices (weights, covariates, link, model, missing
answers); `firth` and `impute` with `combine` are the two of these choices that need a method of their own. Everything
is built from the estimates of `trustlib`, which does not know this package.
"""

from trustreview.sensitivity import combine, firth, impute, robustness

__all__ = ["combine", "firth", "impute", "robustness"]
