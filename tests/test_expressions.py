"""Conditions and formulas: what is refused is never run, and what is allowed means what a row-by-row reader finds."""

from __future__ import annotations

import math
import operator
import os

import duckdb
import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import trustlib as tl
from trustbook.findings import load_findings
from trustbook.runs import load_plan
from trustbook.sealing import load_cell_plan
from trustlib.conditions import evaluate
from trustlib.expressions import quoted
from trustlib.tables import _term

N = 240
PEOPLE = pd.DataFrame(
    {
        "y": np.arange(N) % 3 % 2 * 1.0,
        "age": np.where(np.arange(N) % 11 == 0, np.nan, 18 + np.arange(N) % 60),
        "k": np.arange(N) % 7,
        "text": pd.Series(["man", "woman", None] * 80, dtype=object),
        "g": pd.Categorical(["man", "woman"] * 120, ["man", "woman"]),
        "band": pd.Categorical(["1", "2", "3"] * 80, ["1", "2", "3"]),
        "rank": pd.Categorical(
            ["low", "mid", "high", None] * 60, ["low", "mid", "high"], ordered=True
        ),
        "flag": pd.Series([True, False, None] * 80, dtype="boolean"),
        "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(N), "D"),
        "mixed": pd.Series([1, "1"] * 120, dtype=object),
        "x y": np.arange(N) % 5,
    }
)
DESIGN = tl.SurveyDesign(PEOPLE, None)
MEANS = tl.cell_means(tl.compress(DESIGN, "y", ["g", "band"]))
CELLS = tl.compress(DESIGN, "y", ["g", "k", "x y"])

# -- attacks ----------------------------------------------------------------------------------------------------------

