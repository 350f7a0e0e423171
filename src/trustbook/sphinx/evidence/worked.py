"""How a number of ``evidence.yml`` is worked out: its formula, and what went into it.

`WORDS` writes down each formula of `trustbook.sphinx.evidence.numbers.FORMULAS`, in the
names that its function gives to what it is computed from. The tests compute what is
written and hold it to the function.
"""

from __future__ import annotations

from inspect import signature

from trustbook.sphinx.evidence.arithmetic import DEFF, Z
from trustbook.sphinx.evidence.numbers import (
    FORMULAS,
    Evidence,
    operand,
    quantity,
)

MINUS = "\N{MINUS SIGN}"
WORDS = {
    "difference": "one - two",
    "quotient": "top / bottom",
    "product": "one · two",
    "both if independent": "one · two / everybody",
    "neither if independent": "everybody - one - two + one · two / everybody",
    "yes-sayers that undo": "people · (level - target) / (everybody · (1 - target))",
    "yes-sayers that undo, the others independent": "the smaller s with "
    "s² - (1 - k + k · (m + d)) · s + k · m · d = 0, where "
    "k = (level - target) / (1 - target), m = one / everybody, d = two / everybody",
    "level of the rest": "(people · level - part · of_part) / (people - part)",
    "part that says yes": "people · level / everybody",
    "half-width at one half": f"{Z:.2f} · √({DEFF:g} · 0.25 / people)",
    "smallest significant gap": f"{Z:.2f} · √(0.25 / one + 0.25 / two)",
}


def worked(evidence: Evidence, key: str) -> str:
    """The formula of a number with what went into it; nothing where words say it all.

    Parameters
    ----------
    evidence : Evidence
    key : str
        Of a number.
    """
    number = evidence.plan.numbers[key]
    if number.formula not in WORDS:
        return ""
    formula = WORDS[number.formula].replace("-", MINUS)
    names = signature(FORMULAS[number.formula]).parameters
    given = "; ".join(
        f"{name} = {_given(evidence, of)}"
        for name, of in zip(names, number.of, strict=True)
    )
    return f"{formula}, with {given}".replace("of_part", "of part")


def _given(evidence: Evidence, name: str) -> str:
    """What goes into a formula: its value, and where it comes from."""
    found = operand(evidence, name)
    source = found.label
    if name in evidence.plan.numbers:
        source = quantity(evidence, name).how
    value = f"{found.value:,.6g}".replace("-", MINUS)
    return f"{value} ({source})"
