"""The printed record of the polling: what was published, whether it can be true, and a population that honours it.

Nothing here needs anybody's answers. Three roads, each from the printed figures
(``data/published/figures.csv``, read by `trustlib.record.printed`):

* `trustlib.record.audit` asks by linear programmes whether they can all be true and what
  they imply for groups that nobody printed; `trustlib.record.questions` puts the book's
  questions to it;
* `trustlib.record.arithmetic` asks what they say about each other by plain sums;
* `trustlib.record.simulate` makes the synthetic stand-in: conditions (``targets``), the
  table nearest to a start that meets them (``entropy``, ``true_model``), its people
  (``people``), and weights and a table of what was achieved (``calibration``).

They use the errors, forms and files of `trustlib`, and none of its statistics.
"""