RUN = "__import__('os').system('touch {canary}')"
REACH = [
    "age.map.__func__.__globals__.get('sys').modules.get('os').system('touch {canary}')",
    "age.to_csv('{canary}')", "age.to_pickle('{canary}')", "text.str.cat().__class__", "age.__class__", "age._mgr",
    "age.values.tofile('{canary}')", "age.apply('print')", "age.pipe('print')", "age.mean()", "age.astype('O')",
    "age.isna.__self__.to_csv('{canary}')", "age.isna().to_csv('{canary}')", "age.isin([1]).to_csv('{canary}')",
    "(age > 1).to_csv('{canary}')", "'{canary}'.join(text)", "'{{0.__class__}}'.format(age)", "age.query('1')", "age.eval('1')",
    "text.str.len() > 2", "age.where(1)", "age.sum() > 1", "age.isna", "age.notna", "age.T", "age.size > 0", "ａｇｅ.to_csv('{canary}')",
]  # fmt: skip
CALLS = [
    RUN, "eval('1')", "exec('1')", "open('{canary}', 'w')", "print(age)", "abs(age) > 1", "sin(age) > 1", "len(text) > 1",
    "getattr(age, 'to_csv')('{canary}')", "age(1)", "'a'('b')", "(lambda: 1)()", "isna(age)", "age.isin(text)",
    "age.isin([1], [2])", "age.isin(values=[1])", "age.isna(1)", "age.isin()", "age.isin([open('{canary}', 'w')])", "str(age)",
    "np.log(age) > 1", "pd.eval('1')", "`age`.to_csv('{canary}')", "age.isin(*[[1]])", "globals()", "age.notna(text)",
]  # fmt: skip
SYNTAX = [
    "@age > 1", "@os.system('touch {canary}')", "age[0] > 1", "age['x']", "[x for x in age]", "{{x for x in age}}", "{{}}", "{{'a': 1}}",
    "(x for x in age)", "(age := 1)", "age = 1", "await age", "yield age", "age if flag else k", "f'{{age}}' == 'x'",
    "f'{{open(\"{canary}\",\"w\")}}'", "b'x' == text", "rb'x' == text", "age is None", "age == None", "age == ...", "age ** 2 > 1",
    "9**9**9 > age", "age // 2 == 1", "age ^ 1 == 1", "age << 2 == 1", "1_000 < age", "0x1F < age", "0o17 < age", "017 < age",
    "1j < age", "age > 1; k > 1", "age > 1\\\n", "age > 1 #", "*age", "lambda: age", "age, k", "[age]", "age in text", "age in 'abc'",
    "text in 'man'", "'man' in text", "age in [k]", "age in [[1]]", "age in [1, *[2]]", "age in {{1}}", "age in (1)", "not", "age >", "",
    "()", "(age > 1", "age > 1)", "age > 1]", "\x00", "age > '\x00'", "age > 1\x1b", "`", "``", "``.isna()", "age > `", "import os",
    "age == 1e999", "age == -1e999", "age == 99999999999999999999", "age.", ".isna()", "age..isna()", "1.isna()", "'a'.isin(['a'])",
]  # fmt: skip
SIZE = [
    "'a' * 10**9 == text", "'a' * 1000000000 == text", "text * 1000000000 == text", "'%s' % text == text", "'%9999999d' % k == text",
    "(" * 5000 + "age" + ")" * 5000, "not " * 5000 + "flag", "-" * 5000 + "age > 1", "~" * 5000 + "flag", "+".join(["age"] * 4000),
    "age" + " > 1" * 3000, "[" * 200 + "]" * 200, "age > " + "9" * 5000, " and ".join(["age > 1"] * 2000), "x" * 20000, "age in [" + "1," * 9000 + "]",
    "(((" * 40 + "age > 1" + ")))" * 40, "age > 1" + " or (flag" * 60 + ")" * 60,
]  # fmt: skip
KINDS = [
    "age == '30'", "age != '30'", "age < '30'", "age in ['30']", "age in [30, '31']", "age.isin(['30'])", "band == 1", "band in [1, 2]",
    "band.isin([1])", "text == 1", "text != 1", "text < 'b'", "g < 'woman'", "band > '1'", "g == 'wman'", "g != 'wman'", "g in ['man', 'wman']",
    "g.isin(['wman'])", "rank == 'top'", "rank < 'top'", "text > 1", "text == k", "g == k", "flag == 'True'", "flag == 2", "day == 1",
    "day == 'tomorrow'", "day == '2024-13-01'", "day > 'now'", "mixed == 1", "mixed == '1'", "text + 'a' == 'mana'", "g + 1 > 1",
    "age and k", "age or flag", "not age", "~k == 1", "'a' < age", "1 == text", "text == True", "30 < '40'", "flag < 'a'", "age > text",
]  # fmt: skip
CONDITIONS = [*REACH, *CALLS, *SYNTAX, *SIZE, *KINDS]
assert len(CONDITIONS) > 150


@pytest.fixture
def canary(tmp_path):
    return tmp_path / "canary"


def refuses(call, canary, *words):
    """A call ends in a refusal of the library, and nothing was run."""
    with pytest.raises(tl.TrustlibError) as caught:
        call()
    assert not os.path.exists(canary)
    assert caught.value.hint
    text = str(caught.value)
    assert len(text) < 2000
    for word in words:
        assert word in text, text
    return text


def filled(text, canary):
    return text.replace("{canary}", str(canary)).replace("{{", "{").replace("}}", "}")


@pytest.mark.parametrize("text", CONDITIONS, ids=range(len(CONDITIONS)))
def test_a_condition_that_is_no_condition_is_refused_and_not_run(text, canary):
    payload = filled(text, canary)
    refuses(lambda: DESIGN.domain(payload), canary)
    refuses(lambda: evaluate(payload, PEOPLE), canary)
    polars = tl.SurveyDesign(
        pl.from_pandas(PEOPLE.drop(columns=["mixed", "rank"])), None
    )
    if "mixed" not in text and "rank" not in text:
        refuses(lambda: polars.domain(payload), canary)


@pytest.mark.parametrize("text", [*REACH, *CALLS, *SYNTAX, *SIZE])
def test_rows_of_estimates_are_chosen_by_the_same_list(text, canary):
    payload = filled(text, canary).replace("age", "estimate").replace("text", "g")
    with pytest.raises(tl.EstimandError):
        MEANS.where(payload)
    assert not canary.exists()


