"""Do 95 % intervals cover the truth at sizes like ours? Levels, gaps, interaction, adjusted predictions, pooled gaps.

Run ``OPENBLAS_NUM_THREADS=1 nice -n 10 python benchmarks/interval_coverage.py`` from the top of the repository (twenty
minutes of CPU). It writes data/simulations/interval_coverage.csv and pooling_coverage.csv, whose columns are told
in data/simulations/README.md. The settings below are all there is to know about the simulated people.

Everybody has two binary identities, drawn independently. Three in ten have the common one; the share with the rare one
is such that about `both` people have the two. Fifty samples are one frame, each with strata of its own, as fifty
surveys would be; the degrees of freedom are put back to those of one sample. So the verbs of the library do the work of
fifty surveys in one call, and give each the numbers that it would have alone.
"""

from __future__ import annotations

import os
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import product, repeat
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit, ndtri

import trustlib as tl
from trustlib.interaction import measures
from trustlib.intervals import INTERVALS, mover_interval
from trustlib.scales import INTERACTIONS

FOLDER = Path(__file__).parents[1] / "data" / "simulations"
REPLICATIONS, POOLED, TOGETHER, GATE, ENOUGH_SHOWN = 1_000, 4_000, 50, 10, 100
BY, SHARE_OF_COMMON, NO_YES = ["rare", "common"], 0.3, ["no", "yes"]
RISKS = {
    "common": (0.47, 0.55, 0.70, 0.82),
    "rare": (0.05, 0.08, 0.10, 0.20),
}  # neither, common, rare, both
SPREAD = np.sqrt(
    np.log(2)
)  # standard deviation of log weights: Kish's design effect is exp(SPREAD^2) = 2
SHIFT = 0.25  # risks of the strata lie within p -/+ SHIFT p (1 - p)
MOVER_FROM = ("logit", "beta", "wilson")
WITHIN_PSU = 0.02  # intra-cluster correlation of the latent answer
AGES, AGE_EFFECT = ("18-34", "35-49", "50-64", "65+"), np.array([0.0, 0.2, 0.4, -0.3])
AGE_SHARE = np.array(
    [[0.30, 0.27, 0.24, 0.19], [0.18, 0.22, 0.27, 0.33]]
)  # without and with the common identity
LOG_ODDS = np.array(
    [-0.25, 0.1, 0.75, 1.4]
)  # of the risk at the youngest age, in the order of RISKS
COUNTRIES, BETWEEN, PRECISION = (5, 10), (0.0, 0.02, 0.05), (0.012, 0.04)
GAP, CORNER, CONFIDENCE = 0.08, ["sample", *BY], ("hksj", "confidence")


@dataclass(frozen=True)
class Scenario:
    """A way to draw samples: `correlation` is that of the log weight with the latent answer."""

    outcome: str
    correlation: float
    n: int
    both: int
    strata: int = 40
    psus: int = 0
    model: bool = False

    @property
    def df(self) -> float:
        return float((self.psus or self.n) - self.strata)

    @property
    def facts(self) -> dict:
        units = f"{self.psus} PSUs" if self.psus else "people"
        weights = "informative" if self.correlation else "plain"
        design = f"{self.strata} strata of {units}"
        levels = "model with age" if self.model else "as answered"
        facts = {
            "outcome": self.outcome,
            "weights": weights,
            "design": design,
            "levels": levels,
        }
        return facts | {"n": self.n, "cell": self.both}


SIZES, INFORMATIVE = (10, 25, 50, 100, 200), 0.2
SCENARIOS = [
    *(Scenario("common", 0.0, 2_000, both) for both in SIZES),
    *(Scenario("common", INFORMATIVE, 2_000, both) for both in SIZES),
    *(Scenario("common", INFORMATIVE, 12_000, both) for both in (25, 100, 200)),
    *(Scenario("rare", INFORMATIVE, 2_000, both) for both in SIZES),
    *(Scenario("rare", INFORMATIVE, 12_000, both) for both in (100, 200)),
    *(
        Scenario("common", INFORMATIVE, 6_000, both, strata=4, psus=200)
        for both in (25, 50, 100, 200)
    ),
    *(Scenario("common", INFORMATIVE, 2_000, both, model=True) for both in (50, 200)),
    *(Scenario(outcome, INFORMATIVE, 12_000, 400) for outcome in RISKS),
    Scenario("common", INFORMATIVE, 12_000, 800),
]


