"""The printed record of the polling: what was published, whether it can be true, and a population that honours it.

Nothing here needs anybody's answers. `record` reads the printed figures; `audit` asks by linear programmes whether they
can all be true and what they imply for groups that nobody printed; `questions` puts the book's questions to it;
`simulate` makes the synthetic stand-in. The modules may import each other in this order: audit, record, simulate;
questions. They use the errors, forms and files of `trustlib`, and none of its statistics.
"""
