"""The machine of the book: what is run, and what every printed number and page is checked against.

`trustlib` estimates; this package calls it. A methodologist who reviews the statistics reads `trustlib` alone; who
keeps the book, or points it at a file of her own, works here. The modules, in the order in which they may import each
other: plans (forms of the YAML files); sealing, runs; findings, site; cli.
"""