FORMULAS = [
    RUN, "{{__import__('os').system('touch {canary}')}}", "g + {{__import__('os').system('touch {canary}')}}",
    "`{{__import__('os').system('touch {canary}')}}`", "I(__import__('os').system('touch {canary}'))", "C(__import__('os').system('x'))",
    "I(k.__class__)", "I(k.to_csv('{canary}'))", "I(k.map('x'))", "k.to_csv('{canary}')", "np.save('{canary}', k)", "np.log(k.to_csv('{canary}'))",
    "np.log.__class__", "np.fromfile('{canary}')", "np.loadtxt('{canary}')", "C(k, contr.sum.__class__)", "C(k, levels=open('{canary}','w'))",
    "C(k, contr.custom([1]))", "C(k, eval('1'))", "C(k).to_csv('{canary}')", "C(k > 1)", "C(k + 1)", "C()", "C(k, k)", "C('k')", "C(1)",
    "I()", "I(1)", "I(1 + 1)", "I('k')", "I(k) if g else k", "I(k if k else k)", "I([k])", "I({{k}})", "I(k[0])", "I(lambda: k)", "I((k := 1))",
    "I(k and k)", "I(not k)", "I(k in [1])", "I(k is k)", "I(k // 2)", "I(k << 2)", "I(k @ k)", "I(k ^ 2)", "I(k^2)", "I(k & 1)", "I(~k)",
    "I(1 < k < 5)", "I(9**9**9 * k)", "I(k ** 9999999)", "I(2 ** k)", "I(k ** k)", "I(k ** 2 ** 9)", "I(10**99999999 + k)", "I(f'{{k}}')",
    "I(g == 'man')", "I(g > 1)", "I(g)", "np.log(g)", "I(k,k)", "I(*k)", "I(k=1)", "I(k; k)", "I(k", "k)", "I(1j * k)", "I(0x1F * k)", "I(1_0 * k)",
    "I(99999999999999999999 * k)", "I(1e999 * k)", "I(k / 0)", "I(1 / k)", "I(k / (k - 3))", "np.log(k)", "I(k % 0)",
    "k**2", "g**2", "(k)**2", "C(k)**2", "k^2", "(g + k)^2", "(g + k)**0", "(g + k)**99", "(g + k)**k", "(g + k)**1.5", "g:k**2", "2**k", "2 * k",
    "k * 2", "g + 2", "g - 5", "(1 + g) * k", "1:g", "g %in% k", "g %% k", "g // k", "g & k", "g and k", "g or k", "not g", "g == k", "g != k", "g > k",
    "g = k", "y ~ g ~ k", "g ~ k", "y ~ ", "~", "~~g", "g | k", ".", "g + .", "g +", "+", "", " ", "0", "g - g - 1", "'g'", "\"g\"", "g,k", "[g]", "g[0]",
    "{{g}}", "g k", "`g", "g``", "``", "lag(k)", "scale(k)", "center(k)", "poly(k, 2)", "bs(k, df=4)", "cr(k, df=3)", "Q('k')", "hashed(g)",
    "I(k - k.mean())", "I(k - np.mean(k))", "lookup(k)", "gendr", "g + gendr", "I(m**2)", "C(m)", "__class__", "__builtins__", "np", "C", "I",
    "(" * 3000 + "g" + ")" * 3000, "g" + " + k" * 5000, "g + " * 3000, "-" * 5000 + "g", "I(" + "-" * 3000 + "k)", "I(" + "(" * 60 + "k" + ")" * 60 + ")",
    "ｇ", "g\x00", "g # k", "g; k", "g\\n", "g ? k", "g $ k", "g ! k", "@g",
]  # fmt: skip
assert len(FORMULAS) > 120


@pytest.mark.parametrize("text", FORMULAS, ids=range(len(FORMULAS)))
def test_a_formula_that_is_no_formula_is_refused_and_not_run(text, canary):
    payload = filled(text, canary)
    refuses(lambda: tl.fit_logit(CELLS, payload), canary)


