"""How wrong could a panel be? Four questions that no answer of a panel can settle, each with a number.

* `yes_sayers`: some say yes to whatever is asked. What is left without them?
  `yes_sayer_curve` asks it for several shares, `yes_sayer_shares` the other way round:
  how many would undo a gap? (`trustlib.review.yes_saying`)
* `tipping_points`: no panel reaches everybody. How different would people outside have to
  be? `data_defect` says what a panel is worth if a truth is supposed.
  (`trustlib.review.outside`)
* `unadjusted_bias`: the panel differs from the population in what is known of both. How
  far may the answer be off? (`trustlib.review.unadjusted`)
* `refusals`: some refuse the question. What if they would have answered otherwise?
  (`trustlib.review.refusals`)

None of them says how wrong a panel *is*: they say what would have to be true.

Examples
--------
>>> import pandas as pd
>>> import trustlib as tl
>>> rows = pd.DataFrame({"disabled": ["no"] * 80 + ["yes"] * 40})
>>> rows["y"] = [1.0, 0.0] * 40 + [1.0, 1.0, 1.0, 0.0] * 10
>>> cells = tl.compress(tl.SurveyDesign(rows, weight=None), "y", ["disabled"])
>>> yes_sayers(cells, share=0.1).frame["estimate"].round(3).tolist()
[0.5, 0.643]
>>> gaps = tl.comparisons(tl.cell_means(cells))
>>> tipping_points(gaps, outside=0.5).frame["estimate"].tolist()
[0.25, 0.5, 1.0]
"""

from trustlib.review.outside import data_defect, tipping_points
from trustlib.review.refusals import refusals
from trustlib.review.unadjusted import unadjusted_bias
from trustlib.review.yes_saying import yes_sayer_curve, yes_sayer_shares, yes_sayers

__all__ = [
    "data_defect",
    "refusals",
    "tipping_points",
    "unadjusted_bias",
    "yes_sayer_curve",
    "yes_sayer_shares",
    "yes_sayers",
]
