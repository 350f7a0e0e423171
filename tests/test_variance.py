"""Covariance formulas on arrays, against the oracle's loops and against numbers worked by hand."""

import tracemalloc

import numpy as np
import pytest

import oracle
from trustlib import stratified
from trustlib.errors import LonelyPSUError
from trustlib.stratified import LONELY_PSU
from trustlib.variance import (
    ReplicateScatter,
    SealedScatter,
    TaylorScatter,
    rank_of_columns,
    replicate_covariance,
    stratified_covariance,
    sum_by,
    without_margins,
)

RNG = np.random.default_rng(20221)


def test_sum_by():
    rows = np.arange(8.0).reshape(4, 2)
    found = sum_by(rows, np.array([2, 0, 2, 0]), 4)
    np.testing.assert_array_equal(found, [[8, 10], [0, 0], [4, 6], [0, 0]])
    np.testing.assert_array_equal(
        sum_by(np.zeros((0, 2)), np.array([], dtype=int), 3), np.zeros((3, 2))
    )


def test_two_strata_by_hand():
    """PSU totals 1, 3 and 2, 2, 5: variance 2 (1 + 1) + 3/2 (1 + 1 + 4) = 13."""
    rows = np.array([[1.0], [3], [2], [2], [5]])
    stratum = np.array([0, 0, 1, 1, 1])
    assert stratified_covariance(rows, stratum, np.array([2.0, 3]), np.ones(2))[
        0, 0
    ] == pytest.approx(13)
    half_sampled = stratified_covariance(
        rows, stratum, np.array([2.0, 3]), np.array([0.5, 1])
    )
    assert half_sampled[0, 0] == pytest.approx(2 + 9)


def test_psu_outside_the_domain_counts_as_zero():
    """One PSU of two has people: the other is a zero, not absent. (3, 0): 2 (1.5^2 + 1.5^2) = 9."""
    found = stratified_covariance(
        np.array([[3.0]]), np.array([0]), np.array([2.0]), np.ones(1)
    )
    assert found[0, 0] == pytest.approx(9)


def test_census_stratum_has_no_variance():
    rows = np.array([[1.0], [5]])
    assert (
        stratified_covariance(rows, np.array([0, 0]), np.array([2.0]), np.zeros(1))[
            0, 0
        ]
        == 0
    )
    one = stratified_covariance(
        rows[:1], np.array([0]), np.array([1.0]), np.zeros(1), "fail"
    )
    assert one[0, 0] == 0  # everyone was asked: not lonely


def random_design(rng, people=60):
    stratum = rng.integers(0, 5, people)
    psu = rng.integers(0, 4, people)
    psu[stratum == 4] = 0  # one PSU
    return stratum, psu