def draw(rng: np.random.Generator, s: Scenario, samples: int) -> pd.DataFrame:
    """Samples of a population in which the latent answer z is normal and y is z < a threshold that gives the risk.

    Chances of selection are inverse to the weights, so that log weights, normal with mean 0 in the population, have
    mean -SPREAD^2 in the sample. Weighted shares are then those of the population, whatever the correlation.
    """
    size = s.n * samples
    sample, person = (
        np.repeat(np.arange(samples), s.n),
        np.tile(np.arange(s.n), samples),
    )
    stratum = person % s.strata
    rare, common = (
        rng.random(size) < s.both / s.n / SHARE_OF_COMMON,
        rng.random(size) < SHARE_OF_COMMON,
    )
    age = (
        rng.random(size)[:, None] > AGE_SHARE.cumsum(axis=1)[common.astype(int), :-1]
    ).sum(axis=1)
    if s.model:
        risk = expit(LOG_ODDS[2 * rare + common] + AGE_EFFECT[age])
    else:
        risk = np.array(RISKS[s.outcome])[2 * rare + common]
        risk = risk + SHIFT * risk * (1 - risk) * (2 * (stratum + 0.5) / s.strata - 1)
    log_weight, own = rng.standard_normal(size) - SPREAD, rng.standard_normal(size)
    clustered = WITHIN_PSU if s.psus else 0.0
    latent = (
        s.correlation * log_weight + np.sqrt(1 - s.correlation**2 - clustered) * own
    )
    frame = pd.DataFrame(
        {
            "sample": sample,
            "stratum": sample * s.strata + stratum,
            "w": np.exp(SPREAD * log_weight),
        }
    )
    if s.psus:
        frame["psu"] = sample * s.psus + person % s.psus
        latent += (
            np.sqrt(clustered) * rng.standard_normal(samples * s.psus)[frame["psu"]]
        )
    for name, values in (("rare", rare), ("common", common)):
        frame[name] = pd.Categorical.from_codes(values.astype(int), NO_YES)
    frame["age"] = pd.Categorical.from_codes(age, AGES)
    return frame.assign(y=(latent < ndtri(risk)).astype(float))


def risks(s: Scenario) -> np.ndarray:
    """The true levels, of neither, common, rare, both: for the model, standardised to the ages of everyone."""
    if not s.model:
        return np.array(RISKS[s.outcome])
    everyone = np.array([1 - SHARE_OF_COMMON, SHARE_OF_COMMON]) @ AGE_SHARE
    return expit(LOG_ODDS[:, None] + AGE_EFFECT) @ everyone


def truths(p: np.ndarray) -> dict[str, float]:
    odds = p / (1 - p)
    own = {
        "level": p[3],
        "gap": p[3] - p[0],
        "ratio": p[3] / p[0],
        "odds_ratio": odds[3] / odds[0],
    }
    found = {name: value for name, (value, _) in measures(p[::-1]).items()}
    return own | {k: np.exp(v) if INTERACTIONS[k].log else v for k, v in found.items()}


def levels(s: Scenario, frame: pd.DataFrame) -> list[tl.Estimates]:
    """The levels of the four groups in each sample, as answered or predicted; as answered also with people added."""
    design = tl.SurveyDesign(
        frame, weight="w", strata="stratum", psu="psu" if s.psus else None
    )
    if s.model:
        return [
            tl.predictions(
                tl.fit_logit(
                    tl.compress(design, "y", [*BY, "age"]), "rare * common + age"
                ),
                BY,
            )
        ]
    cells = tl.compress(design, "y", CORNER)
    assert len(cells) == 4 * frame["sample"].nunique(), "some group is empty"
    return [
        tl.cell_means(replace(cells, df=s.df), plus_four=added)
        for added in (False, True)
    ]


