"""The result of tests: F statistics with what must be known to show them.

A test reveals the cells that it compares, as an estimate does. So a `TestResult` knows
on how many people it rests, and keeps the smallest number when several are put
together; it is shown as a page may show it, or not at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from trustlib.disclosure import require_showable
from trustlib.errors import DisclosureError, EstimandError
from trustlib.escaping import html_text
from trustlib.rounding import ROUNDED, rounded
from trustlib.sources import SourceField

COLUMNS = ("term", "statistic", "df_num", "df_den", "p_value")


@dataclass(frozen=True)
class FTest:
    """One F test without its p-value, which follows from the rest.

    Attributes
    ----------
    rule : str
        How it is computed: wald, adjusted, rao_scott.
    term : str
        What is tested.
    statistic : float
        F.
    df_num, df_den : float
        Its degrees of freedom; without those of the denominator there is no p-value.

    Examples
    --------
    >>> FTest("wald", "gender", 4.0, 2, 30.0).df_num
    2
    """

    rule: str
    term: str
    statistic: float
    df_num: float
    df_den: float


@dataclass(frozen=True, eq=False, repr=False)
class TestResult:
    """Tests of hypotheses, one a row.

    Its columns are read as those of a frame: ``result["p_value"]``,
    ``result.loc["wald", "statistic"]``, ``result.iloc[0]``. `trustlib.table` shows it.

    Attributes
    ----------
    source : Source
        What the data are, for the note below a table.
    smallest : int, optional
        The smallest count of people behind the tests; as long as it is not known they
        are not shown. Exact: for the analyst, not for publication.
    notes : tuple of str
        Cautions that belong below every table of the tests.

    Examples
    --------
    >>> rows = [FTest("wald", "gender", 4.0, 2, 30.0)]
    >>> result = TestResult.of_rows(rows, {"kind": "synthetic"}, smallest=40)
    >>> result["p_value"].round(4).to_dict()
    {'wald': 0.0288}
    >>> result.loc["wald", "term"]
    'gender'
    """

    __test__: ClassVar[bool] = False  # for pytest: the name begins with Test

    _frame: pd.DataFrame
    source: SourceField = SourceField()
    smallest: int | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def of_rows(
        cls,
        rows: Sequence[FTest],
        source: Mapping[str, Any] | None = None,
        smallest: int | None = None,
        notes: Sequence[str] = (),
    ) -> TestResult:
        """Tests from their statistics; p-values are those of the F distribution.

        Parameters
        ----------
        rows : sequence of FTest
        source, smallest, notes
            As the attributes.

        Returns
        -------
        TestResult

        Notes
        -----
        R: ``pf(statistic, df_num, df_den, lower.tail = FALSE)``.
        """
        from scipy.special import fdtrc

        frame = pd.DataFrame([asdict(row) for row in rows]).set_index("rule")
        df_den = frame["df_den"].where(frame["df_den"] > 0)
        frame["p_value"] = fdtrc(frame["df_num"], df_den, frame["statistic"])
        return cls(frame, source, smallest, tuple(notes))

    @classmethod
    def of(cls, results: Sequence[TestResult]) -> TestResult:
        """Several results as one, which may be shown if each of them may.

        Parameters
        ----------
        results : sequence of TestResult
            Of one source.

        Returns
        -------
        TestResult
            All rows; the smallest count of all, not known if one is not; all notes,
            each once.

        Raises
        ------
        EstimandError
            There are none, or they are of different sources.

        Examples
        --------
        >>> one = TestResult.of_rows([FTest("wald", "age", 4.0, 2, 30.0)], smallest=40)
        >>> two = TestResult.of_rows([FTest("wald", "sex", 1.0, 1, 30.0)], smallest=7)
        >>> both = TestResult.of([one, two])
        >>> both["term"].tolist(), both.smallest
        (['age', 'sex'], 7)
        """
        if not results:
            raise EstimandError("There are no tests to put together.", "Give one.")
        first = results[0]
        if any(result.source != first.source for result in results):
            raise EstimandError(
                "These tests are of different sources.", "Show those of each apart."
            )
        frame = pd.concat([result._frame for result in results])
        counts = [r.smallest for r in results if r.smallest is not None]
        smallest = None
        if len(counts) == len(results):
            smallest = min(counts)
        notes = dict.fromkeys(note for result in results for note in result.notes)
        return cls(frame, first.source, smallest, tuple(notes))

    def by_rule(self, rule: str) -> TestResult:
        """The tests by one rule.

        Examples
        --------
        >>> rows = [FTest(rule, "age", 4.0, 2, 30.0) for rule in ("wald", "adjusted")]
        >>> len(TestResult.of_rows(rows).by_rule("wald"))
        1
        """
        return replace(self, _frame=self._frame.loc[[rule]])

    def named(self, term: str) -> TestResult:
        """The same tests, with another name for what is tested.

        Examples
        --------
        >>> result = TestResult.of_rows([FTest("wald", "age + sex", 4.0, 2, 30.0)])
        >>> result.named("all terms")["term"].tolist()
        ['all terms']
        """
        return replace(self, _frame=self._frame.assign(term=term))

    @property
    def frame(self) -> pd.DataFrame:
        """A copy of the tests; the index is the rule, the columns are `COLUMNS`."""
        return self._frame.copy()

    @property
    def loc(self) -> Any:
        """Rows and columns by name, as of a frame."""
        return self.frame.loc

    @property
    def iloc(self) -> Any:
        """Rows and columns by place, as of a frame."""
        return self.frame.iloc

    @property
    def index(self) -> pd.Index:
        """The rule of each test."""
        return self._frame.index

    @property
    def columns(self) -> pd.Index:
        """The names of the columns."""
        return self._frame.columns

    def reset_index(self) -> pd.DataFrame:
        """A frame with the rule as its first column.

        Examples
        --------
        >>> result = TestResult.of_rows([FTest("wald", "age", 4.0, 2, 30.0)])
        >>> list(result.reset_index())[:2]
        ['rule', 'term']
        """
        return self._frame.reset_index()

    def __getitem__(self, column: Any) -> Any:
        return self.frame[column]

    def __iter__(self) -> Iterator[str]:
        return iter(self._frame)

    def __len__(self) -> int:
        return len(self._frame)

    def require_showable(self, what: str = "This test") -> None:
        """Raise `DisclosureError` unless the tests rest on enough people to be shown.

        Parameters
        ----------
        what : str
            How the refusal calls them.

        Raises
        ------
        DisclosureError
            A cell that is compared has fewer than 10 people, or it is not known how
            many.

        Examples
        --------
        >>> rows = [FTest("wald", "age", 4.0, 2, 30.0)]
        >>> TestResult.of_rows(rows, smallest=40).require_showable()
        """
        if self.smallest is None:
            raise DisclosureError(
                "These tests are not shown: it is not known on how many people they "
                "rest.",
                "Show each as its verb returned it.",
            )
        smallest = np.array([self.smallest])
        term = self._frame["term"].iloc[0]
        require_showable(smallest, [term], what)

    def showable(self, what: str = "This test") -> TestResult:
        """These tests as readers may see them: past the gate, and rounded where their source asks for it.

        Examples
        --------
        >>> rows = [FTest("wald", "age", 4.123, 2, 1012.0)]
        >>> test = TestResult.of_rows(rows, {"rounding": 5}, smallest=40)
        >>> test.showable().loc["wald", ["statistic", "df_den"]].tolist()
        [4.12, 1010.0]
        """
        self.require_showable(what)
        base = self.source.rounding
        if not base:
            return self
        notes = [*self.notes, ROUNDED.format(base=base)]
        once = tuple(dict.fromkeys(notes))
        return replace(self, _frame=rounded(self._frame, base), notes=once)

    def __repr__(self) -> str:
        try:
            shown = self.showable()
        except DisclosureError as refusal:
            return str(refusal)
        return shown.frame.to_string()

    def _repr_html_(self) -> str:
        try:
            shown = self.showable()
        except DisclosureError as refusal:
            return html_text(refusal)
        return shown.frame.to_html(border=0, na_rep="")