def test_many_axes_do_not_make_endless_terms(canary):
    wide = tl.compress(
        tl.SurveyDesign(
            pd.DataFrame({f"a{i}": np.arange(64) >> (i % 6) & 1 for i in range(14)})
            .astype(float)
            .assign(y=np.arange(64) % 2),
            None,
        ),
        "y",
        [f"a{i}" for i in range(14)],
    )
    for formula in (
        "(" + " + ".join(wide.by) + ")**9",
        " * ".join(wide.by),
        "/".join(wide.by),
    ):
        refuses(lambda formula=formula: tl.fit_logit(wide, formula), canary)


def test_squares_are_refused_with_the_way_to_write_them(canary):
    for formula in ("g + k**2", "k^2", "I(k^2)"):
        text = refuses(lambda formula=formula: tl.fit_logit(CELLS, formula), canary)
        assert "**2" in text
    fit = tl.fit_logit(CELLS, "g + k + I(k**2)")
    assert list(fit.coef.index) == ["Intercept", "g[T.woman]", "k", "I(k ** 2)"]
    place = list(fit.coef.index).index("I(k ** 2)")
    np.testing.assert_array_equal(fit.x[:, place], CELLS.frame["k"] ** 2)
    one, other = fit.term_test("I(k**2)"), fit.term_test("I( k ** 2 )")
    assert one["statistic"].equals(other["statistic"])


def test_operators_are_those_of_wilkinson_and_rogers():
    same = {
        "g * k": "g + k + g:k",
        "(g + k + `x y`)**2": "g + k + `x y` + g:k + g:`x y` + k:`x y`",
        "g * k * `x y` - g:k:`x y`": "(g + k + `x y`)**2",
        "y ~ g*k": "g * k",
        "~ g": "g",
        "1 + g": "g",
        "0 + g": "g - 1",
        "-1 + g": "g - 1",
        "k / `x y`": "k + k:`x y`",
    }
    for one, other in same.items():
        a, b = tl.fit_logit(CELLS, one), tl.fit_logit(CELLS, other)
        assert list(a.coef.index) == list(b.coef.index), one
        np.testing.assert_allclose(a.coef, b.coef, rtol=1e-9)


def test_what_is_not_defined_for_all_people_is_refused(canary):
    refuses(lambda: tl.fit_logit(CELLS, "I(1 / k)"), canary, "divides by zero")
    fit = tl.fit_logit(CELLS, "g + I(1 / (k + 1))")
    refuses(lambda: tl.predictions(fit, at={"k": -1}), canary, "I(1 / (k + 1))")


# -- names ------------------------------------------------------------------------------------------------------------

NAMES = ["inf", "nan", "True", "class", "in", "and", "a.b", "a-b", "2020", "my col", "C", "I", "np", "1", "0", "Intercept", "x:y", "a[T.b]", "é",
         "{x}", "a\nb", "'q'", '"d"', "a+b", "~", "|", "(", ")", "#", " ", "\\", "a`b", "`", "v0", "कि", "@x", "$"]  # fmt: skip


@pytest.mark.parametrize("kind", ["category", "number"])
@pytest.mark.parametrize("name", NAMES)
def test_a_column_may_have_any_name(name, kind):
    values = np.where(np.arange(N) % 4 < 2, "a:b", "v0]:[T.x")
    if kind == "number":
        values = np.arange(N) % 5 * 1.0
    rows = PEOPLE[["y", "g"]].assign(plain=values)
    odd = rows.rename(columns={"plain": name})
    fits = []
    for frame, term in ((rows, "plain"), (odd, quoted(name))):
        cells = tl.compress(tl.SurveyDesign(frame, None), "y", ["g", frame.columns[2]])
        fits.append(tl.fit_logit(cells, f"g * {term}"))
        assert fits[-1].smallest == fits[0].smallest
        test = fits[-1].term_test(f"{term}:g")
        np.testing.assert_array_equal(
            test["statistic"], fits[0].term_test("g:plain")["statistic"]
        )
        tl.predictions(fits[-1], ["g"])
        tl.fit_logit(cells, f"g + C({term})").term_test(f"C({term})")
        design = tl.SurveyDesign(frame, None)
        value = values.tolist()[0]
        for condition in (f"{term} == {value!r}", f"{term}.isin([{value!r}])"):
            people = tl.compress(design.domain(condition), "y").frame["n"].sum()
            assert people == (values == value).sum()
    assert fits[0].coef.index.is_unique
    assert fits[1].coef.index.is_unique
    np.testing.assert_array_equal(fits[0].coef, fits[1].coef)


