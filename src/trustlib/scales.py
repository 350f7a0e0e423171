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
    Scale("level", "Percent", "percentages", None, factor=100, unit=" percent"),
    Scale(
        "difference", "Gap (points)", "gaps", factor=100, unit=" points", signed=True
    ),
    Scale("ratio", "Ratio", "ratios", 1.0, log=True),
    Scale("odds_ratio", "Odds ratio", "odds ratios", 1.0, log=True),
    Scale("coefficient", "Log odds"),
    Scale("interaction", "Estimate", null=None),
    Scale("multilevel", "Estimate", null=None),
    Scale("prediction", "Percent", "percentages", None, factor=100, unit=" percent"),
    Scale("share", "Percent of the panel", "shares", None, factor=100, unit=" percent"),
    Scale("total", "Adults", "numbers of adults", None, unit=" adults", whole=True),
)

# What the column `measure` may be: measures of interaction, in the order of a table ...
INTERACTIONS = _table(
    Scale(
        "interaction_contrast",
        "Interaction contrast (points)",
        factor=100,
        unit=" points",
        signed=True,
    ),
    Scale("reri_rr", "Relative excess risk (RERI), from risk ratios", signed=True),
    Scale("ap", "Attributable proportion (AP), from risk ratios", signed=True),
    Scale("synergy", "Synergy index (S), from risk ratios", null=1.0, log=True),
    Scale("ratio_of_rr", "Ratio of risk ratios", null=1.0, log=True),
    Scale("reri_or", "RERI from odds ratios", signed=True),
    Scale("ap_or", "AP from odds ratios", signed=True),
    Scale("synergy_or", "S from odds ratios", null=1.0, log=True),
    Scale("ratio_of_or", "Ratio of odds ratios", null=1.0, log=True),
)
# ... and of the variance between strata.
VARIANCES = _table(
    Scale("vpc", "Variance partition coefficient (VPC)", null=None),
    Scale("mor", "Median odds ratio (MOR)", null=None),
    Scale("pcv", "Proportional change in variance (PCV)", null=None),
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
