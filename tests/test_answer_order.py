"""Scales of every kind, from the draft through the mapping and the joining of levels to the page: their order holds."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import trustlib as tl
from samples import publish_levels
from trustbook.answer_order import is_of_words, order_of
from trustbook.families import Family, coarser
from trustbook.found import found_in, rows_of_table
from trustbook.proposal import first_mapping
from trustbook.supplied import read_supplied
from trustlib import yaml12

SCALES = {
    "agreement, 5": ["Strongly disagree", "Disagree", "Neither agree nor disagree", "Agree", "Strongly agree"],
    "agreement, 7": ["Strongly disagree", "Disagree", "Somewhat disagree", "Neutral", "Somewhat agree", "Agree", "Strongly agree"],
    "agreement, tend": ["Strongly disagree", "Tend to disagree", "Neither agree nor disagree", "Tend to agree", "Strongly agree"],
    "agreement, German": ["Stimme überhaupt nicht zu", "Stimme eher nicht zu", "Teils, teils", "Stimme eher zu", "Stimme voll und ganz zu"],
    "agreement, trifft zu": ["Trifft überhaupt nicht zu", "Trifft eher nicht zu", "Trifft eher zu", "Trifft voll und ganz zu"],
    "agreement, French": ["Pas du tout d'accord", "Plutôt pas d’accord", "Ni d'accord ni pas d'accord", "Plutôt d'accord", "Tout à fait d'accord"],
    "agreement, Spanish": ["Totalmente en desacuerdo", "En desacuerdo", "Ni de acuerdo ni en desacuerdo", "De acuerdo", "Totalmente de acuerdo"],
    "agreement, Portuguese": ["Discordo totalmente", "Discordo parcialmente", "Nem concordo nem discordo", "Concordo parcialmente", "Concordo totalmente"],
    "agreement, Japanese": ["全くそう思わない", "あまりそう思わない", "どちらともいえない", "ややそう思う", "とてもそう思う"],
    "class": ["Lower class", "Working class", "Lower middle class", "Middle class", "Upper middle class", "Upper class"],
    "living on an income": ["Finding it very difficult", "Finding it difficult", "Coping", "Living comfortably"],
    "fifths": ["Lowest quintile", "Second", "Third", "Fourth", "Highest quintile"],
    "wealth": ["Poorest", "Poorer", "Middle", "Richer", "Richest"],
    "quarters": ["Bottom quarter", "Second quarter", "Third quarter", "Top quarter"],
    "town": ["Rural area or village", "Small or middle sized town", "Large town"],
    "frequency": ["Never", "Rarely", "Sometimes", "Often", "Always"],
    "frequency, usually": ["Never", "Sometimes", "Usually", "Always"],
    "frequency, German": ["Nie", "Selten", "Manchmal", "Oft", "Immer"],
    "frequency, French": ["Jamais", "Rarement", "Parfois", "Souvent", "Toujours"],
    "frequency, Spanish": ["Nunca", "Casi nunca", "A veces", "Casi siempre", "Siempre"],
    "frequency, Portuguese": ["Nunca", "Raramente", "Às vezes", "Frequentemente", "Sempre"],
    "frequency, Japanese": ["全くない", "めったにない", "時々", "しばしば", "いつも"],
    "times": ["Never", "Less than once a year", "Once a year", "Several times a year", "Monthly", "Weekly", "Daily"],
    "days": ["Not at all", "Several days", "More than half the days", "Nearly every day"],
    "trust": ["Not at all", "A little", "Some", "A lot"],
    "trust, amount": ["No trust at all", "Not very much trust", "A fair amount of trust", "A great deal of trust"],
    "trust, do not": ["Do not trust at all", "Do not trust very much", "Trust somewhat", "Trust completely"],
    "trust, two sides": ["Strongly distrust", "Somewhat distrust", "Neither trust nor distrust", "Somewhat trust", "Strongly trust"],
    "trust, German": ["Überhaupt kein Vertrauen", "Wenig Vertrauen", "Etwas Vertrauen", "Ziemlich viel Vertrauen", "Sehr viel Vertrauen"],
    "trust, French": ["Pas confiance du tout", "Plutôt pas confiance", "Plutôt confiance", "Tout à fait confiance"],
    "trust, Spanish": ["Ninguna confianza", "Poca confianza", "Algo de confianza", "Mucha confianza"],
    "trust, Portuguese": ["Não confio nada", "Confio pouco", "Confio em parte", "Confio muito", "Confio totalmente"],
    "trust, Japanese": ["全く信頼していない", "あまり信頼していない", "ある程度信頼している", "非常に信頼している"],
    "health": ["Poor", "Fair", "Good", "Very good", "Excellent"],
    "health, German": ["Sehr schlecht", "Schlecht", "Mittelmäßig", "Gut", "Sehr gut"],
    "health, French": ["Très mauvais", "Mauvais", "Assez bon", "Bon", "Très bon"],
    "health, Spanish": ["Muy mala", "Mala", "Regular", "Buena", "Muy buena"],
    "health, Portuguese": ["Muito má", "Má", "Razoável", "Boa", "Muito boa"],
    "health, Japanese": ["よくない", "あまりよくない", "ふつう", "まあよい", "よい"],
    "satisfaction": ["Very dissatisfied", "Somewhat dissatisfied", "Neither satisfied nor dissatisfied", "Somewhat satisfied", "Very satisfied"],
    "satisfaction, one side": ["Not at all satisfied", "Slightly satisfied", "Moderately satisfied", "Very satisfied", "Extremely satisfied"],
    "satisfaction, German": ["Sehr unzufrieden", "Eher unzufrieden", "Weder zufrieden noch unzufrieden", "Eher zufrieden", "Sehr zufrieden"],
    "satisfaction, French": ["Très insatisfait(e)", "Plutôt insatisfait(e)", "Ni satisfait(e) ni insatisfait(e)", "Plutôt satisfait(e)", "Très satisfait(e)"],
    "satisfaction, Spanish": ["Nada satisfecho", "Poco satisfecho", "Bastante satisfecho", "Muy satisfecho"],
    "satisfaction, Portuguese": ["Muito insatisfeito", "Insatisfeito", "Nem satisfeito nem insatisfeito", "Satisfeito", "Muito satisfeito"],
    "satisfaction, Japanese": ["非常に不満", "やや不満", "どちらともいえない", "やや満足", "非常に満足"],
    "likelihood": ["Very unlikely", "Somewhat unlikely", "Neither likely nor unlikely", "Somewhat likely", "Very likely"],
    "likelihood, would": ["Definitely would not", "Probably would not", "Might or might not", "Probably would", "Definitely would"],
    "likelihood, German": ["Sehr unwahrscheinlich", "Eher unwahrscheinlich", "Eher wahrscheinlich", "Sehr wahrscheinlich"],
    "likelihood, French": ["Pas du tout probable", "Peu probable", "Assez probable", "Très probable"],
    "likelihood, Spanish": ["Muy improbable", "Improbable", "Probable", "Muy probable"],
    "likelihood, Portuguese": ["Muito improvável", "Improvável", "Provável", "Muito provável"],
    "likelihood, Japanese": ["全く可能性がない", "可能性は低い", "可能性は高い", "非常に可能性が高い"],
    "quality": ["Very poor", "Poor", "Fair", "Good", "Excellent"],
    "quality, Portuguese": ["Péssimo", "Ruim", "Regular", "Bom", "Ótimo"],
    "importance": ["Not at all important", "Not very important", "Fairly important", "Very important"],
    "difficulty": ["No difficulty", "Some difficulty", "A lot of difficulty", "Cannot do at all"],
    "change": ["Much worse", "Somewhat worse", "About the same", "Somewhat better", "Much better"],
    "Italian": ["Per niente", "Poco", "Abbastanza", "Molto"],
    "Dutch": ["Helemaal mee oneens", "Mee oneens", "Neutraal", "Mee eens", "Helemaal mee eens"],
    "pounds": ["£0-£9,999", "£10,000-£24,999", "£25,000-£49,999", "£50,000-£99,999", "£100,000 or more"],
    "dollars": ["Less than $20,000", "$20,000 to < $35,000", "$35,000 to < $50,000", "$50,000 to < $75,000", "$75,000 or More"],
    "thousands": ["Under $25k", "$25k-$50k", "$50k-$100k", "$100k+"],
    "euros, French": ["Moins de 10 000 €", "10 000 € à 19 999 €", "20 000 € à 49 999 €", "50 000 € et plus"],
    "euros, German": ["Unter 1.000 €", "1.000 bis unter 2.000 €", "2.000 bis unter 4.000 €", "4.000 € und mehr"],
    "reais": ["Até R$ 2.000", "De R$ 2.001 a R$ 5.000", "De R$ 5.001 a R$ 10.000", "Mais de R$ 10.000"],
    "pesos": ["Menos de $5,000", "De $5,000 a $9,999", "De $10,000 a $19,999", "$20,000 o más"],
    "yen": ["200万円未満", "200～400万円未満", "400～600万円未満", "600～1000万円未満", "1000万円以上"],
    "ages": ["Under 18", "18-24", "25-34", "35-44", "45-54", "55-64", "65+"],
    "ages, French": ["18 à 24 ans", "25 à 34 ans", "35 à 64 ans", "65 ans et plus"],
    "ages, Japanese": ["18～29歳", "30～49歳", "50～64歳", "65歳以上"],
    "numbers": ["1", "2", "3", "10", "11"],
    "anchored": ["0 - Not at all", "1", "2", "9", "10 - Completely"],
    "education": ["Less than high school", "High school graduate", "Some college", "Bachelor's degree", "Postgraduate degree"],
    "run together": ["not", "notvery", "somewhat", "very"],
    "run together, agreement": ["stronglydisagree", "disagree", "neutral", "agree", "stronglyagree"],
    "run together, strength last": ["disagreestrongly", "disagreesomewhat", "agreesomewhat", "agreestrongly"],
    "run together, of a thing": ["notimportant", "somewhatimportant", "veryimportant", "extremelyimportant"],
    "run together, phrases": ["notatall", "alittle", "somewhat", "alot"],
    "humps": ["VeryDissatisfied", "Dissatisfied", "Neutral", "Satisfied", "VerySatisfied"],
    "humps, frequency": ["Never", "AlmostNever", "Sometimes", "AlmostAlways", "Always"],
    "underscores": ["strongly_disagree", "somewhat_disagree", "neither", "somewhat_agree", "strongly_agree"],
    "run together, German": ["garnicht", "wenig", "etwas", "sehr"],
    "run together, French": ["pasdutout", "peu", "assez", "tres"],
    "run together, Spanish": ["muymala", "mala", "buena", "muybuena"],
    "alone": ["Not", "Slightly", "Moderately", "Very", "Extremely"],
    "alone, German": ["nicht", "kaum", "etwas", "sehr"],
    "alone, French": ["pas", "peu", "assez", "très"],
    "alone, Spanish": ["nada", "poco", "algo", "mucho"],
    "enough": ["Too little", "About right", "Too much"],
    "level": ["Very low", "Low", "Medium", "High", "Very high"],
    "dependence": ["independent", "slightly dependent", "moderately dependent", "severely dependent"],
    "below zero": ["-2", "-1", "0", "1", "2"],
    "decimals": ["-1.5", "0.25", "0.5", "2.75", "10.5"],
    "education, short": ["HS grad or less", "Some coll/Assoc degree", "Coll+"],
    "education, German": ["Kein Abschluss", "Hauptschulabschluss", "Mittlere Reife", "Abitur", "Hochschulabschluss"],
}  # fmt: skip
NO_SCALES = [
    ["Black", "White", "Asian"],
    ["Male", "Female", "Other"],
    ["London", "Paris", "Rome"],
    ["Married", "Single", "Divorced", "Widowed"],
    ["Employed", "Unemployed", "Retired", "Not working"],
    ["White", "Mixed", "Black", "Not Hispanic"],
    ["white", "nonwhite", "other"],
    ["Norway", "Northern", "Nottingham"],
    ["Employed", "notemployed", "student"],
    ["McDonald", "MacLean", "Peters"],
    ["Lowestoft", "Highgate", "Midlands"],
    ["notebook", "phone", "tablet"],
]
KINDS = st.sampled_from(sorted(SCALES))
SLOW = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


def steps_of(level: object, kept: list[str]) -> list[str]:
    """The steps of a scale that stand together in a level."""
    steps: list[str] = []
    for part in str(level).split(" or "):
        low, _, high = part.partition(" to ")
        if high and low in kept and high in kept:
            steps += kept[kept.index(low) : kept.index(high) + 1]
        else:
            steps.append(part)
    return steps


@pytest.mark.parametrize("kind", SCALES)
def test_each_scale_is_put_in_order_from_low_to_high(kind):
    for seed in range(4):
        answers = list(np.random.default_rng(seed).permutation(SCALES[kind]))
        assert order_of(answers) == SCALES[kind]


@given(kind=KINDS, data=st.data())
def test_any_part_of_a_scale_keeps_its_order(kind, data):
    """Answers that few people gave are not written: the others stand as before, or nothing is said."""
    whole = SCALES[kind]
    part = data.draw(st.lists(st.sampled_from(whole), min_size=2, unique=True))
    order = order_of(part)
    assert order is None or order == [step for step in whole if step in part]


@pytest.mark.parametrize(
    "scale",
    [
        ["High school graduate", "Some college"],
        [
            "Less than high school degree",
            "High school degree",
            "Some college or Associate degree",
            "Bachelor degree",
            "Graduate degree",
        ],
    ],
)
def test_a_word_of_another_scale_does_not_turn_one(scale):
    assert order_of(scale) == scale
    assert order_of(scale[::-1]) == scale


@pytest.mark.parametrize("answers", NO_SCALES)
def test_names_are_no_scale(answers):
    assert order_of(answers) is None
    assert not is_of_words(answers)


@given(
    sizes=st.lists(st.tuples(st.integers(1, 60), st.integers(1, 60)), min_size=3, max_size=8)
)  # fmt: skip
def test_joined_levels_of_a_scale_are_neighbours_and_never_its_two_ends(sizes):
    names = [f"step {chr(97 + i)}" for i in range(len(sizes))]
    levels = [n for n, (no, yes) in zip(names, sizes, strict=True) for _ in range(no + yes)]  # fmt: skip
    answers = [y for no, yes in sizes for y in (0,) * no + (1,) * yes]
    column = pd.Series(pd.Categorical(levels, names))
    for form in coarser(column, pd.Series(answers), ordered=True):
        parts = [str(level).split(" or ") for level in form.cat.categories]
        assert list(itertools.chain(*parts)) == names
        assert len(parts) >= 2
        assert not any({names[0], names[-1]} <= set(part) for part in parts)


def scale_file(folder, kind: str, seed: int):
    """A survey of a scale whose ends are rare enough to be joined, and an outcome."""
    rng = np.random.default_rng(seed)
    steps = SCALES[kind]
    share = rng.dirichlet(np.full(len(steps), 1.2))
    share = 0.7 * share + 0.3 / len(steps)
    file = folder / "people.csv"
    rows = 700
    frame = pd.DataFrame(
        {
            "doctor": rng.choice(["Yes", "No"], rows),
            "step": rng.choice(steps, rows, p=share / share.sum()),
            "sex": rng.choice(["Male", "Female"], rows),
        }
    )
    frame.to_csv(file, index=False)
    return file


@SLOW
@given(kind=KINDS, seed=st.integers(0, 5))
def test_a_scale_keeps_its_order_from_the_draft_to_the_first_page(tmp_path, kind, seed):
    file = scale_file(tmp_path, kind, seed)
    text = first_mapping(file)
    made = yaml.safe_load(
        "\n".join(line.removeprefix("# ") for line in text.splitlines())
    )
    rule = made["variables"]["step"]
    kept = [step for step in SCALES[kind] if step in rule["levels"]]
    assert rule["levels"] == kept
    plan = {"source": made["source"], "variables": {
        "doctor": made["variables"]["doctor"], "step": rule}}  # fmt: skip
    way = tmp_path / "m.yml"
    way.write_text(yaml.safe_dump(plan, allow_unicode=True), encoding="utf-8")
    design, outcomes, axes = read_supplied(file, way)
    assert (outcomes, axes) == (["doctor"], ["step"])
    assert list(design.frame["step"].cat.categories) == kept
    assert design.frame.attrs["ordered"] == ["step"]
    family = Family(design, "doctor", axes)
    for form in {form for each in family.sets for form in each}:
        levels = family.base.frame[form].cat.categories
        flat = list(itertools.chain(*(steps_of(level, kept) for level in levels)))
        assert "".join(flat).replace(" ", "") == "".join(
            part for step in kept for part in step.split(" or ")
        ).replace(" ", "")
        cells = tl.cell_means(tl.compress(family.base, "doctor", [form]))
        shown = [str(level) for level in cells.frame[form]]
        assert shown == [str(level) for level in levels]
    require_order_on_the_page(family, kept, tmp_path / f"{seed}-{len(kept)}")


def require_order_on_the_page(family: Family, steps: list[str], folder) -> None:
    """The groups of the first table stand in the order of the scale, joined ones too."""
    everyone = tl.compress(family.base, "doctor", [])
    entries = []
    for axes in family.sets:
        run = "-".join(axes)
        cells = tl.compress(family.base, "doctor", axes)
        publish_levels(cells, everyone, axes, folder / run / "tables")
        entries.append({"id": run, "template": "levels", "parameters": {"axes": axes}})
    found = found_in([family], ["step"], entries, folder, family.withheld)
    groups = [group for _, _, group in rows_of_table(found)]
    assert bool(groups) == bool(family.sets)
    if groups:
        shown = [step for group in groups for step in steps_of(group.name, steps)]
        assert " or ".join(shown) == " or ".join(steps)
        assert [group.gap is None for group in groups] == [
            place == 0 for place in range(len(groups))
        ]


@SLOW
@given(kind=KINDS, seed=st.integers(0, 3))
def test_the_low_end_of_a_scale_of_words_is_a_two_way_outcome(tmp_path, kind, seed):
    file = scale_file(tmp_path, kind, seed)
    frame = pd.read_csv(file, dtype=str, keep_default_na=False)
    frame.rename(columns={"step": "trust"}).to_csv(file, index=False)
    text = first_mapping(file)
    if not is_of_words(SCALES[kind]):
        return
    way = tmp_path / "m.yml"
    way.write_text(text, encoding="utf-8")
    design, outcomes, _ = read_supplied(file, way)
    assert outcomes == ["low_trust"]
    steps = yaml12.load(text)["variables"]["low_trust"]["yes"]
    low = SCALES[kind][: len(SCALES[kind]) // 2]
    assert steps == low
    given_low = frame["step"].isin(low).to_numpy()
    assert (design.frame["low_trust"].to_numpy() == given_low).all()


def test_a_draft_sorts_numbers_as_numbers(tmp_path):
    frame = pd.DataFrame({"trust": [str(i) for i in range(11)] * 12, "y": ["Yes", "No"] * 66})  # fmt: skip
    frame.to_csv(tmp_path / "p.csv", index=False)
    text = first_mapping(tmp_path / "p.csv")
    made = yaml12.load(text.replace("\n# ", "\n"))["variables"]
    assert made["trust"]["levels"] == [str(i) for i in range(11)]
    assert made["low_trust"]["yes"] == ["0", "1", "2", "3", "4"]


def test_a_two_way_outcome_refuses_what_may_be_no_answer(tmp_path):
    answers = ["A lot", "A little", "Not at all", "Don't know"] * 30
    pd.DataFrame({"q": answers, "sex": ["m", "w"] * 60}).to_csv(tmp_path / "p.csv")
    rule = {"column": "q", "yes": ["A little", "Not at all"]}
    plan = {"variables": {"low": rule, "sex": {"values": {"m": "m", "w": "w"}}}}
    with pytest.raises(tl.CodebookError, match="may mean missing beside yes: \"Don't"):
        tl.read_survey(tmp_path / "p.csv", plan)
    rule["missing"] = {"Don't know": "do not know"}
    read = tl.read_survey(tmp_path / "p.csv", plan)
    assert read["low"].value_counts().to_dict() == {1.0: 60, 0.0: 30}
    rule |= {"missing": {}, "no": ["A lot", "Don't know"]}
    assert tl.read_survey(tmp_path / "p.csv", plan)["low"].mean() == 0.5