def test_names_are_compared_in_one_form():
    one, other = "re\u0301gion", "r\u00e9gion"
    for held, asked in ((one, other), (other, one)):
        frame = PEOPLE.rename(columns={"k": held})
        assert evaluate(f"{asked} == 2", frame).sum() == (PEOPLE["k"] == 2).sum()
        assert evaluate(f"`{asked}` == 2", frame).sum() == (PEOPLE["k"] == 2).sum()
    texts = PEOPLE.assign(text=[one, other] * 120)
    assert evaluate(f"text == {one!r}", texts).all()


def test_what_stands_in_quotes_is_a_text_whatever_is_in_it():
    for level in ("a `g`", "it's", 'say "x"', "a and b", "@x", "{x}", "1", "a\nb", "#"):
        frame = PEOPLE.assign(text=[level, "other"] * 120)
        assert evaluate(f"text == {level!r}", frame).sum() == 120


def test_names_of_terms_are_read_whatever_signs_their_levels_have():
    shown = {
        "g[T.a:b]": "g: a:b", "g[T.a:[b]": "g: a:[b", "g[T.z]:g]": "g: z]:g", "g[T.z]:h[T.q]": "g: z × h: q",
        "`x:y`[T.v]:g[T.a\nb]": "`x:y`: v × g: a b", "I(x ** 2)": "I(x ** 2)", "a[T.x]:g[m]": "a: x × g[m]",
    }  # fmt: skip
    for name, text in shown.items():
        assert _term(name) == text
    endless = "g[T." + "]:a[T." * 3000 + "["
    assert _term(endless).startswith("g")


# -- kinds ------------------------------------------------------------------------------------------------------------


def test_a_refused_comparison_says_how_to_write_it(canary):
    told = {
        "age == '30'": ("age holds numbers", "without quotes"),
        "band == 1": ("band holds texts", "band == '1'"),
        "g == 'wman'": ("no level 'wman'", "Did you mean 'woman'?"),
        "text < 'b'": ("no order", "text in"),
        "mixed == 1": ("several kinds",),
        "day == 'x'": ("dates", "2024-03-31"),
        "age ** 2 > 1": ("power",),
    }
    for condition, words in told.items():
        refuses(lambda condition=condition: DESIGN.domain(condition), canary, *words)


RIGHT = {
    "rank < 'high'": PEOPLE["rank"].isin(["low", "mid"]),
    "rank >= 'mid'": PEOPLE["rank"].isin(["high", "mid"]),
    "'mid' > rank": PEOPLE["rank"] == "low",
    "day >= '2024-03-01'": PEOPLE["day"] >= "2024-03-01",
    "day < '2024-03-01 12:00'": PEOPLE["day"] < "2024-03-01 12:00",
    "20 < age <= 40": (PEOPLE["age"] > 20) & (PEOPLE["age"] <= 40),
    "age == 20 | age == 21": PEOPLE["age"].isin([20, 21]),
    "age > 30 & g == 'man'": (PEOPLE["age"] > 30) & (PEOPLE["g"] == "man"),
    "~(k == 1) and k in (-1, 1, 2)": PEOPLE["k"] == 2,
    "flag": PEOPLE["flag"].fillna(False).astype(bool),
    "flag == True": PEOPLE["flag"].fillna(False).astype(bool),
    "flag != 1": ~PEOPLE["flag"].fillna(True).astype(bool),
    "age.isna() or age > 70": PEOPLE["age"].isna() | (PEOPLE["age"] > 70),
    "age.isnull() and not (age > 70)": PEOPLE["age"] < 0,
    "10 / k > 4": (PEOPLE["k"] > 0) & (PEOPLE["k"] < 3),
    "k != 0 and 10 % k == 0": PEOPLE["k"].isin([1, 2, 5]),
    "-k < -5": PEOPLE["k"] > 5,
    "k == k": PEOPLE["k"] >= 0,
    "k in []": PEOPLE["k"] < 0,
    "text == g": PEOPLE["text"] == PEOPLE["g"].astype(object),
    "`x y` + k * 2 == 4": PEOPLE["x y"] + PEOPLE["k"] * 2 == 4,
    "1 == 1 or k > 1": PEOPLE["k"] >= 0,
}


