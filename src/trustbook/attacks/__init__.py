"""Attacks on what is published of a survey file, one module for each kind of knowledge.

`published` says what an attacker has, `guesses` what she makes of it, and `registry`
names all attacks. Each is a function from what is published to guesses, with how sure
she is of each; `trustbook.attack` reports those that she is sure of. They know the
noise of protected cells, so that the same attack is tried with protection and without
(``benchmarks/attacks.py``).
"""
