"""The machine of the book: what is run, and what numbers and pages are checked against.

`trustlib` estimates; this package calls it. A methodologist who reviews the statistics
reads `trustlib` alone; who keeps the book, or points it at a file of her own, works
here. `start` is where the command begins, `commands` holds what each command asks for,
and `cli` puts them together. The test of the structure has the order in which modules
may import each other.
"""