@pytest.mark.parametrize("text", RIGHT)
def test_conditions_mean_what_they_say(text):
    np.testing.assert_array_equal(evaluate(text, PEOPLE), RIGHT[text].to_numpy(bool))
    kept = PEOPLE.drop(columns=["mixed"])
    if "rank" not in text:
        frame = pl.from_pandas(kept.drop(columns="rank"))
        inside = tl.SurveyDesign(frame, None).domain(text).frame["_in_domain"]
        np.testing.assert_array_equal(inside.to_numpy(), RIGHT[text].to_numpy(bool))


def test_whole_numbers_do_not_overflow():
    frame = pd.DataFrame({"a": [2**62, 3], "b": pd.Series([100, 100], dtype="int8")})
    assert evaluate("a * 4 > 0", frame).all()
    assert evaluate("b + b == 200", frame).all()
    assert evaluate("a == 4611686018427387904", frame).tolist() == [True, False]
    assert evaluate("a == 4611686018427387905", frame).tolist() == [False, False]


@pytest.mark.parametrize("engine", ["duckdb", "lazy", "polars", "arrow"])
def test_texts_and_numbers_do_not_compare_on_other_engines(engine, canary):
    native = pl.from_pandas(PEOPLE[["y", "age", "k", "text"]])
    frame = {
        "duckdb": lambda: duckdb.from_arrow(native.to_arrow()),
        "lazy": native.lazy,
        "polars": lambda: native,
        "arrow": native.to_arrow,
    }[engine]()
    design = tl.SurveyDesign(frame, None)
    for wrong in (nw.col("k") == "3", nw.col("text") == 1, nw.col("k") < "3"):
        refuses(lambda wrong=wrong: design.domain(wrong), canary)
    inside = design.domain((nw.col("k") == 3) & (nw.col("text") == "man"))
    expected = ((PEOPLE["k"] == 3) & (PEOPLE["text"] == "man")).sum()
    assert tl.compress(inside, "y").frame["n"].sum() == expected


# -- an independent reader --------------------------------------------------------------------------------------------

COMPARE = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
ROWS = [
    {"a": a, "b": b, "t": t, "f": f}
    for a in (None, 0, 1, -2)
    for b in (None, 0.0, 1.5)
    for t in (None, "x", "it's")
    for f in (None, True, False)
]
FRAME = pd.DataFrame(
    {
        "a": pd.Series([r["a"] for r in ROWS], dtype="Int64"),
        "b": pd.Series([r["b"] for r in ROWS], dtype=float),
        "t": pd.Series([r["t"] for r in ROWS], dtype=object),
        "f": pd.Series([r["f"] for r in ROWS], dtype=object),
    }
)


def arithmetic(sign, left, right):
    """A sum, product, quotient or remainder; None where it is not known or not defined."""
    if left is None or right is None or (sign in "/%" and right == 0):
        return None
    if sign == "%":
        return left - right * math.floor(left / right)
    signs = {
        "+": operator.add,
        "-": operator.sub,
        "*": operator.mul,
        "/": operator.truediv,
    }
    return signs[sign](left, right)


NUMBERS = st.recursive(
    st.sampled_from(
        [
            ("a", lambda r: r["a"]),
            ("b", lambda r: r["b"]),
            *((str(v), lambda r, v=v: v) for v in (0, 1, 2, 0.5)),
        ]
    ),
    lambda inner: st.builds(
        lambda one, sign, two: (
            f"({one[0]} {sign} {two[0]})",
            lambda r: arithmetic(sign, one[1](r), two[1](r)),
        ),
        inner,
        st.sampled_from("+-*/%"),
        inner,
    ),
    max_leaves=4,
)


