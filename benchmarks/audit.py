"""How long the audit of the published record takes: every question of the book, and each of the slowest.

Run ``python benchmarks/audit.py`` from the top of the repository. CPU seconds; nothing is asserted.
"""

from __future__ import annotations

import time
from pathlib import Path

from trustlib.record.printed import load_figures
from trustlib.record.questions import answers
from trustlib.schema import load_yaml

ROOT = Path(__file__).parents[1]

FIGURES = load_figures(ROOT / "data" / "published" / "figures.csv")


def seconds(questions: dict) -> float:
    """CPU seconds to answer some questions."""
    start = time.process_time()
    answers(FIGURES, questions)
    return time.process_time() - start


def main() -> None:
    """Print one line for all questions, and one for each that takes longer than a tenth of a second."""
    plan = load_yaml(ROOT / "data" / "published" / "questions.yml")
    print(f"{seconds(plan):6.2f}  all {len(plan['questions'])} questions")
    for key, question in plan["questions"].items():
        spent = seconds({**plan, "questions": {key: question}})
        if spent > 0.1:
            print(f"{spent:6.2f}  {key}")


if __name__ == "__main__":
    main()
