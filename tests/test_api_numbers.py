"""Printed means, totals, ratios and domains of R's `api` samples, by way of the arrays of `trustlib.variance`.

Any statistic whose linearised values u are known has the variance of the sum of w u: the mean has
u = (y - mean)/sum(w), the total u = y, a ratio u = (y - ratio x)/sum(w x); people outside a domain have u = 0.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import trustlib as tl
from samples import standard_error
from trustlib.design import SurveyDesign
from trustlib.errors import LonelyPSUError
from trustlib.variance import replicate_covariance
from trustlib.weighting import rake

ROUT = "R survey 4.1-1, tests/testoutput/api.Rout.saved"
VIGNETTE = "R survey 4.1-1, vignette survey.pdf"
DESIGNS = {
    "dstrat": ("apistrat", {"strata": "stype", "fpc": "fpc"}),
    "dclus1": ("apiclus1", {"psu": "dnum", "fpc": "fpc"}),
    "dclus2wr": ("apiclus2", {"psu": "dnum"}),
}


def ratio(y, x, w):
    """A ratio of totals and w u; the mean for x = 1."""
    value = (w @ y) / (w @ x)
    return value, w * (y - value * x) / (w @ x)


@pytest.fixture
def sample(data_file):
    return lambda name: pd.read_csv(data_file("r_survey", f"{name}.csv"))


def ones(d):
    return np.ones(len(d))


# what is estimated: y, x (None: a total) and the domain, then estimate and standard error as printed
PRINTED = {
    "1.1": ("dstrat", "api00", ones, None, "662.29", "9.4089", ROUT),
    "1.2": ("dstrat", "enroll", None, None, "3687178", "114642", ROUT),
    "1.3": ("dclus1", "api00", ones, None, "644.17", "23.542", f"{ROUT} and {VIGNETTE}"),
    "1.4": ("dclus1", "enroll", None, None, "3404940", "932235", ROUT),
    "1.5 with replacement": ("dclus2wr", "api00", ones, None, "670.81", "30.712", ROUT),
    "1.9 E": ("dclus1", "stype == 'E'", None, None, "4873.97", "1333.32", f"{VIGNETTE} p. 2"),
    "1.9 H": ("dclus1", "stype == 'H'", None, None, "473.86", "158.70", f"{VIGNETTE} p. 2"),
    "1.9 M": ("dclus1", "stype == 'M'", None, None, "846.17", "167.55", f"{VIGNETTE} p. 2"),
    "1.10": ("dclus1", "`api.stu`", "enroll", None, "0.8497087", "0.008386297", f"{VIGNETTE} p. 2"),
    "1.11": ("dclus1", "`api.stu`", "enroll", "stype == 'H'", "0.8300683", "0.01472607", f"{VIGNETTE} p. 3"),
    "1.12 E": ("dclus1", "ell", ones, "stype == 'E'", "29.69444", "1.411617", f"{VIGNETTE} p. 4"),
    "1.12 H": ("dclus1", "ell", ones, "stype == 'H'", "15.00000", "5.347065", f"{VIGNETTE} p. 4"),
    "1.12 M": ("dclus1", "ell", ones, "stype == 'M'", "22.68000", "2.952862", f"{VIGNETTE} p. 4"),
}  # fmt: skip


def half_unit(text):
    """Half a unit of the last digit printed, and a twentieth more because R rounds twice (26.93454 to 26.934)."""
    return 0.55 * 10.0 ** -len(text.partition(".")[2])


@pytest.mark.parametrize("row", PRINTED)
def test_printed_estimates_and_standard_errors(row, sample):
    name, y, x, domain, estimate, se, _source = PRINTED[row]
    file, options = DESIGNS[name]
    d = sample(file)
    y, inside = (
        d.eval(y).to_numpy(float),
        d.eval(domain).to_numpy(float) if domain else ones(d),
    )
    w = d["pw"].to_numpy() * inside
    if x is None:
        value, z = w @ y, w * y
    else:
        value, z = ratio(y, x(d) if callable(x) else d[x].to_numpy(float), w)
    assert value == pytest.approx(float(estimate), abs=half_unit(estimate))
    assert standard_error(d, z, **options) == pytest.approx(
        float(se), abs=half_unit(se)
    )


def test_domain_mean_of_the_fpc_data():
    """R survey, vignette domain.pdf: mean x over x > 4 is 6.195 (SE 0.7555129), derived in three ways there."""
    d = pd.DataFrame(
        {"stratum": [1, 1, 1, 1, 1, 2, 2, 2], "weight": [3, 3, 3, 3, 3, 4, 4, 4.0], "x": [2.8, 4.1, 6.8, 6.8, 9.2, 3.7, 6.6, 4.2]}
    )  # fmt: skip
    d["psu"] = [1, 2, 3, 4, 5, 1, 2, 3]
    value, z = ratio(
        d["x"].to_numpy(), ones(d), (d["weight"] * (d["x"] > 4)).to_numpy()
    )
    assert value == pytest.approx(6.195, abs=5e-4)
    assert standard_error(d, z, strata="stratum", psu="psu") == pytest.approx(
        0.7555129, abs=1e-7
    )


@pytest.mark.parametrize(
    ("mse", "plain", "post_stratified"),
    [(True, "26.335", "26.936"), (False, "26.329", "26.934")],
)
def test_jackknife_of_districts(mse, plain, post_stratified, sample):
    """Rows 1.6 and 1.7 (api.Rout.saved): leave one district out; after post-stratification each replicate anew.

    R gives JK1 of `dclus1` the scale (n - 1)/n times the share of districts not sampled.
    """
    d = sample("apiclus1")
    y, w, districts = d["api00"].to_numpy(float), d["pw"].to_numpy(), d["dnum"].unique()
    n = len(districts)
    scale = np.full(n, (n - 1) / n * (1 - n / 757))
    margin = {"stype": {"E": 4421, "H": 755, "M": 1018}}
    for adjust, printed in (
        (lambda v: v, plain),
        (lambda v: rake(SurveyDesign(d.assign(v=v), "v"), margin), post_stratified),
    ):
        replicates = [
            [
                np.average(
                    y, weights=adjust(w * (d["dnum"] != j).to_numpy() * n / (n - 1))
                )
            ]
            for j in districts
        ]
        centre = np.array([np.average(y, weights=adjust(w))])
        se = np.sqrt(
            replicate_covariance(np.array(replicates), centre, scale, mse)[0, 0]
        )
        assert se == pytest.approx(float(printed), abs=half_unit(printed))


LONELY = {
    "remove": 5.80577757828,
    "certainty": 5.80577757828,
    "adjust": 5.82805790165,
    "average": 6.00955072796,
}


@pytest.mark.parametrize("rule", ["fail", *LONELY])
def test_lonely_psu_of_district_413(rule, sample):
    """R survey tests/lonely.psu.Rout.save prints 5.8058, 5.8058, 5.8281, 6.0096; all digits from survey 4.1-1."""
    d = sample("apiclus1")
    value, z = ratio(d["api00"].to_numpy(float), ones(d), d["pw"].to_numpy())
    assert value == pytest.approx(644.17, abs=0.005)
    if rule == "fail":
        with pytest.raises(LonelyPSUError, match="1 strata have only one PSU"):
            standard_error(d, z, strata="dnum")
    else:
        assert standard_error(d, z, strata="dnum", lonely=rule) == pytest.approx(
            LONELY[rule], rel=1e-11
        )


def test_design_effect_of_a_mean(sample):
    """Mean api00 in dstrat: deff 1.20446 (R survey 4.1-1, svymean(deff = TRUE)): V over (1 - n/N) s^2/n with N = sum w."""
    d = sample("apistrat")
    w, y, n = d["pw"].to_numpy(), d["api00"].to_numpy(float), len(d)
    mean, z = ratio(y, ones(d), w)
    spread = w @ (y - mean) ** 2 / w.sum() * n / (n - 1)
    deff = standard_error(d, z, strata="stype", fpc="fpc") ** 2 / (
        (1 - n / w.sum()) * spread / n
    )
    assert deff == pytest.approx(1.20446, abs=5.1e-6)


def test_design_effect_with_replacement_of_a_clustered_mean(sample):
    """Mean api00 in dclus1: deff 9.06975 (R survey 4.1-1, svymean(deff = "replace")): V over s^2/n."""
    d = sample("apiclus1")
    w, y, n = d["pw"].to_numpy(), d["api00"].to_numpy(float), len(d)
    mean, z = ratio(y, ones(d), w)
    spread = w @ (y - mean) ** 2 / w.sum() * n / (n - 1)
    deff = standard_error(d, z, psu="dnum", fpc="fpc") ** 2 / (spread / n)
    assert deff == pytest.approx(9.06975, abs=5.1e-6)


# R survey 4.1-1, and what statsmodels 0.15.0 alone gives for the same model, as the field meets it.
SCHOOLWIDE = {
    "svyglm": (0.467085, 0.013414, 0.009411, 0.032699),
    "freq_weights raw": (0.090035, None, None, None),
    "freq_weights raw HC0": (0.098195, None, None, None),
    "freq_weights normalised": (0.501050, None, None, None),
    "freq_weights normalised HC0": (0.546461, None, None, None),
    "var_weights HC0": (0.465911, None, None, None),
}


@pytest.mark.parametrize("how", SCHOOLWIDE)
def test_standard_errors_of_a_logit_and_what_statsmodels_alone_makes_of_them(
    how, sample
):
    """apistrat, y = (sch.wide == "Yes") ~ ell + meals + mobility, weights only."""
    import statsmodels.api as sm

    d = sample("apistrat")
    x, w = d[["ell", "meals", "mobility"]], d["pw"].to_numpy()
    y = (d["sch.wide"] == "Yes").astype(float)
    if how == "svyglm":
        frame = x.assign(y=y, pw=w)
        cells = tl.compress(tl.SurveyDesign(frame, weight="pw"), "y", list(x))
        fit = tl.fit_logit(cells, "ell + meals + mobility")
        np.testing.assert_allclose(
            fit.coef, [0.835836525, -0.002489636, -0.003152365, 0.060896779], atol=1e-8
        )
        found = np.sqrt(np.diag(fit.vcov))
    else:
        kind, _, rest = how.partition(" ")
        given = {
            kind: w / w.mean() if "normalised" in rest or kind == "var_weights" else w
        }
        robust = "HC0" if "HC0" in rest else "nonrobust"
        model = sm.GLM(y, sm.add_constant(x), family=sm.families.Binomial(), **given)
        found = model.fit(tol=1e-12, cov_type=robust).bse.to_numpy()
    for ours, printed in zip(found, SCHOOLWIDE[how], strict=True):
        if printed is not None:
            assert ours == pytest.approx(
                printed, rel=1e-4
            )  # printed at the default stops of both programs
