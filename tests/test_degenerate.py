"""Every verb on designs with too little in them: a number, a missing number, or a refusal in words.

No exception of another library and no warning of numpy, pandas or scipy reaches a user.
"""

import warnings
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest

import trustlib as tl
from trustlib.intervals import INTERVALS
from trustlib.scales import COMPARED

OURS = (tl.FewPSUWarning, tl.MissingRowsWarning, tl.ProtectiveExposureWarning)


def people(size=240, **fixed):
    i = np.arange(size)
    frame = pd.DataFrame({"w": 1.0 + i % 4})
    frame["g"] = np.array(["man", "woman"])[i % 2]
    frame["e"] = np.array(["majority", "minority"])[i // 2 % 2]
    frame["c"] = np.array(["A", "B", "C"])[i // 4 % 3]
    frame["age"] = 20.0 + 10 * (i % 5)
    frame["y"] = ((i * 7 + i // 11) % 3 == 0).astype(float)
    frame["psu"] = i // 12
    frame["stratum"] = i // 48
    return frame.assign(**fixed)


def constant_in(frame, answer):
    """Women all answer alike."""
    y = frame["y"].where(frame["g"] != "woman", answer)
    return frame.assign(y=y)


def replicated(frame, zero=None):
    names = []
    for r in range(6):
        factor = np.where(np.arange(len(frame)) % 6 == r, 0.0, 1.2)
        if zero is not None and r == 0:
            factor = np.where(frame["g"] == zero, 0.0, factor)
        frame = frame.assign(**{f"r{r}": frame["w"] * factor})
        names.append(f"r{r}")
    options = {"replicate_weights": names, "replicate_method": "JK1"}
    return frame, options


CLUSTERED = {"psu": "psu", "strata": "stratum", "nest": True}
DESIGNS = {
    "as usual": (people(), {}),
    "one person": (people(1), {}),
    "two people": (people(2), {}),
    "five people": (people(5), {}),
    "one cell": (people(g="man", e="majority", c="A", age=20.0), {}),
    "nobody has the outcome": (people(y=0.0), {}),
    "everybody has it": (people(y=1.0), CLUSTERED),
    "women all have it": (constant_in(people(), 1.0), CLUSTERED),
    "no woman has it": (constant_in(people(), 0.0), {}),
    "equal weights": (people(w=1.0), CLUSTERED),
    "tiny weights": (people(w=1e-90), {}),
    "huge weights": (people(w=1e90), CLUSTERED),
    "weights far apart": (people().assign(w=lambda d: np.where(d.index % 2, 1e-90, 1e90)), {}),
    "one PSU": (people(psu=1), {"psu": "psu"}),
    "one PSU that is certain": (people(psu=1), {"psu": "psu", "lonely_psu": "certainty"}),
    "two PSUs": (people().assign(psu=lambda d: d.index % 2), {"psu": "psu"}),
    "strata of one, certain": (people().assign(s=lambda d: d.index), {"strata": "s", "lonely_psu": "certainty"}),
    "strata of one, averaged": (people().assign(s=lambda d: d.index), {"strata": "s", "lonely_psu": "average"}),
    "strata of one, adjusted": (people().assign(s=lambda d: d.index), {"strata": "s", "lonely_psu": "adjust"}),
    "some strata of one": (people().assign(s=lambda d: d.index // 2 * (d.index > 9)), {"strata": "s", "lonely_psu": "average"}),
    "everyone was asked": (people(N=240), {"fpc": "N"}),
    "replicates": replicated(people()),
    "replicates without women": replicated(people(), "woman"),
    "replicates of nobody's yes": replicated(people(y=0.0)),
    "all are in one group": (people(g="woman"), {}),
    "raked": (people(), {"raked": ["g", "e"]}),
}  # fmt: skip


def verbs(cells):
    """Every verb, as far as it can be called, by name."""
    yield "levels", lambda: tl.cell_means(cells)
    for interval in INTERVALS:
        yield f"levels, {interval}", lambda i=interval: tl.cell_means(cells, ["g"], i)
    yield "everyone", lambda: tl.cell_means(cells, [])
    yield "plus four", lambda: tl.cell_means(cells, ["g", "e"], plus_four=True)
    yield "one way", lambda: tl.one_way(cells)
    yield "design effects", lambda: tl.design_effects(cells, ["g"])
    yield "reliability", lambda: tl.reliability(tl.cell_means(cells, ["g"]))
    yield "rao_scott", lambda: tl.rao_scott(cells, "g")
    yield "rao_scott of axes", lambda: tl.rao_scott(cells, "g", "e")
    for scale, interval in product(COMPARED, ("wald", "mover")):
        yield (
            f"{scale}, {interval}",
            lambda s=scale, i=interval: tl.comparisons(
                tl.cell_means(cells, ["g", "e"]), scale=s, interval=i
            ),
        )
    yield "gaps by axis", lambda: tl.comparisons(tl.one_way(cells))
    yield (
        "interactions",
        lambda: tl.interactions(tl.cell_means(cells, ["g", "e"]), "g", "e"),
    )
    yield "holm", lambda: tl.adjust(tl.comparisons(tl.cell_means(cells)))
    yield (
        "joint test",
        lambda: tl.joint_test(tl.comparisons(tl.cell_means(cells, ["g"]))),
    )
    yield (
        "detectable",
        lambda: tl.detectable(tl.comparisons(tl.cell_means(cells, ["g"]))),
    )
    yield "model", lambda: tl.coefficients(tl.fit_logit(cells, "g + age"))
    yield (
        "odds ratios",
        lambda: tl.coefficients(tl.fit_logit(cells, "g * e"), "odds_ratio"),
    )
    yield "empty model", lambda: tl.coefficients(tl.fit_logit(cells, "1"))
    yield "test of a term", lambda: tl.fit_logit(cells, "g + e").term_test("e")
    for covariates in ("fixed", "sampled"):
        yield (
            f"margins, {covariates}",
            lambda c=covariates: tl.predictions(
                tl.fit_logit(cells, "g * e"), ["g"], covariates=c
            ),
        )
    yield (
        "margins at",
        lambda: tl.predictions(tl.fit_logit(cells, "g + age"), at={"age": [20, 60]}),
    )
    for weights in (False, True):
        yield (
            f"maihda, {weights}",
            lambda w=weights: tl.maihda(cells, ["g", "e", "c"], weights=w).strata,
        )
    yield (
        "maihda, ml",
        lambda: tl.maihda(cells, ["g", "c"], ["age"], method="ml").excess,
    )
    yield "maihda interval", lambda: tl.maihda(cells, ["g", "e", "c"]).interval("vpc")
    for method, interval in product(("reml", "dl", "pm", "fixed"), ("hksj", "wald")):
        yield (
            f"pool, {method}, {interval}",
            lambda m=method, i=interval: tl.pool(
                tl.comparisons(tl.cell_means(cells, ["c", "g"]), {"g": "man"}),
                "c",
                method=m,
                interval=i,
                prediction="confidence",
            ),
        )
    yield (
        "average",
        lambda: tl.average(
            tl.comparisons(
                tl.cell_means(cells, ["c", "g"]), {"g": "man"}, scale="ratio"
            ),
            "c",
        ),
    )
    yield (
        "change",
        lambda: tl.change(
            tl.cell_means(cells, ["c", "g"]).where("c != 'B'"), "c", None
        ),
    )
    yield (
        "stack",
        lambda: tl.change(
            tl.stack(
                {"1": tl.cell_means(cells, ["g"]), "2": tl.cell_means(cells, ["g"])},
                "wave",
            ),
            within=None,
        ),
    )
    yield "settled", lambda: tl.cell_means(cells.settled(), ["g"])
    yield "merged", lambda: tl.cell_means(tl.Cells.merge([cells, halved(cells)]), ["g"])
    yield (
        "merged model",
        lambda: tl.coefficients(
            tl.fit_logit(tl.Cells.merge([cells, halved(cells)]), "g * e")
        ),
    )
    yield "sealed", lambda: tl.cell_means(cells.seal(), ["g"])


def halved(cells):
    """Another office: the same groups with other sums, and its own variance."""
    frame = cells.frame.assign(n=cells.frame["n"] + 1)
    return replace(cells.settled(), frame=frame)


SETS = [
    pytest.param(name, frame, options, id=name)
    for name, (frame, options) in DESIGNS.items()
]


@pytest.mark.parametrize(("name", "frame", "options"), SETS)
def test_every_verb_ends_in_numbers_or_words(name, frame, options):
    from trustlib.tables import readable

    faults = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for kind in OURS:
            warnings.simplefilter("ignore", kind)
        try:
            made = tl.SurveyDesign(frame, "w", **options)
            cells = tl.compress(made, "y", ["g", "e", "c", "age"])
        except tl.TrustlibError:
            return
        for verb, call in verbs(cells):
            try:
                found = call()
                if isinstance(found, tl.Estimates):
                    open_to_all = replace(
                        found, smallest=np.full(len(found), 100), parts=()
                    )
                    shown = readable(open_to_all).astype(str)
                    assert not shown.isin(["nan", "inf", "-inf", "−inf", "+nan"]).any(
                        axis=None
                    )
                    tl.table(open_to_all)
            except tl.TrustlibError:
                continue  # a refusal in words
            except Exception as error:  # what a user must not see
                faults.append(f"{verb}: {type(error).__name__}: {str(error)[:90]}")
    assert not faults, "\n".join([name, *faults])


def test_two_thousand_cells():
    frame = people(6000)
    frame["a"] = [f"level {i % 50:02d}" for i in range(6000)]
    frame["b"] = [f"level {i // 50 % 40:02d}" for i in range(6000)]
    cells = tl.compress(tl.SurveyDesign(frame, "w"), "y", ["a", "b"])
    assert len(cells) == 2000
    levels = tl.cell_means(cells)
    assert len(levels) == 2000
    assert len(tl.comparisons(levels, {"a": "level 00"})) == 1960
    assert len(tl.Cells.merge([cells])) == 2000


def test_too_many_are_refused():
    frame = people(6000)
    frame["a"] = [f"level {i % 51:02d}" for i in range(6000)]
    frame["b"] = [f"level {i // 51 % 41:02d}" for i in range(6000)]
    cells = tl.compress(tl.SurveyDesign(frame, "w"), "y", ["a", "b"])
    with pytest.raises(tl.EstimandError, match="at most 2,000"):
        tl.cell_means(cells)
    with pytest.raises(tl.DesignError, match="at most 2,000"):
        cells.settled()
