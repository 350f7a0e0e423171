"""The machine of the book: what is run, what is asked of the record, and what every printed number is checked against.

`trustlib` estimates; this package calls it. A methodologist who reviews the statistics reads `trustlib` alone; who
keeps the book, or points it at a file of her own, works here. The modules, in the order in which they may import each
other: plans (forms of the YAML files); record, sealing, simulate, runs; questions, findings; cli.
"""
