"""What a kind of estimate is: its name, heading, null value, and how it is compared and printed.

One row for each kind and one for each measure, in one table. Whoever tests, draws, prints,
pools or sums up an estimate asks here, so that a new measure is one row.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """One kind of estimate, or one measure among estimates of a kind.

    Attributes
    ----------
    name : str
        As in `Estimates.kind`, or in the column ``measure``.
    heading : str
        What stands above a column of them, or names the measure in a table.
    plural : str
        What several of them are called in a sentence.
    null : float, optional
        The value that means no difference; None where nothing is compared.
    log : bool
        Whether it is estimated, pooled and tested as a logarithm.
    factor : int
        By what a value is multiplied for display: 100 for shares and points.
    unit : str
        What follows a printed value.
    signed : bool
        Whether a positive value is printed with its sign.
    whole : bool
        Whether it counts, so that it is printed without decimals.
    formula : str
        In a line, with p for a level; of a measure the index 11 is both identities.

    Examples
    --------
    >>> SCALES["ratio"].null, SCALES["ratio"].log
    (1.0, True)
    >>> MEASURES["reri_rr"].heading
    'Relative excess risk (RERI), from risk ratios'
    """

    name: str
    heading: str
    plural: str = "estimates"
    null: float | None = 0.0
    log: bool = False
    factor: int = 1
    unit: str = ""
    signed: bool = False
    whole: bool = False
    formula: str = ""

    @property
    def digits(self) -> int:
        """Decimals of a printed value: none of a number of people, one of a percentage, two of all others."""
        if self.whole:
            return 0
        if self.factor == 100:
            return 1
        return 2


def _table(*rows: Scale) -> dict[str, Scale]:
    return {row.name: row for row in rows}


# What `Estimates.kind` may be.
SCALES = _table(
    Scale(
        "level",
        "Percent",
        "percentages",
        None,
        factor=100,
        unit=" percent",
        formula="p = Σ w y / Σ w over the people of the group; y is 1 for yes, w the weight",
    ),
    Scale(
        "difference",
        "Gap (points)",
        "gaps",
        factor=100,
        unit=" points",
        signed=True,
        formula="p₁ − p₀: the group less the one that it is compared with",
    ),
    Scale(
        "ratio",
        "Ratio",
        "ratios",
        1.0,
        log=True,
        formula="p₁ / p₀: the group by the one that it is compared with",
    ),
    Scale(
        "odds_ratio",
        "Odds ratio",
        "odds ratios",
        1.0,
        log=True,
        formula="exp(β): odds p / (1 − p) of one group by those of another",
    ),
    Scale(
        "coefficient",
        "Log odds",
        formula="β of the logistic model, a difference of log odds",
    ),
    Scale(
        "interaction",
        "Estimate",
        null=None,
        formula="of the levels p of the groups that are crossed",
    ),
    Scale(
        "multilevel",
        "Estimate",
        null=None,
        formula="of the variance between strata, on the log odds",
    ),
    Scale(
        "prediction",
        "Percent",
        "percentages",
        None,
        factor=100,
        unit=" percent",
        formula="the level that the model predicts",
    ),
    Scale(
        "share",
        "Percent of the panel",
        "shares",
        None,
        factor=100,
        unit=" percent",
        formula="(Y − t W₁) / (W (1 − t)): of the panel's weight W, what brings a cell to t",
    ),
    Scale(
        "total",
        "Adults",
        "numbers of adults",
        None,
        unit=" adults",
        whole=True,
        formula="Σ w y: the weights of the people with yes",
    ),
)

# What the column `measure` may be: measures of interaction, in the order of a table ...
INTERACTIONS = _table(
    Scale(
        "interaction_contrast",
        "Interaction contrast (points)",
        factor=100,
        unit=" points",
        signed=True,
        formula="p₁₁ − p₁₀ − p₀₁ + p₀₀",
    ),
    Scale(
        "reri_rr",
        "Relative excess risk (RERI), from risk ratios",
        signed=True,
        formula="RR₁₁ − RR₁₀ − RR₀₁ + 1, with RR = p / p₀₀",
    ),
    Scale(
        "ap",
        "Attributable proportion (AP), from risk ratios",
        signed=True,
        formula="(RR₁₁ − RR₁₀ − RR₀₁ + 1) / RR₁₁, with RR = p / p₀₀",
    ),
    Scale(
        "synergy",
        "Synergy index (S), from risk ratios",
        null=1.0,
        log=True,
        formula="(RR₁₁ − 1) / (RR₁₀ + RR₀₁ − 2), with RR = p / p₀₀",
    ),
    Scale(
        "ratio_of_rr",
        "Ratio of risk ratios",
        null=1.0,
        log=True,
        formula="RR₁₁ / (RR₁₀ RR₀₁), with RR = p / p₀₀",
    ),
    Scale(
        "reri_or",
        "RERI from odds ratios",
        signed=True,
        formula="OR₁₁ − OR₁₀ − OR₀₁ + 1, of odds ratios",
    ),
    Scale(
        "ap_or",
        "AP from odds ratios",
        signed=True,
        formula="(OR₁₁ − OR₁₀ − OR₀₁ + 1) / OR₁₁, of odds ratios",
    ),
    Scale(
        "synergy_or",
        "S from odds ratios",
        null=1.0,
        log=True,
        formula="(OR₁₁ − 1) / (OR₁₀ + OR₀₁ − 2), of odds ratios",
    ),
    Scale(
        "ratio_of_or",
        "Ratio of odds ratios",
        null=1.0,
        log=True,
        formula="OR₁₁ / (OR₁₀ OR₀₁), of odds ratios",
    ),
)
# ... and of the variance between strata.
VARIANCES = _table(
    Scale(
        "vpc",
        "Variance partition coefficient (VPC)",
        null=None,
        formula="σ² / (σ² + π² / 3), with σ² the variance between strata",
    ),
    Scale(
        "mor",
        "Median odds ratio (MOR)",
        null=None,
        formula="exp(0.6745 √(2 σ²)), with σ² the variance between strata",
    ),
    Scale(
        "pcv",
        "Proportional change in variance (PCV)",
        null=None,
        formula="1 − σ² with the identities / σ² without",
    ),
)
MEASURES = INTERACTIONS | VARIANCES

# The kinds that `comparisons` makes, and those that countries and waves are combined in.
COMPARED = ("difference", "ratio", "odds_ratio")
COMBINED = ("difference", "coefficient", "ratio", "odds_ratio")


def scale_of(kind: str, measure: object = None) -> Scale:
    """The scale of one estimate: that of its measure where it has one, else that of its kind.

    Parameters
    ----------
    kind : str
        `Estimates.kind`.
    measure : str, optional
        The value of the column ``measure``.

    Returns
    -------
    Scale

    Examples
    --------
    >>> scale_of("interaction", "synergy").null
    1.0
    >>> scale_of("difference").unit
    ' points'
    """
    if measure in MEASURES:
        return MEASURES[str(measure)]
    return SCALES[kind]