def intervals(s: Scenario, frame: pd.DataFrame) -> pd.DataFrame:
    """Every interval of every sample: quantity, method, low, high, and the smallest count that the gate looks at."""
    (plain, *added), found = levels(s, frame), []
    corners = np.arange(len(plain)).reshape(
        -1, 4
    )  # rows of neither, common, rare, both
    both = np.isin(np.arange(len(plain)), corners[:, 3])

    def note(quantity: str, method: str, ends: object, smallest: np.ndarray) -> None:
        low, high = np.asarray(ends, float)
        found.extend(zip(repeat(quantity), repeat(method), low, high, smallest))

    p, se, n = (plain.frame[c].to_numpy() for c in ("estimate", "std_error", "n"))
    ends = {
        kind: np.array(of(p, se, s.df, n)) for kind, of in INTERVALS.items()
    }  # as cell_means(interval=kind)
    for kind, limits in ends.items():
        note("level", kind, limits[:, both], plain.smallest[both])

    def note_rows(
        estimates: tl.Estimates, rows: np.ndarray, quantity: str, method: str
    ) -> None:
        note(
            quantity,
            method,
            estimates.frame[["conf_low", "conf_high"]].to_numpy()[rows].T,
            estimates.smallest[rows],
        )

    for given, before in ((plain, ""), *((one, "plus_four_") for one in added)):
        if before:
            note_rows(given, both, "level", "plus_four")
        for name, scale in (
            ("gap", "difference"),
            ("ratio", "ratio"),
            ("odds_ratio", "odds_ratio"),
        ):
            for kind in ("wald", "mover") if before else ("wald",):
                gaps = tl.comparisons(given, dict.fromkeys(BY, "no"), scale, kind)
                at = (gaps.frame[BY] == "yes").all(axis=1).to_numpy()
                note_rows(
                    gaps,
                    at,
                    name,
                    before + ("log" if kind == "wald" and name != "gap" else kind),
                )
        inter = tl.interactions(given, *BY)
        for (measure, method), at in inter.frame.groupby(
            ["measure", "method"], sort=False
        ).indices.items():
            if before or (measure, method) != (
                "interaction_contrast",
                "mover",
            ):  # is below, as mover_logit
                note_rows(inter, at, measure, before + method)
    for name, use, sign in (
        ("gap", [3, 0], [1, -1]),
        ("interaction_contrast", [3, 2, 1, 0], [1, -1, -1, 1]),
    ):
        rows = corners[:, use]
        known = [plain.vcov[np.ix_(at, at)] for at in rows]
        for kind in MOVER_FROM:
            parts = [
                (p[at], *ends[kind][:, at], r)
                for at, r in zip(rows, known, strict=True)
            ]
            limits = np.array(
                [mover_interval(np.array(sign), *part) for part in parts]
            ).T
            note(name, f"mover_{kind}", limits, plain.smallest[rows].min(axis=1))

    return pd.DataFrame(
        found, columns=["quantity", "method", "low", "high", "smallest"]
    )


def batch(job: tuple[int, int]) -> pd.DataFrame:
    at, number = job
    s = SCENARIOS[at]
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    samples = draw(np.random.default_rng([at, number]), s, TOGETHER)
    parts = [one for _, one in samples.groupby("sample")] if s.model else [samples]
    found = []
    for part in parts:
        try:
            found.append(intervals(s, part))
        except (
            tl.SeparationError
        ):  # no interval: counted as not covered, and as undefined
            continue
    deff = np.mean([tl.kish(one["w"])["deff"] for _, one in samples.groupby("sample")])
    return pd.concat(found, ignore_index=True).assign(at=at, deff=deff)


def summary(found: pd.DataFrame, by: list[str], replications: int) -> pd.DataFrame:
    """Shares of all replications; what is undefined did not cover."""
    truth, low, high = found["truth"], found["low"], found["high"]
    facts = found[by].copy()
    facts["truth"] = truth
    facts["covered"] = (low <= truth) & (truth <= high)
    facts["too_low"], facts["too_high"] = high < truth, low > truth
    facts["defined"] = low.notna() & high.notna()
    facts["width"] = (high - low).where(np.isfinite(high - low))
    if "smallest" in found:
        facts["shown"] = found["smallest"] >= GATE
        facts["covered_shown"] = facts["covered"] & facts["shown"]
    grouped = facts.groupby(by, sort=False)
    table = (
        grouped.sum(numeric_only=False)[
            [c for c in facts if c not in (*by, "truth", "width")]
        ]
        / replications
    )
    table.insert(0, "truth", grouped["truth"].first())
    table.insert(1, "nominal", tl.intervals.LEVEL)
    table.insert(2, "replications", replications)
    table.insert(
        4,
        "covered_se",
        np.sqrt(table["covered"] * (1 - table["covered"]) / replications),
    )
    table.insert(5, "mean_width", grouped["width"].mean())
    table["undefined"] = 1 - table.pop("defined")
    if "shown" in table:
        enough = table["shown"] * replications >= ENOUGH_SHOWN
        table["covered_shown"] = (table.pop("covered_shown") / table["shown"]).where(
            enough
        )
    return table.reset_index()


