"""Which cells of a supplied file are shown: coarser levels, and an attacker who puts all tables together."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog

import trustlib as tl
from trustbook.choice import together
from trustbook.families import REASONS, Family, coarser

pytestmark = pytest.mark.filterwarnings("ignore::trustlib.MissingRowsWarning")


def made(
    counts: dict[tuple[str, ...], tuple[int, int]], names: list[str], **more
) -> tl.SurveyDesign:
    """A design of people in cells of identities: so many with the outcome, so many without."""
    rows = [
        (*k, y)
        for k, pair in counts.items()
        for y, n in zip((1.0, 0.0), pair, strict=True)
        for _ in range(n)
    ]
    frame = pd.DataFrame(rows, columns=[*names, "y"])
    for name in names:
        frame[name] = pd.Categorical(frame[name], sorted(frame[name].unique()))
    return tl.SurveyDesign(frame.assign(**more), weight="w" if more else None)


def narrowest(family: Family, names: list[str]) -> tuple[float, int]:
    """The shortest interval that the published tables leave for a count below 10, and how many there are.

    The attacker knows which combinations of identities do not occur, and which levels were joined.
    """
    frame = family.base.frame
    people = frame.groupby([*names, "y"], observed=True)
    sizes = people.size()
    cells = people[list(family.axis_of)].first()
    keys = [(*key[:-1], y) for key in sizes.index for y in (0.0, 1.0)]
    keys = list(dict.fromkeys(keys))
    counts = np.array([sizes.get(key, 0) for key in keys], float)
    value = {
        key[:-1]: row
        for key, row in zip(cells.index, cells.to_dict("records"), strict=True)
    }
    known, totals = [], []
    for shown in family.sets:
        groups = [(*(value[key[:-1]][form] for form in shown), key[-1]) for key in keys]
        for group in dict.fromkeys(groups):
            row = np.array([float(g == group) for g in groups])
            known.append(row)
            totals.append(row @ counts)
    widths = []
    for i, count in enumerate(counts):
        if 0 < count < 10 and known:
            aim = np.eye(len(keys))[i]
            low, high = (
                linprog(s * aim, A_eq=known, b_eq=totals).fun * s for s in (1, -1)
            )
            widths.append(high - low)
    return min(widths, default=np.inf), len(widths)


class TestCoarser:
    def steps(
        self, sizes: dict[str, int], order: list[str] | None = None
    ) -> list[list[str]]:
        levels = pd.Series([level for level, n in sizes.items() for _ in range(2 * n)])
        y = pd.Series([v for n in sizes.values() for v in [0.0] * n + [1.0] * n])
        levels = pd.Series(pd.Categorical(levels, order or list(sizes)))
        return [list(form.cat.categories) for form in coarser(levels, y)]

    def test_the_two_smallest_join_and_the_reference_stays_first(self):
        steps = self.steps({"White": 90, "Black": 30, "Asian": 8, "Other": 12})
        assert steps == [
            ["White", "Black", "Asian or Other"],
            ["White", "Black or Asian or Other"],
        ]

    def test_the_reference_is_joined_only_where_it_is_the_smallest(self):
        assert self.steps({"a": 20, "b": 90, "c": 15}) == [["a", "b or c"]]
        assert self.steps({"a": 5, "b": 90, "c": 15}) == [["a or c", "b"]]

    def test_bands_join_a_neighbour(self):
        assert self.steps({"18-24": 9, "25-34": 80, "35-44": 10, "45+": 60})[0] == [
            "18-24 or 25-34",
            "35-44",
            "45+",
        ]
        assert self.steps({"$0 to 20": 90, "$20 to 50": 9, "$50+": 80}) == [
            ["$0 to 20", "$20 to 50 or $50+"]
        ]

    def test_the_rare_answer_counts_and_not_the_size_of_the_group(self):
        levels = pd.Series(
            pd.Categorical(["a"] * 100 + ["b"] * 200 + ["c"] * 40 + ["d"] * 50)
        )
        y = pd.Series(
            [1.0] * 50
            + [0.0] * 50
            + [1.0] * 3
            + [0.0] * 197
            + [1.0] * 20
            + [0.0] * 20
            + [1.0] * 25
            + [0.0] * 25
        )
        assert list(next(coarser(levels, y)).cat.categories) == ["a", "b or c", "d"]

    def test_joined_numbers_of_a_scale_are_a_range(self):
        levels = pd.Series(np.repeat(["0", "1", "2", "10"], [30, 2, 4, 40]))
        levels = pd.Series(pd.Categorical(levels, ["0", "1", "2", "10"]))
        y = pd.Series(np.arange(len(levels)) % 2 * 1.0)
        forms = [list(form.cat.categories) for form in coarser(levels, y, ordered=True)]
        assert forms == [["0", "1 to 2", "10"], ["0 to 2", "10"]]
        names = [list(form.cat.categories) for form in coarser(levels, y)]
        assert names[0] == ["0", "1 or 2", "10"]

    def test_two_levels_have_no_coarser_form(self):
        assert self.steps({"no": 3, "yes": 50}) == []


class TestFamily:
    def test_a_small_level_is_joined_and_the_others_are_kept(self):
        counts = dict.fromkeys(product("mw", "ny"), (40, 60)) | {
            ("x", "n"): (12, 13),
            ("x", "y"): (2, 3),
        }
        family = Family(
            made(counts, ["gender", "disabled"]), "y", ["gender", "disabled"]
        )
        assert family.sets == [["disabled", "gender_2_levels"], ["gender"]]
        assert family.joined == {"gender_2_levels": ["w or x"]}
        assert family.withheld == {}
        cells = family.cells(["disabled", "gender_2_levels"]).frame
        assert cells["n"].sum() == sum(map(sum, counts.values()))  # nobody is lost
        assert cells["n"].min() == 100

    def test_a_level_of_too_few_people_is_shown_nowhere_by_itself(self):
        family = Family(
            made({("m",): (40, 60), ("w",): (50, 50), ("x",): (4, 4)}, ["gender"]),
            "y",
            ["gender"],
        )
        assert family.sets == [["gender_2_levels"]]
        assert family.joined == {"gender_2_levels": ["w or x"]}

    def test_what_fits_in_no_form_is_withheld(self):
        family = Family(
            made({("m",): (400, 6), ("w",): (500, 5)}, ["gender"]), "y", ["gender"]
        )
        assert family.sets == []
        assert family.withheld == {
            "y by gender": REASONS["small"].format(levels="m; w")
        }

    def test_a_reason_names_the_levels_that_are_too_small_and_never_how_many_people(
        self,
    ):
        counts = dict.fromkeys(product("ab", "mn"), (411, 613)) | {
            ("a", "n"): (7, 613),
            ("b", "n"): (8, 9),
        }
        family = Family(made(counts, ["one", "two"]), "y", ["one", "two"])
        assert family.sets == [["one"], ["two"]]
        reason = REASONS["small"].format(levels="one a, two n; one b, two n")
        assert family.withheld == {"y by one and two": reason}
        assert not {"411", "613", "7", "8", "9"} & set(reason.replace(";", " ").split())
        crowd = {(f"level {i}",): (9, 9) for i in range(9)} | {("big",): (50, 50)}
        assert Family(made(crowd, ["one"]), "y", ["one"]).small(["one"])[5:] == [
            "level 5",
            "and 3 more",
        ]

    def test_a_combination_that_nobody_has_is_named(self):
        counts = {("a", "m"): (50, 50), ("a", "n"): (50, 50), ("b", "m"): (50, 50)}
        family = Family(made(counts, ["one", "two"]), "y", ["one", "two"])
        assert "one b, two n" in family.withheld["y by one and two"]

    def test_an_identity_of_one_level_says_so(self):
        counts = {("a", "m"): (50, 50), ("b", "m"): (50, 50)}
        family = Family(made(counts, ["one", "two"]), "y", ["one", "two"])
        assert family.withheld["y by two"] == REASONS["one_level"].format(levels="m")
        assert family.withheld["y by one and two"] == REASONS["one_level"].format(
            levels="m"
        )

    def test_a_pair_that_is_large_enough_says_how_to_get_it(self):
        """Each of the two fits beside the first, and all three do not fit together."""
        counts = dict.fromkeys(product("ab", "mn", "xy"), (40, 40)) | {
            ("a", "n", "y"): (2, 2),
            ("b", "n", "y"): (30, 30),
        }
        names = ["one", "two", "three"]
        design = made(counts, names)
        family = Family(design, "y", names)
        assert family.withheld == {
            "y by two and three": REASONS["beside"].format(
                options="--axis two --axis three"
            )
        }
        assert Family(design, "y", ["two", "three"]).withheld == {}

    def test_two_outcomes_that_differ_by_few_people_say_so(self):
        design = made(dict.fromkeys(product("ab", "mn"), (40, 60)), ["one", "two"])
        strict = design.frame["y"].to_numpy().copy()
        strict[np.flatnonzero((strict == 1) & (design.frame["one"] == "a"))[:3]] = 0
        nested = tl.SurveyDesign(design.frame.assign(strict=strict), weight=None)
        family = Family(nested, "y", ["one"], ["y", "strict"])
        assert family.withheld == {"y by one": REASONS["nested"].format(levels="a; b")}

    def test_levels_that_stand_together_say_which_of_them_is_too_small(self):
        counts = dict.fromkeys(product("mw", "ny"), (40, 60)) | {
            ("x", "n"): (12, 13),
            ("x", "y"): (2, 3),
        }
        family = Family(
            made(counts, ["gender", "disabled"]), "y", ["gender", "disabled"]
        )
        told = together(family, "gender_2_levels")
        assert told.startswith("w or x stand together")
        assert told.endswith("at: disabled y, gender x")
        alone = Family(
            made({("m",): (40, 60), ("w",): (50, 50), ("x",): (4, 4)}, ["gender"]),
            "y",
            ["gender"],
        )
        assert together(alone, "gender_2_levels").endswith("at: x")

    @pytest.mark.parametrize("seed", range(12))
    def test_no_withheld_count_is_pinned_by_all_tables_with_joined_levels(self, seed):
        rng = np.random.default_rng(seed)
        names = ["a", "b", "c"]
        sizes = [rng.integers(2, 5) for _ in names]
        counts = {
            k: tuple(rng.integers(1, 45, 2))
            for k in product(*("1234"[:n] for n in sizes))
        }
        counts = {
            tuple(f"{name}{level}" for name, level in zip(names, k, strict=True)): v
            for k, v in counts.items()
        }
        family = Family(made(counts, names), "y", names)
        width, found = narrowest(family, names)
        assert found
        assert width >= 10 - 1e-6

    @pytest.mark.parametrize("seed", range(12))
    def test_an_identity_that_follows_from_another_gives_no_small_group_away(
        self, seed
    ):
        """Ethnicity follows from its finer levels, and who is trans is LGBTQ+: subtraction must not help."""
        rng = np.random.default_rng(seed)
        counts = {}
        for level, disabled, (lgbtq, trans) in product(
            "wxyz", "ny", (("n", "n"), ("y", "n"), ("y", "y"))
        ):
            few = 14 if level in "yz" or lgbtq == "y" else 90
            counts[
                level, "major" if level == "w" else "minor", disabled, lgbtq, trans
            ] = tuple(rng.integers(2, few, 2))
        names = ["detail", "ethnicity", "disabled", "lgbtq", "trans"]
        family = Family(made(counts, names), "y", names)
        width, found = narrowest(family, names)
        assert found
        assert width >= 10 - 1e-6
        assert len(family.sets) > 1

    @pytest.mark.parametrize("seed", range(15))
    def test_joined_levels_of_related_identities_give_no_small_group_away(self, seed):
        """Some combinations of two identities do not occur, and the attacker knows which."""
        rng = np.random.default_rng(seed)
        names = list("abc"[: rng.integers(2, 4)])
        sizes = [int(rng.integers(2, 6)) for _ in names]
        never = {
            (i, x, j, y)
            for (i, m), (j, n) in combinations(enumerate(sizes), 2)
            for x, y in product(range(m), range(n))
            if rng.random() < 0.25
        }
        top = rng.integers(12, 60)
        counts = {}
        for key in product(*map(range, sizes)):
            pairs = combinations(enumerate(key), 2)
            if not any((i, x, j, y) in never for (i, x), (j, y) in pairs):
                level = tuple(f"{name}{x}" for name, x in zip(names, key, strict=True))
                counts[level] = tuple(rng.integers(1, top, 2))
        family = Family(made(counts, names), "y", names)
        assert narrowest(family, names)[0] >= 10 - 1e-6

    def test_joined_levels_are_shown_where_only_finer_ones_are_related(self):
        """Nobody of the youngest has the highest degree; of low and high degrees every age has people."""
        steps = ["1", "2", "3", "4"]
        few = {("young", "4"), ("old", "1")}
        counts = {
            (age, step): (0, 0) if (age, step) in few else (9, 8)
            for age in ("young", "middle", "old")
            for step in steps
        }
        design = made({k: v for k, v in counts.items() if sum(v)}, ["age", "degree"])
        design.frame.attrs["ordered"] = ["degree"]
        family = Family(design, "y", ["age", "degree"])
        assert family.alone == [["age"], ["degree_2_levels"]]
        assert family.joined == {"degree_2_levels": ["1 to 2", "3 to 4"]}
        assert narrowest(family, ["age", "degree"])[0] >= 10 - 1e-6

    def test_without_the_rule_on_related_identities_the_attack_succeeds(
        self, monkeypatch
    ):
        monkeypatch.setattr(Family, "_apart", lambda self, by, other: True)
        counts = {("n", "n", d): (60, 60) for d in "ny"}
        counts |= {
            ("y", "n", "n"): (50, 50),
            ("y", "y", "n"): (30, 30),
            ("y", "n", "y"): (3, 3),
            ("y", "y", "y"): (12, 12),
        }
        names = ["lgbtq", "trans", "disabled"]
        assert narrowest(Family(made(counts, names), "y", names), names)[0] < 1
        monkeypatch.undo()
        assert narrowest(Family(made(counts, names), "y", names), names)[0] >= 10 - 1e-6

    def test_nobody_has_most_of_the_weight_of_a_cell(self):
        counts = {("m",): (40, 60), ("w",): (50, 50)}
        design = made(counts, ["gender"], w=1.0)
        assert Family(design, "y", ["gender"]).sets == [["gender"]]
        design.frame.loc[0, "w"] = 100.0
        assert Family(design, "y", ["gender"]).sets == []
