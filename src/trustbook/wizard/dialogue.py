"""The questions of ``trustlib start`` in their order, from a file to a mapping.

Nothing is written before the last of them is answered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os.path import relpath
from pathlib import Path

from trustbook.proposal import Draft, draft_of
from trustbook.runs import source_kind
from trustbook.wizard.answers import name_in, one_number
from trustbook.wizard.asking import AnswerError, ask, confirm, tell
from trustbook.wizard.designs import chosen_design
from trustbook.wizard.mapping_text import Choices, Entry, mapping_text
from trustbook.wizard.menu import Menu
from trustbook.wizard.offers import Offer, Shelf
from trustbook.wizard.variables import (
    identity_of,
    outcomes_of,
    populations_of,
    with_references,
)
from trustlib.errors import SurveyFileError
from trustlib.escaping import visible
from trustlib.writing import write_text

NAME = "mapping.yml"
KINDS = ("supplied", "real", "synthetic")
LONGEST_LABEL = 100
SEARCH = "  None is proposed. Search for one word of the question."


def start(
    file: str | Path, encoding: str | None = None, sheet: str | None = None
) -> Path:
    """Ask in the terminal what a mapping needs, and write it.

    Parameters
    ----------
    file : path
        See `trustlib.files.read_table`.
    encoding, sheet : str, optional
        The same.

    Returns
    -------
    Path
        The mapping.

    Raises
    ------
    MissingFileError, SurveyFileError
    typer.Abort
        The one who answers has left: nothing is written.

    Examples
    --------
    ::

        mapping = start("poll.xlsx")
    """
    file = Path(file)
    draft = draft_of(file, encoding, sheet)
    tell(*_shape(file, draft))
    entries = _variables(draft)
    tell("", "THE SAMPLE: how were these people drawn?")
    design = chosen_design(draft.raw, draft.design)
    populations = populations_of(entries)
    label = _label(file, entries)
    kind = _kind(file)
    path, is_over = _place(file)
    choices = Choices(
        file,
        relpath(file.resolve(), path.parent),
        draft.raw,
        kind,
        label,
        entries,
        design,
        sheet,
        encoding,
        populations,
    )
    write_text(path, mapping_text(choices), new=not is_over)
    tell(f"Written: {path}")
    return path


def _shape(file: Path, draft: Draft) -> list[str]:
    """What a file is, before the first question."""
    people, columns = draft.raw.shape
    lines = [f"{visible(file.name)}: {people:,} people, {columns:,} columns."]
    lines += [f"Not read as people: {n}." for n in draft.raw.attrs.get("notes", [])]
    lines.append(
        "An empty answer takes what stands in [ ]. Ctrl-C leaves, and nothing is written "
        "before the last question. No answer of fewer than 10 people is shown."
    )
    return lines


def _variables(draft: Draft) -> list[Entry]:
    """Outcomes and identities, as they are chosen."""
    shelf = Shelf(draft)
    _require_some(shelf.offers, lambda offer: offer.may_be_outcome, "an outcome")
    taken = {v.name for each in draft.proposals for v in each.variables}
    outcomes = Menu(shelf, lambda offer: offer.may_be_outcome, is_several=False)
    tell("", "THE OUTCOME: which question is it about?")
    proposed = outcomes.show(shelf.outcomes())
    outcomes.preset = proposed[:1]
    if not proposed:
        tell(SEARCH)
    chosen = outcomes.choose("Its number, several with commas, or words to search for")
    entries = [entry for offer in chosen for entry in outcomes_of(offer, taken)]

    def is_free(offer: Offer) -> bool:
        return offer.may_be_identity and offer not in chosen

    identities = Menu(shelf, is_free, is_several=True)
    _require_some(shelf.offers, is_free, "an identity", chosen)
    tell("", "IDENTITIES: which groups are compared?")
    offers = shelf.identities(chosen)
    numbers = identities.show(offers)
    if not numbers:
        tell(SEARCH)
    pairs = zip(numbers, offers, strict=True)
    identities.preset = [number for number, each in pairs if shelf.is_taken(each)]
    groups = identities.choose("Their numbers, or words to search for")
    made = [identity_of(offer, taken) for offer in groups]
    return [*entries, *with_references(made)]


def _require_some(
    offers: Sequence[Offer],
    fits: Callable[[Offer], bool],
    what: str,
    chosen: Sequence[Offer] = (),
) -> None:
    """Refuse a file of which no outcome, or beside the outcome no identity, can be made."""
    if any(offer.is_usable and fits(offer) for offer in offers):
        return
    look = "Look at what is said of each column: trustlib mapping-init FILE."
    if chosen:
        raise SurveyFileError(
            f"Beside the outcome the file has no column of which {what} can be made.",
            f"Begin again with another outcome, or ask for a file with groups. {look}",
        )
    raise SurveyFileError(f"The file has no column of which {what} can be made.", look)


def _label(file: Path, entries: list[Entry]) -> str:
    """What the survey is called on the pages."""
    names = {entry.name for entry in entries}
    lacking = [name for name in ("country", "year") if _is_lacking(name, names)]
    more = f", with its {' and '.join(lacking)}" if lacking else ""

    def read(text: str) -> str:
        label = visible(text, LONGEST_LABEL)
        if not label:
            raise AnswerError("Give a few words.")
        return label

    stem = visible(file.name.partition(".")[0], 60)
    return ask(f"Name of the survey on the pages{more}", read, stem)


def _is_lacking(name: str, names: set[str]) -> bool:
    """Whether no variable says it."""
    return {"country": "country", "year": "wave"}[name] not in names


def _kind(file: Path) -> str:
    """What kind of people they are: what the file says, else what is asked."""
    known = source_kind(file)
    if known in KINDS:
        return str(known)
    question = (
        "Whose answers? 1 a file of your own, 2 a public survey, 3 made-up people"
    )
    return KINDS[ask(question, lambda text: one_number(text, len(KINDS)), "1") - 1]


def _place(file: Path) -> tuple[Path, bool]:
    """Where the mapping goes, and whether it takes the place of another."""
    folder = ask("Folder for the mapping and the book", _folder, str(file.parent))
    path = folder / NAME
    while path.exists():
        if confirm(f"{path.name} is there already. Write over it?", default=False):
            return path, True
        path = folder / ask("Another name", name_in, _free_name(folder))
    return path, False


def _folder(text: str) -> Path:
    """A folder that is there, or can be made."""
    folder = Path(text).expanduser().resolve()
    if folder.exists() and not folder.is_dir():
        raise AnswerError("This is a file. Name a folder.")
    return folder


def _free_name(folder: Path) -> str:
    numbered = (f"mapping-{number}.yml" for number in range(2, 1000))
    return next(name for name in numbered if not (folder / name).exists())