@pytest.mark.parametrize("rule", oracle.LONELY)
@pytest.mark.parametrize("with_fpc", [False, True])
def test_lonely_rules_and_fpc_as_the_oracle(rule, with_fpc):
    stratum, psu = random_design(RNG)
    scores = RNG.normal(size=(len(stratum), 3))
    used = RNG.random(len(stratum)) < 0.8
    population = {h: 5.0 + 3 * h for h in range(5)} if with_fpc else None
    n_psu = np.array([len(set(psu[stratum == h])) for h in range(5)], dtype=float)
    remaining = (
        np.ones(5)
        if population is None
        else 1 - n_psu / np.array([population[h] for h in range(5)])
    )
    code = stratum * 10 + psu
    present = np.unique(code[used])
    rows = np.array([scores[used & (code == c)].sum(axis=0) for c in present])
    arguments = (rows, present // 10, n_psu, remaining)
    if rule == "fail":
        with pytest.raises(LonelyPSUError, match="only one PSU"):
            stratified_covariance(*arguments)
        with pytest.raises(oracle.LonelyPSU):
            oracle.taylor_covariance(scores, stratum, psu, used, population)
        return
    expected = oracle.taylor_covariance(scores, stratum, psu, used, population, rule)
    np.testing.assert_allclose(
        stratified_covariance(*arguments, rule), expected, rtol=1e-12, atol=1e-12
    )


def test_lonely_stratum_outside_the_domain_is_no_fault():
    rows, stratum = np.array([[1.0], [2]]), np.array([0, 0])
    found = stratified_covariance(rows, stratum, np.array([2.0, 1]), np.ones(2), "fail")
    assert found[0, 0] == pytest.approx(1)


def test_average_of_nothing_is_unknown():
    """With lonely strata only there is no variance to average."""
    found = stratified_covariance(
        np.array([[2.0]]), np.array([0]), np.array([1.0]), np.ones(1), "average"
    )
    assert np.isnan(found).all()


def test_people_as_psus_in_groups():
    """Groups of people with the same score keep sums of w and w^2: as if each person were a row."""
    stratum = RNG.integers(0, 3, 40)
    group = RNG.integers(0, 2, 40)
    unit = RNG.normal(size=(2, 2))
    w = RNG.uniform(0.5, 3, 40)
    n = np.bincount(stratum, minlength=3).astype(float)
    apart = stratified_covariance(unit[group] * w[:, None], stratum, n, np.ones(3))
    keys = sorted(set(zip(stratum, group, strict=True)))
    first = np.array([w[(stratum == h) & (group == g)].sum() for h, g in keys])
    second = np.array([(w[(stratum == h) & (group == g)] ** 2).sum() for h, g in keys])
    together = stratified_covariance(
        unit[[g for _, g in keys]],
        np.array([h for h, _ in keys]),
        n,
        np.ones(3),
        "fail",
        first,
        second,
    )
    np.testing.assert_allclose(together, apart, rtol=1e-12)


@pytest.mark.parametrize("mse", [True, False])
def test_replicates_as_the_oracle(mse):
    replicates, estimate = RNG.normal(size=(7, 3)), RNG.normal(size=3)
    scale = np.array(
        [0.5, 0, 1, 1, 2, 0.3, 1]
    )  # a replicate with scale zero is not part of the mean either
    expected = oracle.replicate_covariance(replicates, estimate, scale, mse)
    np.testing.assert_allclose(
        replicate_covariance(replicates, estimate, scale, mse), expected, rtol=1e-12
    )


def test_scatters_are_linear_and_agree_when_sealed():
    """covariance(A) = A covariance(I) A' for each kind of scatter, so sealing loses nothing that is linear."""
    groups, cells = 24, 3
    psu = np.repeat(np.arange(6), 4)
    clustered = TaylorScatter(
        psu // 2, psu, RNG.integers(0, cells, groups), RNG.integers(0, 2, groups).astype(float),
        RNG.uniform(1, 4, groups), np.zeros(groups), np.array([2.0, 2, 3]), np.array([1, 0.9, 0.8]), "fail",
    )  # fmt: skip
    totals = RNG.uniform(5, 9, size=(6, 2 * cells))
    replicated = ReplicateScatter(totals, totals.mean(axis=0), np.full(6, 5 / 6), True)
    a = RNG.normal(size=(4, 2 * cells))
    for scatter in (clustered, replicated):
        whole = scatter.covariance(np.eye(2 * cells))
        np.testing.assert_allclose(whole, whole.T, rtol=1e-12)
        assert np.linalg.eigvalsh(whole).min() > -1e-9 * np.linalg.eigvalsh(whole).max()
        np.testing.assert_allclose(
            SealedScatter(whole).covariance(a), scatter.covariance(a), rtol=1e-10
        )


def test_jackknife_of_a_total_is_its_taylor_variance():
    """Leaving one of n PSUs out and scaling the others by n/(n-1): JK1 of a total equals the Taylor variance."""
    totals = RNG.normal(10, 2, size=(8, 2))
    n = len(totals)
    replicates = np.array([(totals.sum(axis=0) - t) * n / (n - 1) for t in totals])
    jackknife = replicate_covariance(
        replicates, totals.sum(axis=0), np.full(n, (n - 1) / n)
    )
    taylor = stratified_covariance(
        totals, np.zeros(n, dtype=int), np.array([float(n)]), np.ones(1)
    )
    np.testing.assert_allclose(jackknife, taylor, rtol=1e-12)


def test_average_counts_the_strata_with_people():
    """A lonely stratum takes the mean variance of the strata that have people in the domain; a third has none."""
    rows, stratum = np.array([[1.0], [2], [7]]), np.array([0, 0, 1])
    found = stratified_covariance(
        rows, stratum, np.array([2.0, 1, 2]), np.ones(3), "average"
    )
    assert found[0, 0] == pytest.approx(2 * 1)


# -- margins --------------------------------------------------------------------------------------------------------------


def dummies(*codes):
    return np.column_stack(
        [code == v for code in codes for v in sorted(set(code))]
    ).astype(float)


def test_one_margin_takes_weighted_means_out():
    """Post-stratification: what is left of a value is its distance from the weighted mean of its class."""
    values, code, w = (
        np.array([[1.0], [4], [10], [20]]),
        np.array([0, 0, 1, 1]),
        np.array([2.0, 1, 1, 3]),
    )
    found = without_margins(values, dummies(code), w)
    np.testing.assert_allclose(found[:, 0], [-1, 2, -7.5, 2.5], rtol=1e-12)


def test_two_margins_by_alternating_means():
    """Taking out the means of one margin after the other, again and again, ends at the regression on both."""
    codes = RNG.integers(0, 3, 80), RNG.integers(0, 4, 80)
    values, w = RNG.normal(size=(80, 2)), RNG.uniform(0.2, 5, 80)
    expected = values.copy()
    for _ in range(200):
        for code in codes:
            for v in set(code):
                expected[code == v] -= np.average(
                    expected[code == v], axis=0, weights=w[code == v]
                )
    found = without_margins(values, dummies(*codes), w)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    np.testing.assert_allclose(
        without_margins(found, dummies(*codes), w), found, atol=1e-12
    )


def test_margins_of_groups_are_those_of_rows():
    """A scatter keeps sums over groups with one value, margin and cell; people of no cell have a residual too."""
    cell, margin, stratum = (
        RNG.integers(-1, 2, 90),
        RNG.integers(0, 3, 90),
        RNG.integers(0, 2, 90),
    )
    answer, w, a = (
        np.where(cell < 0, 0, RNG.integers(0, 2, 90)).astype(float),
        RNG.uniform(1, 4, 90),
        RNG.normal(size=(2, 4)),
    )
    keys, group = np.unique(
        np.c_[stratum, cell, answer, margin], axis=0, return_inverse=True
    )
    sums = [np.bincount(group.ravel(), weights=v) for v in (w, w**2, w)]
    n = np.bincount(stratum).astype(float)
    scatter = TaylorScatter(
        keys[:, 0].astype(int), None, keys[:, 1].astype(int), keys[:, 2], *sums[:2], n, np.ones(2), "fail",
        dummies(keys[:, 3]), sums[2],
    )  # fmt: skip
    u = np.where(
        cell[:, None] < 0, 0, a[:, cell].T + answer[:, None] * a[:, 2 + cell].T
    )
    scores = w[:, None] * without_margins(u, dummies(margin), w)
    expected = oracle.taylor_covariance(
        scores, stratum, np.arange(90), np.ones(90, dtype=bool)
    )
    np.testing.assert_allclose(scatter.covariance(a), expected, rtol=1e-10)


# Structured sums of groups give what the groups themselves give


def groups_of_people(strata, cells, clustered, rule="fail", size=4000):
    """A scatter of groups of people, under most rules with a stratum of one PSU."""
    random = np.random.default_rng(7)
    stratum = np.sort(random.integers(0, strata, size))
    if rule != "fail":
        stratum[-1] = strata  # alone
    used = int(stratum.max()) + 1
    psu = None
    n_psu = np.bincount(stratum, minlength=used) + 3.0
    if rule != "fail":
        n_psu[-1] = 1
    if clustered:
        within = stratum * 20 + random.integers(0, 20, size)
        _, psu = np.unique(within, return_inverse=True)
        n_psu = np.full(used, 20.0)
        n_psu[-1] = 1 if rule != "fail" else 20
    weight = random.lognormal(0, 1, size)
    return TaylorScatter(
        stratum=stratum,
        psu=psu,
        cell=random.integers(0, cells, size),
        answer=random.integers(0, 2, size).astype(float),
        sum_w=weight,
        sum_w2=weight**2 * random.uniform(1, 2, size),
        n_psu=n_psu,
        remaining=random.uniform(0.5, 1, used),
        lonely_psu=rule,
    )


def dense_covariance(scatter: TaylorScatter, a, present=None):
    """The same from a matrix of all groups by all estimates."""
    size = a.shape[1] // 2
    values = a[:, scatter.cell].T
    values = values + scatter.answer[:, None] * a[:, size + scatter.cell].T
    rest = (scatter.n_psu, scatter.remaining, scatter.lonely_psu)
    if scatter.psu is None:
        kept = {"first": scatter.sum_w, "second": scatter.sum_w2, "present": present}
        return stratified_covariance(values, scatter.stratum, *rest, **kept)
    psus = int(scatter.psu.max()) + 1
    of_psu = np.zeros(psus, dtype=int)
    of_psu[scatter.psu] = scatter.stratum
    rows = sum_by(values * scatter.sum_w[:, None], scatter.psu, psus)
    return stratified_covariance(rows, of_psu, *rest, present=present)


def relative(found, expected):
    """The largest difference, as a share of the standard errors of both."""
    se = np.sqrt(np.diag(expected))
    return np.abs((found - expected) / np.outer(se, se)).max()


@pytest.mark.parametrize("rule", ["fail", *LONELY_PSU[1:]])
@pytest.mark.parametrize("clustered", [False, True])
@pytest.mark.parametrize("sparse", [False, True])
def test_structured_covariance_is_the_dense_one(monkeypatch, rule, clustered, sparse):
    if sparse:
        monkeypatch.setattr(stratified, "DENSE", 0)
        monkeypatch.setattr(stratified, "THIN", 1)
    scatter = groups_of_people(30, 40, clustered, rule)
    every = np.eye(80)
    found = scatter.of_totals(40)
    assert relative(found, dense_covariance(scatter, every)) < 1e-14
    assert relative(scatter.covariance(every), found) < 1e-14
    random = np.random.default_rng(8)
    a = random.normal(size=(7, 80)) * (random.random((7, 80)) < 0.3)
    member = (a[:, :40] != 0) | (a[:, 40:] != 0)
    expected = dense_covariance(scatter, a, scatter._present(member))
    assert relative(scatter.covariance(a, member), expected) < 1e-14


@pytest.mark.parametrize("clustered", [False, True])
def test_a_covariance_of_totals_needs_no_matrix_of_groups(clustered):
    """No array is larger than the covariance of the totals, or than what is kept whole."""
    scatter = groups_of_people(40, 500, clustered, size=40_000)
    tracemalloc.start()
    matrix = scatter.of_totals(500)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    of_groups = matrix.itemsize * len(scatter.cell) * len(matrix)
    assert peak < 5 * matrix.nbytes < of_groups / 5


# The rank of replicate weights


def rank_of_all(columns) -> int:
    """From the eigenvalues of all products."""
    every = np.column_stack(columns)
    values = np.linalg.eigvalsh(every.T @ every)
    return int((values > values.max() * 1e-10).sum())


@pytest.mark.parametrize("rows", [30, 45, 60, 500, 5000])
@pytest.mark.parametrize("missing", [0, 1, 7])
def test_rank_of_columns(rows, missing):
    random = np.random.default_rng(rows + missing)
    columns = list(random.lognormal(0, 1, (30 - missing, rows)))
    columns += [sum(columns[i : i + 3]) for i in range(missing)]
    assert rank_of_columns(columns) == rank_of_all(columns) == 30 - missing


def test_rank_of_columns_that_only_few_rows_tell_apart():
    one = np.ones(4000)
    other = one.copy()
    other[1] = 1.5  # among the rows that are not looked at first
    assert rank_of_columns([one, other]) == rank_of_all([one, other]) == 2
    other[1] = 1 + 1e-6
    assert rank_of_columns([one, other]) == rank_of_all([one, other]) == 1


def test_independent_columns_are_not_all_multiplied(monkeypatch):
    columns = list(np.random.default_rng(3).lognormal(0, 1, (40, 9000)))
    monkeypatch.setattr(np.linalg, "eigvalsh", None)
    assert rank_of_columns(columns) == 40
