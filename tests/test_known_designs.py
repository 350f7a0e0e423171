"""The design of known surveys by the names of their columns, and of others by words in several languages."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from trustbook.known_designs import design_lines, design_of, is_of_design
from trustbook.proposal import first_mapping
from trustbook.supplied import read_supplied
from trustbook.survey_columns import WORDS
from trustlib import yaml12

ROWS = 240
SURVEYS = {
    "NHANES": ("WTMEC2YR", "SDMVSTRA", "SDMVPSU"),
    "BRFSS": ("_LLCPWT", "_STSTR", "_PSU"),
    "NHIS": ("WTFA_A", "PSTRAT", "PPSU"),
    "MEPS": ("PERWT21F", "VARSTR", "VARPSU"),
    "GSS": ("wtssnrps", "vstrat", "vpsu"),
    "DHS": ("v005", "v023", "v021"),
    "HINTS": ("PERSON_FINWT0", "VAR_STRATUM", "VAR_CLUSTER"),
    "ESS": ("anweight", "stratum", "psu"),
    "HSE": ("wt_int", "cluster195", "psu_scr"),
    "ANES": ("V200010b", "V200010d", "V200010c"),
    "NSDUH": ("ANALWT_C", "VESTR", "VEREP"),
    "PNS": ("V00291", "V0024", "UPA_PNS"),
    "KNHANES": ("wt_itvex", "kstrata", "psu"),
}
LANGUAGES = {
    "French": ("poids", "strate", "grappe"),
    "German": ("Gewicht", "Schicht", "Klumpen"),
    "Spanish": ("ponderador", "estrato", "upm"),
    "Portuguese": ("peso", "estrato", "conglomerado"),
    "Japanese": ("ウェイト", "層", "集落"),
    "English": ("final_weight", "stratum", "cluster"),
}
REPLICATES = {
    "ACS": ("PWGTP", "PWGTP", 80, "JK1", 0.05),
    "Household Pulse Survey": ("PWEIGHT", "PWEIGHT", 80, "JK1", 0.05),
    "CHIS": ("rakedw0", "rakedw", 80, "JKn", 1),
    "CCHS": ("WTS_M", "BSW", 20, "bootstrap", None),
}


def survey(weight: str, strata: str = "", psu: str = "", whole: bool = False):
    rng = np.random.default_rng(3)
    i = np.arange(ROWS)
    frame = pd.DataFrame({"trust": np.where(rng.random(ROWS) < 0.5, "Yes", "No")})
    frame["sex"] = np.where(i % 2 == 0, "Male", "Female")
    weights = rng.uniform(100, 3000, ROWS)
    frame[weight] = weights.astype(int) if whole else weights.round(2)
    if strata:
        frame[strata] = i % 6 + 1
        frame[psu] = i // 6 % 2 + 1
    return frame


@pytest.mark.parametrize("name", [*SURVEYS, *LANGUAGES])
def test_the_design_is_found_and_used_and_never_an_identity(tmp_path, name):
    columns = {**SURVEYS, **LANGUAGES}[name]
    survey(*columns, whole=name == "DHS").to_csv(tmp_path / "p.csv", index=False)
    text = first_mapping(tmp_path / "p.csv")
    made = yaml12.load(text)
    found = [made["design"][key] for key in ("weight", "strata", "psu")]
    assert found == list(columns)
    assert made["design"]["nest"] is True
    assert ("## the columns of" in text) == (name in SURVEYS)
    if name in SURVEYS:
        assert f"## the columns of {name}" in text
    (tmp_path / "m.yml").write_text(text)
    design, _, axes = read_supplied(tmp_path / "p.csv", tmp_path / "m.yml")
    assert axes == ["gender"]
    assert "12 PSUs in 6 strata" in design.variance


@pytest.mark.parametrize("name", REPLICATES)
def test_replicates_have_the_method_and_scale_of_their_survey(tmp_path, name):
    weight, prefix, count, method, scale = REPLICATES[name]
    frame = survey(weight)
    rng = np.random.default_rng(5)
    for k in range(1, count + 1):
        frame[f"{prefix}{k}"] = (frame[weight] * rng.uniform(0.8, 1.2, ROWS)).round(3)
    frame.to_csv(tmp_path / "p.csv", index=False)
    text = first_mapping(tmp_path / "p.csv")
    design = yaml12.load(text)["design"]
    assert design["weight"] == weight
    assert design["replicate_weights"] == {"prefix": prefix, "count": count}
    assert design["replicate_method"] == method
    assert design.get("replicate_scale") == scale
    assert "CAUTION" not in text
    (tmp_path / "m.yml").write_text(text)
    read, _, _ = read_supplied(tmp_path / "p.csv", tmp_path / "m.yml")
    assert len(read.replicate_weights) == count


@pytest.mark.parametrize(
    ("name", "weight", "other"),
    [("CES", "commonweight", "caseid2"), ("Eurobarometer", "w1", "tnscntry")],
)
def test_a_weight_without_strata_gives_one_caution(tmp_path, name, weight, other):
    survey(weight).assign(**{other: "x"}).to_csv(tmp_path / "p.csv", index=False)
    text = first_mapping(tmp_path / "p.csv")
    assert f"## the columns of {name}" in text
    assert text.count("CAUTION") == 1
    assert "Intervals are then those of people" in text


def test_strata_and_psus_are_no_identities_without_their_weight():
    for name in ("SDMVSTRA", "_STSTR", "vpsu", "VAR_CLUSTER", "strate", "X_PSU"):
        assert is_of_design(name)
    for name in ("sex", "area", "region", "plan_id", "q1"):
        assert not is_of_design(name)


@pytest.mark.parametrize("blank", [3, 40])
def test_a_weight_with_blanks_is_proposed_and_the_blanks_are_counted(tmp_path, blank):
    frame = survey("weight").astype(str)
    frame.loc[: blank - 1, "weight"] = ""
    frame.to_csv(tmp_path / "p.csv", index=False)
    text = first_mapping(tmp_path / "p.csv")
    people = "fewer than 10" if blank < 10 else str(blank)
    assert f"CAUTION: {people} people have no weight" in text
    (tmp_path / "m.yml").write_text(text)
    design, _, _ = read_supplied(tmp_path / "p.csv", tmp_path / "m.yml")
    assert (design.frame["weight"] == 0).sum() == blank


def test_strata_with_blanks_are_not_used_and_lonely_ones_are_told():
    frame = survey("w_weight", "stratum", "psu")
    frame["stratum"] = frame["stratum"].astype(float).where(frame.index > 20)
    lines = "\n".join(design_lines(frame, design_of(frame), WORDS))
    assert '#   strata: "stratum"' in lines
    assert "21 people have no value of it" in lines
    frame = survey("w_weight", "stratum", "psu")
    frame.loc[frame["stratum"] == 1, "psu"] = 1
    lines = "\n".join(design_lines(frame, design_of(frame), WORDS))
    assert 'lonely_psu: "adjust"' in lines
    assert "1 of 6 strata have a single PSU" in lines


@pytest.mark.parametrize(
    ("name", "values"),
    [("weight_kg", 70.5), ("BR11Weight", 170), ("peso corporal", 70.5), ("体重", 60.5)],
)
def test_the_weight_of_a_body_is_no_weight(name, values):
    raw = pd.DataFrame({name: np.linspace(values - 20, values + 20, 41)})
    if isinstance(values, int):
        raw[name] = raw[name].astype(int)
    assert "weight" not in design_of(raw).columns
