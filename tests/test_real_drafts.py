"""What real survey files showed: numbers with commas, second header rows, groups that are no outcomes, ages, rare ends."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import trustlib as tl
from contract import refused
from trustbook.known_identities import identities_of
from trustbook.proposal import Wanted, first_mapping
from trustbook.supplied import read_supplied
from trustlib import yaml12
from trustlib.files import read_table
from trustlib.schema import load_yaml

ROWS = 240
I = np.arange(ROWS)  # noqa: E741
QUICK = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


def people(**more: object) -> pd.DataFrame:
    """Made-up people with an outcome, so that drafts have one."""
    hurt = np.where(I % 3 == 0, "Yes", "No")
    return pd.DataFrame({"hurt": hurt, **more})


def draft_of(
    folder, frame: pd.DataFrame, name: str = "p.csv", **options: object
) -> str:
    """The draft of a file, which is read through it too if it says that it runs."""
    file = folder / name
    frame.to_csv(file, index=False, **options)
    return tried(file)


def tried(file) -> str:
    text = first_mapping(file)
    way = file.with_name("m.yml")
    way.write_text(text, encoding="utf-8")
    runs = text.startswith("## A first mapping") and "It runs as it is" in text
    assert runs != ("It does not run yet" in text)
    if runs:
        read_supplied(file, way)
    else:
        with pytest.raises(tl.CodebookError):
            read_supplied(file, way)
    return text


def variables(text: str) -> dict:
    return yaml12.load(text)["variables"]


def every_variable(text: str) -> dict:
    """The variables of a draft and those that it has as comments."""
    lines = [line.removeprefix("# ") for line in text.splitlines()]
    return yaml12.load("\n".join(lines))["variables"]


# -- decimal commas ---------------------------------------------------------------------------------------------------


def commas(numbers: np.ndarray) -> list[str]:
    return [f"{n:g}".replace(".", ",") for n in numbers]


@pytest.mark.parametrize("mark", [";", "\t", "|", ","])
def test_numbers_with_a_decimal_comma_are_numbers_and_no_lists(tmp_path, mark):
    years = np.array([9.5, 12, 13.2, 14, 10.4, 16.75])[I % 6]
    weight = np.array([0.5, 1, 1.25, 2.5])[I % 4]
    frame = people(
        years=commas(years), wt=commas(weight), sex=np.array(["f", "m"])[I % 2]
    )
    file = tmp_path / "p.csv"
    frame.to_csv(file, index=False, sep=mark)
    text = tried(file)
    assert "chosen:" not in text
    assert 'weight: "wt"' in text
    levels = ["9,5", "10,4", "12", "13,2", "14", "16,75"]
    assert every_variable(text)["years"]["levels"] == levels
    cut = {"column": "years", "cut": {"low": [0, 12.9], "high": [13, 20]}}
    plan = {"variables": {"school": cut}, "design": {"weight": "wt"}}
    read = tl.read_survey(file, plan)
    assert (read["school"] == "high").tolist() == (years >= 13).tolist()
    assert read["weight"].tolist() == weight.tolist()


@QUICK
@given(
    numbers=st.lists(st.integers(1, 99_999), min_size=3, max_size=12),
    places=st.integers(1, 3),
    mark=st.sampled_from([";", "\t", "|"]),
)
def test_decimal_commas_are_read_as_they_were_written(tmp_path, numbers, places, mark):
    """A leading zero makes it sure that no thousands are meant."""
    meant = [0.5, *(n / 10**places for n in numbers)]
    texts = [f"{n:.{places}f}".replace(".", ",") for n in meant]
    file = tmp_path / "p.csv"
    pd.DataFrame({"w": texts, "q": "a"}).to_csv(file, index=False, sep=mark)
    plan = {"variables": {"q": {}}, "design": {"weight": "w"}}
    assert tl.read_survey(file, plan)["weight"].tolist() == pytest.approx(meant)


@pytest.mark.parametrize("mark", ["\t", "|", ","])
def test_commas_that_may_separate_thousands_are_asked_for(tmp_path, mark):
    file = tmp_path / "p.csv"
    people(w=["1,234", "25,000"] * 120).to_csv(file, index=False, sep=mark)
    assert "chosen:" not in first_mapping(file)
    plan = {"variables": {"hurt": {}}, "design": {"weight": "w"}}
    refused(
        lambda: tl.read_survey(file, plan), tl.CodebookError, ValueError, "not numbers"
    )


@pytest.mark.parametrize("mark", ["\t", ","])
def test_lists_of_codes_stay_lists(tmp_path, mark):
    codes = np.array(["1", "2", "3", "1,2", "1,3", "2,3", "1,2,3"])[I % 7]
    file = tmp_path / "p.csv"
    people(why=codes).to_csv(file, index=False, sep=mark)
    text = first_mapping(file, wanted=Wanted(columns=("why",)))
    assert text.count("chosen:") == 3


def test_numbers_that_are_texts_stand_by_size(tmp_path):
    steps = ["-1.5", "-0.5", "0.25", "4e-01", "3", "10"]
    text = draft_of(tmp_path, people(score=np.array(steps)[I % 6]))
    assert every_variable(text)["score"]["levels"] == steps


# -- header rows ------------------------------------------------------------------------------------------------------

FILMS = ("Alien", "Brazil", "No. 5: again")


def survey_monkey() -> str:
    """A file with a question above its first column only, and what each column holds below it."""
    first = ["Respondent ID", "Which films have you seen?", "", "", "Do you trust doctors?", "Gender"]  # fmt: skip
    second = ["", *FILMS, "Response", "Response"]
    rows = [
        [str(9000 + i), *(f if i % (k + 2) == 0 else "" for k, f in enumerate(FILMS)),
         "A lot" if i % 3 else "Not at all", "Male" if i % 2 else "Female"]
        for i in range(ROWS)
    ]  # fmt: skip
    out = io.StringIO()
    pd.DataFrame([first, second, *rows]).to_csv(out, index=False, header=False)
    return out.getvalue()


@pytest.mark.parametrize("title", ["", "Export of May 2026\n"])
def test_the_second_header_row_of_surveymonkey_is_no_person(tmp_path, title):
    file = tmp_path / "p.csv"
    file.write_text(title + survey_monkey())
    frame = read_table(file)[0]
    assert len(frame) == ROWS
    assert list(frame)[1:] == [
        *(f"Which films have you seen? - {film}" for film in FILMS),
        "Do you trust doctors?",
        "Gender",
    ]
    text = tried(file)
    assert "as SurveyMonkey writes it" in text
    assert "Response" not in text.partition("variables:")[2]
    assert text.count("blank: 0") == 3  # a list to tick, also where options have points
    assert set(variables(text)) == {"low_trust", "gender"}


def test_a_second_row_of_nothing_but_responses_is_no_person(tmp_path):
    out = tmp_path / "p.csv"
    rows = people(gender=np.array(["Male", "Female"])[I % 2], id=(I + 5000).astype(str))
    below = pd.DataFrame([{"hurt": "Response", "gender": "Response", "id": ""}])
    pd.concat([below, rows]).to_csv(out, index=False)
    assert len(read_table(out)[0]) == ROWS
    assert "Response" not in tried(out).partition("variables:")[2]


@pytest.mark.parametrize(
    "lines",
    [
        ["id,sex,", "1,f,often", "2,m,never"],  # a column without a name
        [",sex,q", "1,f,a", "2,m,b"],  # numbers of rows
        ["sex,q,r", "f,Response rate,x", "m,no,y"],
        ["a,b,c", ",yes,no", "1,no,yes"],
        ["a,,c", ",7,8", "1,2,3"],
        ["id,week 1,week 2", "1,Response,Response", "2,None,Response"],
        ["week 1,week 2", "Response,Response", "None,Response"],
    ],
)
def test_what_may_be_a_person_is_one(tmp_path, lines):
    file = tmp_path / "p.csv"
    file.write_text("\n".join(lines) + "\n")
    frame = read_table(file)[0]
    assert frame.to_numpy().tolist() == [line.split(",") for line in lines[1:]]


def test_an_option_and_its_free_text_may_have_one_name(tmp_path):
    file = tmp_path / "p.csv"
    name = "Which pie? - Other (please specify)"
    file.write_text(f"q,{name},{name}\nYes,Other,plum\nNo,,\n")
    assert list(read_table(file)[0]) == ["q", name, f"{name} (2)"]
    file.write_text("q,sex,sex\nYes,f,m\nNo,m,f\n")
    refused(
        lambda: read_table(file), tl.CodebookError, ValueError, "more than one column"
    )


def test_quotes_around_names_and_texts_are_taken_off(tmp_path):
    file = tmp_path / "p.csv"
    file.write_text("'sex'\t'say'\n'f'\t'well, yes'\n'm'\tno\n")
    assert read_table(file)[0].to_dict("list") == {"sex": ["f", "m"], "say": ["well, yes", "no"]}  # fmt: skip
    file.write_text("'sex','age'\nf,41\nm,18\n")
    assert list(read_table(file)[0]) == ["sex", "age"]
    file.write_text("it's,'so'\n1,'a\n2,b\n")
    assert read_table(file)[0].to_dict("list") == {"it's": ["1", "2"], "so": ["'a", "b"]}  # fmt: skip


# -- groups are no outcomes -------------------------------------------------------------------------------------------

DUMMIES = {
    "gender": ["female", "is_female", "woman", "Frau", "weiblich", "femme", "feminin", "mulher", "mujer", "女性", "male", "homme", "hombre", "mann",
               "female (0/1)", "d_female", "sexo_feminino", "Respondent is female", "female dummy", "女性ダミー"],
    "disability": ["disabled", "disability", "behindert", "handicap", "discapacidad", "deficiencia", "障害"],
    "ethnicity": ["minority", "ethnic_minority", "Minderheit", "minorité", "minoría", "minoria", "少数民族"],
    "": ["immigrant", "migrant", "foreign_born", "Migrationshintergrund", "étranger", "inmigrante", "imigrante", "移民", "black", "rural", "married", "degree", "catholic", "employed", "urban"],
}  # fmt: skip
LEVELS = {
    "gender": {"man", "woman"},
    "disability": {"not disabled", "disabled"},
    "ethnicity": {"majority", "minority"},
    "": {"no", "yes"},
}


@pytest.mark.parametrize(
    ("kind", "name"),
    [(kind, name) for kind, names in DUMMIES.items() for name in names],
)
@pytest.mark.parametrize("answers", [("0", "1"), ("No", "Yes")])
def test_who_belongs_to_a_group_is_an_identity(tmp_path, kind, name, answers):
    member = I % 4 == 0
    text = draft_of(
        tmp_path, people(**{name: np.where(member, answers[1], answers[0])})
    )
    rule = variables(text)
    [(own, found)] = [(n, r) for n, r in rule.items() if r["column"] == name]
    assert not kind or own == kind
    assert set(found["values"].values()) == LEVELS[kind]
    design, outcomes, axes = read_supplied(tmp_path / "p.csv", tmp_path / "m.yml")
    assert (outcomes, axes) == (["hurt"], [own])
    if kind == "gender":
        men = ("male", "homme", "hombre", "mann")
        said = "man" if name in men else "woman"
        assert (design.frame[own] == said).tolist() == member.tolist()


@pytest.mark.parametrize(
    ("name", "answers"),
    [
        ("population", ["3750", "25000", "125000", "250000"]),
        ("town_size", ["1", "2", "3", "4"]),
        ("Ortsgröße", ["bis 5.000", "5.000 bis 20.000", "über 20.000"]),
        ("taille de la commune", ["1", "2", "3"]),
        ("tamaño del municipio", ["1", "2", "3"]),
        ("income", ["Low", "Medium", "High"]),
        ("Highest degree", ["None", "High school", "Bachelor"]),
        ("religion", ["none", "some", "a lot"]),
        ("Recoded age", ["18-24", "25-34", "65+"]),
        ("education", ["Low", "Medium", "High"]),
    ],
)
def test_what_tells_of_groups_is_no_outcome(tmp_path, name, answers):
    steps = np.array(answers)[I % len(answers)]
    frame = pd.DataFrame({"sex": np.array(["m", "w"])[I % 2], name: steps})
    text = draft_of(tmp_path, frame)
    assert "low_" not in text
    assert name in {rule.get("column") for rule in variables(text).values()}


@pytest.mark.parametrize(
    "title",
    [
        "Have you been treated worse because of your gender?",
        "Were you discriminated against because of your ethnicity?",
        "Wurden Sie wegen Ihrer Religion benachteiligt?",
    ],
)
def test_what_was_done_to_somebody_is_no_identity(tmp_path, title):
    frame = pd.DataFrame({title: np.where(I % 3 == 0, "Yes", "No"), "sex": np.array(["Male", "Female"])[I % 2]})  # fmt: skip
    text = draft_of(tmp_path, frame)
    [outcome] = [r for r in variables(text).values() if r["column"] == title]
    assert outcome["values"] == {"No": 0, "Yes": 1}


# -- ages -------------------------------------------------------------------------------------------------------------

NO_AGES = {
    "decades": lambda: np.round(1.8 + (I % 80) / 10, 1),
    "years of birth": lambda: 1935 + I % 70,
    "months": lambda: 216 + 7 * (I % 90),
    "differences": lambda: I % 61 - 30,
    "pupils": lambda: np.round(6 + (I % 110) / 10, 1),
}


@pytest.mark.parametrize("kind", NO_AGES)
def test_numbers_that_cannot_be_ages_of_adults_have_one_caution_and_no_bands(
    tmp_path, kind
):
    text = draft_of(
        tmp_path, people(age=NO_AGES[kind](), sex=np.array(["m", "w"])[I % 2])
    )
    assert text.count("CAUTION: these numbers cannot be ages") == 1
    assert "cut: {" not in text
    assert "age_band" not in variables(text)


@pytest.mark.parametrize(
    "ages", [18 + I % 70, 5 + I % 80, np.round(16.75 + (I % 200) / 4, 2)]
)
def test_ages_of_people_have_bands_and_no_caution(tmp_path, ages):
    text = draft_of(tmp_path, people(age=ages))
    assert "cannot be ages" not in text
    assert "cut" in variables(text)["age_band"]


@pytest.mark.parametrize(
    "name",
    ["Age completed education", "age left school", "Age at first marriage", "Age of youngest child",
     "Alter bei Schulabschluss", "Âge de fin d'études", "Edad a la que terminó los estudios"],
)  # fmt: skip
def test_an_age_at_which_something_happened_is_not_the_age(tmp_path, name):
    text = draft_of(tmp_path, people(**{name: 14 + I % 40}))
    assert "age_band" not in variables(text)


# -- rare answers of a scale ------------------------------------------------------------------------------------------

STEPS = ["Never", "Rarely", "Sometimes", "Often", "Always"]


@QUICK
@given(
    sizes=st.lists(st.integers(0, 60), min_size=5, max_size=5),
    coded=st.booleans(),
    refused_=st.integers(0, 8),
)
def test_an_outcome_counts_every_answer_that_is_one(tmp_path, sizes, coded, refused_):
    """Whoever gave a step of the scale is in the denominator, on the side of the scale where the step stands."""
    texts = [str(k + 1) for k in range(5)] if coded else STEPS
    answers = [t for t, n in zip(texts, sizes, strict=True) for _ in range(n)]
    answers += ["Refused"] * refused_
    if sum(n >= 10 for n in sizes) < 3:
        return
    file = tmp_path / "p.csv"
    sex = np.array(["m", "w"])[np.arange(len(answers)) % 2]
    pd.DataFrame({"q": answers, "sex": sex}).to_csv(file, index=False)
    text = first_mapping(file, wanted=Wanted(columns=("q", "sex")))
    rule = every_variable(text)["low_q"]
    few = [t for t, n in zip(texts, sizes, strict=True) if 0 < n < 10]
    assert not set(few) & set(rule["yes"])
    if "CAUTION: answers of fewer than 10" in text:
        assert not coded
        return
    read = tl.read_survey(file, {"variables": {"low": rule, "sex": {}}})
    low = texts.index(rule["yes"][-1])
    inner = next(k for k, n in enumerate(sizes) if n >= 10 and k > low)
    for k, step in enumerate(texts):
        own = read["low"][[a == step for a in answers]]
        if not low < k < inner:
            assert (own == float(k <= low)).all()
        assert own.notna().all()
    assert read["low"][[a == "Refused" for a in answers]].isna().all()


def test_labelled_codes_of_unknown_words_keep_their_ends(tmp_path):
    pyreadstat = pytest.importorskip("pyreadstat")
    codes = np.repeat([1.0, 2.0, 3.0, 4.0, 5.0], [4, 60, 70, 60, 6])
    labels = dict(
        zip([1.0, 2.0, 3.0, 4.0, 5.0], ["zar", "yed", "xel", "won", "vim"], strict=True)
    )
    frame = pd.DataFrame({"q": codes, "sex": np.resize(["m", "w"], 200)})
    file = tmp_path / "p.sav"
    pyreadstat.write_sav(frame, str(file), variable_value_labels={"q": labels})
    rule = {"column": "q", "yes": ["yed"], "rare": "nearest"}
    read = tl.read_survey(file, {"variables": {"low": rule, "sex": {}}})
    assert read["low"].value_counts().to_dict() == {0.0: 136, 1.0: 64}


def test_only_an_outcome_counts_rare_answers():
    for rare in (0, 1, "nearest"):
        rule = {"values": {"m": "man"}, "rare": rare}
        refused(
            lambda rule=rule: tl.read_survey("none.csv", {"variables": {"v": rule}}),
            tl.CodebookError, ValueError, "only an outcome of 1 and 0 counts rare answers",
        )  # fmt: skip


def test_nearest_needs_numbers(tmp_path):
    file = tmp_path / "p.csv"
    pd.DataFrame({"q": ["a"] * 20 + ["b"] * 20 + ["c"] * 3}).to_csv(file, index=False)
    plan = {
        "variables": {
            "v": {"column": "q", "yes": ["a"], "no": ["b"], "rare": "nearest"}
        }
    }
    refused(
        lambda: tl.read_survey(file, plan), tl.CodebookError, ValueError, "not declared"
    )


# -- known identities -------------------------------------------------------------------------------------------------

KNOWN = load_yaml(tl.__path__[0] + "/../trustbook/known_identities.yml")
CODED = [
    (survey, name)
    for survey, facts in KNOWN.items()
    for name, said in facts["columns"].items()
    if said.get("values")
]
# Columns by which the design tells each survey, where no name of an identity does.
OF_DESIGN = {
    "NHANES": "WTINT2YR SDMVSTRA SDMVPSU", "BRFSS": "_LLCPWT _STSTR _PSU", "NHIS": "WTFA_A PSTRAT PPSU",
    "MEPS": "PERWT20F VARSTR VARPSU", "GSS": "WTSSPS VSTRAT VPSU", "HINTS": "PERSON_FINWT0 VAR_STRATUM VAR_CLUSTER",
    "CES": "COMMONWEIGHT", "ESS": "ANWEIGHT STRATUM PSU", "Eurobarometer": "W1 TNSCNTRY", "CHIS": "RAKEDW0",
    "HSE": "WT_INT PSU_SCR", "ACS": "PWGTP PWGTP1", "DHS": "V005 V021 V023", "NSDUH": "ANALWT_C VESTR VEREP",
    "PNS": "V0029 V0024 UPA_PNS", "KNHANES": "WT_ITV KSTRATA PSU", "CCHS": "WTS_M", "Household Pulse Survey": "PWEIGHT",
    "ANES": "V200010B V200010D V200010C",
}  # fmt: skip


@pytest.mark.parametrize(("survey", "name"), CODED)
def test_bare_codes_of_a_known_identity_have_their_meaning(tmp_path, survey, name):
    said = KNOWN[survey]["columns"][name]
    codes = list(map(str, said["values"]))
    weight, *units = OF_DESIGN[survey].split()
    column = name.replace("{year}", "20")
    more = dict.fromkeys(units, I % 4 + 1)
    frame = people(**{column: np.resize(codes, ROWS), weight: 900.5 + I % 5, **more})
    text = draft_of(tmp_path, frame)
    own = said.get("variable") or column.strip("_").lower()
    rules = {n: r for n, r in variables(text).items() if r["column"] == column}
    assert list(rules) == [own] or not said.get("variable")
    [rule] = rules.values()
    assert rule["values"] == {c: str(v) for c, v in zip(codes, said["values"].values(), strict=True)}  # fmt: skip
    assert ("levels" in rule) == bool(said.get("ordered"))
    assert f"## {survey} says what these codes mean" in text


def test_codes_that_the_codebook_does_not_know_are_left_as_they_are(tmp_path):
    text = draft_of(
        tmp_path, people(RIDRETH1=np.resize(["1", "2", "3", "8", "11"], ROWS))
    )
    assert "Mexican" not in text
    assert "low_" not in text


def test_names_that_many_surveys_use_say_nothing_without_the_design():
    assert identities_of(["sex", "race", "region", "d10", "v025"]) == {}
    assert set(identities_of(["sex", "race"], "GSS")) == {"sex", "race"}


def test_every_known_source_is_named():
    for survey, facts in KNOWN.items():
        assert facts["source"].count("https://") == 1, survey
        assert survey in OF_DESIGN


# -- whether a draft runs ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (pd.DataFrame({"sex": ["Male", "Female"] * 60}), "an outcome is to be chosen"),
        (pd.DataFrame({"hurt": ["Yes", "No"] * 60}), "an identity is to be chosen"),
        (pd.DataFrame({"id": [f"R{i}" for i in range(120)]}), "an outcome and an identity"),
        (people(sex=np.array(["m", "w"])[I % 2], stratum=I // 2, psu=I), "It runs as it is"),
    ],
)  # fmt: skip
def test_a_draft_says_that_it_runs_only_where_it_does(tmp_path, frame, words):
    assert words in draft_of(tmp_path, frame).splitlines()[0]


AGES_AND_CODES = np.where(I % 8 == 0, 97 + I % 3, 18 + I % 68)


@pytest.mark.parametrize(
    ("ages", "is_told"),
    [
        (AGES_AND_CODES, True),
        (18 + I % 82, False),  # people of 93 to 99 among others
        (np.where(I < 8, 99, 18 + I % 68), False),  # too few to say so
    ],
)
def test_codes_that_stand_apart_from_ages_are_told(tmp_path, ages, is_told):
    text = draft_of(tmp_path, people(age=ages))
    assert ("the highest numbers, from 96 to 99" in text) is is_told
    assert "cut: {" in text


def test_codes_of_a_known_survey_are_no_ages(tmp_path):
    frame = people(AGEP_A=AGES_AND_CODES, SEX_A=1 + I % 2)
    text = draft_of(tmp_path, frame)
    assert "stand apart" not in text
    read = read_supplied(tmp_path / "p.csv", tmp_path / "m.yml")[0].frame
    given = read["age_band"].notna()
    assert (given == (AGES_AND_CODES < 96)).all()
