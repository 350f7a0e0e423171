"""A numbered list of columns from which is chosen by numbers, and which grows by searching."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from trustbook.wizard.answers import are_numbers, numbers_in
from trustbook.wizard.asking import AnswerError, ask, tell
from trustbook.wizard.offers import Offer, Shelf

MOST_FOUND = 20  # columns that a search lists


@dataclass
class Menu:
    """The columns that are listed, with numbers that never change, and those that are proposed.

    Attributes
    ----------
    shelf : Shelf
        Where a search looks.
    fits : callable
        Which columns may be chosen at all.
    is_several : bool
        Whether what a search finds is added to what is proposed.
    offers : list of Offer
    preset : list of int
        The numbers that an empty answer stands for.
    """

    shelf: Shelf
    fits: Callable[[Offer], bool]
    is_several: bool
    offers: list[Offer] = field(default_factory=list)
    preset: list[int] = field(default_factory=list)

    def show(self, offers: Sequence[Offer]) -> list[int]:
        """List columns under their numbers, which are returned."""
        self.offers += [each for each in offers if each not in self.offers]
        numbers = [self.offers.index(each) + 1 for each in offers]
        for number, offer in zip(numbers, offers, strict=True):
            tell(f"  {number:>2}. {offer.line()}")
        return numbers

    def choose(self, question: str) -> list[Offer]:
        """Ask until columns are chosen.

        Parameters
        ----------
        question : str

        Returns
        -------
        list of Offer
        """
        chosen: list[Offer] = []
        while not chosen:
            preset = ",".join(map(str, self.preset)) or None
            chosen = ask(question, self._read, preset)
        return chosen

    def _read(self, text: str) -> list[Offer]:
        """The columns that are chosen; none after a search."""
        if are_numbers(text) and self.offers:
            return [self.offers[n - 1] for n in numbers_in(text, len(self.offers))]
        self._find(text)
        return []

    def _find(self, words: str) -> None:
        """List what a search finds."""
        found = [
            each
            for each in self.shelf.search(words)
            if each.is_usable and self.fits(each)
        ]
        if not words or not found:
            raise AnswerError(self._nothing(words))
        numbers = self.show(found[:MOST_FOUND])
        more = len(found) - MOST_FOUND
        if more > 0:
            tell(f"  and {more} more: search with one more word.")
        if len(found) > 1:
            return
        before = self.preset if self.is_several else []
        self.preset = list(dict.fromkeys([*before, *numbers]))

    def _nothing(self, words: str) -> str:
        """What is said where a search finds nothing that may be chosen."""
        text = (
            "No column that can be used here has these words in its name, label or "
            "answers. Try one word of the question."
        )
        hidden = self.shelf.hidden(words) if words else 0
        if hidden:
            text += f" Not offered, as they may hold personal details: {hidden}."
        return text