def compared(one, sign, two):
    def value(r):
        left, right = one[1](r), two[1](r)
        return None if left is None or right is None else COMPARE[sign](left, right)

    return f"({one[0]} {sign} {two[0]})", value


def either(parts, is_and):
    values = [v for v in parts if v is not None]
    if (not is_and) in values:
        return not is_and
    return None if len(values) < len(parts) else is_and


SIMPLE = st.one_of(
    st.builds(compared, NUMBERS, st.sampled_from(list(COMPARE)), NUMBERS),
    st.sampled_from(
        [
            ("f", lambda r: r["f"]),
            ("t == 'x'", lambda r: None if r["t"] is None else r["t"] == "x"),
            ('t != "it\'s"', lambda r: None if r["t"] is None else r["t"] != "it's"),
            ("t in ['x', 'q']", lambda r: None if r["t"] is None else r["t"] == "x"),
            ("t not in ['x']", lambda r: None if r["t"] is None else r["t"] != "x"),
            (
                "a.isin([1, -2])",
                lambda r: None if r["a"] is None else r["a"] in (1, -2),
            ),
            ("a.isna()", lambda r: r["a"] is None),
            ("b.notna()", lambda r: r["b"] is not None),
            ("t.isnull()", lambda r: r["t"] is None),
        ]
    ),
)
ALL = st.recursive(
    SIMPLE,
    lambda inner: st.one_of(
        st.builds(
            lambda one, word, two: (
                f"({one[0]} {word} {two[0]})",
                lambda r: either([one[1](r), two[1](r)], word in ("and", "&")),
            ),
            inner,
            st.sampled_from(["and", "or", "&", "|"]),
            inner,
        ),
        st.builds(
            lambda one: (
                f"(not {one[0]})",
                lambda r: None if one[1](r) is None else not one[1](r),
            ),
            inner,
        ),
    ),
    max_leaves=6,
)


def named(text, name):
    return any(
        piece == name
        for piece in text.replace("(", " ").replace(")", " ").replace(".", " ").split()
    )


@settings(max_examples=300, deadline=None)
@given(ALL)
def test_a_condition_holds_where_a_reader_of_rows_finds_that_it_does(made):
    text, value = made
    used = [c for c in FRAME if named(text, c)]
    if not used:
        return
    asked = [
        c for c in used if any(f"{c}.{w}" in text for w in ("isna", "isnull", "notna"))
    ]
    needed = [c for c in used if c not in asked]
    expected = [
        value(row) is True and all(row[c] is not None for c in needed) for row in ROWS
    ]
    np.testing.assert_array_equal(evaluate(text, FRAME), expected, text)


# -- names of sets, runs and templates --------------------------------------------------------------------------------

BAD = ["../x", "a/b", "a b", "x" * 300, "2x", ".", "a.b", "é", "", "-x", "_x", "a\nb"]
MAPPING = "source: {id: x, kind: supplied, label: L}\nfile: f.csv\nvariables:\n  y: {column: y, values: {'0': 0, '1': 1}}\n"


@pytest.mark.parametrize("name", BAD)
def test_a_set_or_a_run_is_called_by_a_plain_name(name, tmp_path, canary):
    (tmp_path / "m.yml").write_text(MAPPING)
    plan = {"mapping": "m.yml", "cells": {name: {"outcome": "y", "by": []}}}
    (tmp_path / "cells.yml").write_text(pd.io.json.ujson_dumps(plan))
    refuses(lambda: load_cell_plan(tmp_path / "cells.yml"), canary, "no name")
    for run in (
        {"id": name, "template": "t"},
        {"id": "a-@{v}", "template": "t", "grid": {"v": [f"/{name}"]}},
        {"id": "a", "template": name},
    ):
        (tmp_path / "runs.yml").write_text(pd.io.json.ujson_dumps({"runs": [run]}))
        refuses(lambda: load_plan(tmp_path / "runs.yml"), canary, "letters, digits")
    finding = {"a": {"run": name, "table": "t"}}
    (tmp_path / "findings.yml").write_text(pd.io.json.ujson_dumps(finding))
    refuses(lambda: load_findings(tmp_path / "findings.yml"), canary, "no name")