# -- pooled gaps of several countries ---------------------------------------------------------------------------------


def countries(job: tuple[int, float]) -> pd.DataFrame:
    """Pooled means and predictions of gaps that scatter around GAP, all replications of one setting."""
    k, tau = job
    rng = np.random.default_rng([k, round(1_000 * tau)])
    se, found = np.linspace(*PRECISION, k), []
    for _ in range(POOLED // TOGETHER):
        true = GAP + tau * rng.standard_normal((TOGETHER, k))
        y, new = (
            true + se * rng.standard_normal((TOGETHER, k)),
            GAP + tau * rng.standard_normal(TOGETHER),
        )
        frame = pd.DataFrame(
            list(product(range(TOGETHER), range(k))), columns=["sample", "country"]
        )
        frame = frame.assign(
            estimate=y.ravel(), std_error=np.tile(se, TOGETHER), n=1_000
        )
        vcov, smallest = np.diag(frame["std_error"] ** 2), np.full(len(frame), 100)
        gaps = tl.Estimates(
            frame,
            vcov,
            "difference",
            ("sample", "country"),
            "simulated",
            "y",
            smallest,
            np.inf,
        )
        targets = {"mean": (["conf_low", "conf_high"], np.full(TOGETHER, GAP))}
        targets["prediction"] = (["prediction_low", "prediction_high"], new)
        for interval, prediction in (
            ("hksj", "plug_in"),
            ("hksj_adhoc", "plug_in"),
            ("wald", "plug_in"),
            CONFIDENCE,
        ):
            pooled = tl.pool(gaps, interval=interval, prediction=prediction).frame
            for target, (columns, truth) in targets.items():
                method = interval if prediction == "plug_in" else prediction
                ends = dict(
                    zip(("low", "high"), pooled[columns].to_numpy().T, strict=True)
                )
                if (target, method) != ("mean", "confidence"):  # that of HKSJ
                    found.append(
                        pd.DataFrame(
                            {
                                "quantity": target,
                                "method": method,
                                "truth": truth,
                                **ends,
                            }
                        )
                    )
    return pd.concat(found).assign(countries=k, tau=tau)


def main(only: str = "") -> None:
    jobs = [
        (at, number)
        for at in range(len(SCENARIOS))
        for number in range(REPLICATIONS // TOGETHER)
    ]
    FOLDER.mkdir(exist_ok=True)
    with ProcessPoolExecutor(2, initializer=os.nice, initargs=(10,)) as pool:
        if only != "people":
            found = pd.concat(pool.map(countries, product(COUNTRIES, BETWEEN)))
            table = summary(found, ["countries", "tau", "quantity", "method"], POOLED)
            table["truth"] = table["truth"].where(
                table["quantity"] == "mean"
            )  # a new country has a new truth
            write(table, "pooling_coverage.csv")
        if only == "countries":
            return
        found = pd.concat(pool.map(batch, jobs), ignore_index=True)
    write(
        pd.concat(map(table_of, found["at"].unique(), repeat(found))),
        "interval_coverage.csv",
    )


def table_of(at: int, found: pd.DataFrame) -> pd.DataFrame:
    """What came of one scenario."""
    s, mine = SCENARIOS[at], found[found["at"] == at]
    facts = s.facts | {"kish_deff": mine["deff"].mean()}
    mine = mine.assign(truth=mine["quantity"].map(truths(risks(s))), **facts)
    return summary(mine, [*facts, "quantity", "method"], REPLICATIONS)


def write(table: pd.DataFrame, name: str) -> None:
    table.round(4).to_csv(FOLDER / name, index=False, lineterminator="\n")
    print(table.round(3).to_string(index=False))


if __name__ == "__main__":
    main(*sys.argv[1:])
