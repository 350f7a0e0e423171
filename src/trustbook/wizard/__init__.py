"""The wizard ``trustlib start``: a few questions in the terminal, and a mapping of what was answered.

`asking` puts a question until the answer fits, `offers` says what a file has to choose
from, `answers` reads what is typed, `mapping_text` writes the mapping, and `dialogue`
is the questions in their order.
"""
