# SPDX-License-Identifier: GPL-2.0
"""Figures against goals (tests/bench/goals) and against those that are committed
(tests/bench/figures.json), and the table of all."""

import fnmatch
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import cases
from lib import machine, report

HERE = Path(__file__).resolve().parent
GOALS = HERE / "goals"
FIGURES = HERE / "figures.json"
WORSE = 1.02                # than the committed figure, and it is a failure
COLD = 1.1                  # of a first call, which finds the allocators as it finds them
COLUMNS = ("first", "second", "segments")
GOAL = re.compile(r"(?:(?P<number>\d+(?:\.\d+)?)|plain(?:(?P<op>[*+])(?P<by>\d+(?:\.\d+)?))?"
                  r"|(?P<other>[a-z]+/[^\s*]+)(?:\*(?P<factor>\d+(?:\.\d+)?))?|-)")

# A kernel's figures of one case: those that there are of COLUMNS. None: refused.
Figures = dict[str, float] | None


@dataclass
class Row:
    """One case."""
    case: cases.Case
    plain: Figures = None
    ours: Figures = None
    goals: tuple[str, ...] = ()                     # as they are written
    over: dict[str, float] = field(default_factory=dict)    # column -> the goal


def read_goals() -> list[tuple[str, tuple[str, ...]]]:
    """Pattern of names -> a goal for each column."""
    found = []
    for number, line in enumerate(GOALS.read_text().splitlines(), 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        if len(words) not in (3, 4) or not all(map(GOAL.fullmatch, words[1:])):
            raise machine.Failure(f"{GOALS}:{number}: not a goal: {line}")
        found.append((words[0], tuple(words[1:])))
    return found


def goal_of(text: str, row: Row, column: str, rows: dict[str, Row]) -> float | None:
    """The figure that a goal stands for; None if there is nothing to compare with."""
    match = GOAL.fullmatch(text)
    if match["number"]:
        return float(match["number"])
    if match["other"]:
        other = rows.get(match["other"])
        figure = (other.ours or {}).get(column) if other else None
        return None if figure is None else figure * float(match["factor"] or 1)
    plain = (row.plain or {}).get(column)
    if text == "-" or plain is None:
        return None
    if match["op"] == "*":
        return plain * float(match["by"])
    return plain + float(match["by"] or 0)


def judge(rows: dict[str, Row]) -> list[str]:
    """Fill in the goals; texts for what is over them. Whole instructions count."""
    goals = read_goals()
    found = []
    for name, row in rows.items():
        row.goals = next((g for pattern, g in goals if fnmatch.fnmatchcase(name, pattern)),
                         ())
        if row.goals and row.ours is None:
            found.append(f"{name}: refused or not measured")
            continue
        for column, text in zip(COLUMNS, row.goals):
            goal = goal_of(text, row, column, rows)
            if goal is not None and round(row.ours[column]) > round(goal):
                row.over[column] = goal
                found.append(f"{name} {label(row.case, column)}: "
                             f"{number_text(row.ours[column])}, the goal is "
                             f"{number_text(goal)} ({text})")
    return found


def compare(rows: dict[str, Row], all_measured: bool, made_with: dict[str, str]) -> list[str]:
    """Texts for what is worse than what is committed."""
    if not FIGURES.exists():
        return [f"there is no {FIGURES}: make bench UPDATE=1 writes it"]
    committed = json.loads(FIGURES.read_text())
    remark = "" if committed["made_with"] == made_with else (
        f" (committed with {committed['made_with']}, this is {made_with})")
    found = []
    for name, figures in committed["figures"].items():
        row = rows.get(name)
        if row is None or row.ours is None:
            if row is not None or all_measured:
                found.append(f"{name}: there is a committed figure, and it was refused or "
                             "not measured")
            continue
        limit = COLD if "-cold" in name else WORSE
        for column, figure in zip(COLUMNS, figures):
            if row.ours[column] > figure * limit + 0.005:
                found.append(f"{name} {label(row.case, column)}: "
                             f"{number_text(row.ours[column])}, committed is "
                             f"{number_text(figure)}{remark}")
    return found


def update(rows: dict[str, Row], all_measured: bool, made_with: dict[str, str]) -> None:
    """Write the figures that are committed; where not all was measured, into them."""
    figures = {}
    if not all_measured and FIGURES.exists():
        figures = json.loads(FIGURES.read_text())["figures"]
    figures |= {name: [round(row.ours[c], 2) for c in COLUMNS if c in row.ours]
                for name, row in rows.items() if row.ours}
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(values)}"
                       for name, values in figures.items())
    FIGURES.write_text(f'{{\n "made_with": {json.dumps(made_with)},\n "figures": {{\n'
                       f"{lines}\n }}\n}}\n")


def label(case: cases.Case, column: str) -> str:
    """What a column is called for a case."""
    if column == "segments":
        return "DMA segments"
    return case.fields[COLUMNS.index(column)].removeprefix("first_")


def number_text(number: float) -> str:
    """A figure for people."""
    if number >= 100 or abs(number - round(number)) < 0.05:
        return f"{number:.0f}"
    return f"{number:.1f}"


def cell(figures: Figures, over: dict[str, float]) -> str:
    """All figures of a kernel, or why there are none; "!" marks those over the goal."""
    if figures is None:
        return "-"
    return " / ".join(number_text(figures[c]) + ("!" if c in over else "")
                      for c in COLUMNS if c in figures) or "refused"


def ratio(row: Row) -> str:
    """Ours of what it is on the plain kernel."""
    return " / ".join(f"{row.ours[c] / row.plain[c]:.2f}" if row.plain[c] else "-"
                      for c in COLUMNS[:2]) if row.plain and row.ours else ""


def table(rows: dict[str, Row]) -> str:
    """All of it, in a part for each way of mapping and kind of figure."""
    parts: dict[tuple, list[Row]] = {}
    for row in rows.values():
        labels = tuple(label(row.case, c) for c in COLUMNS[:2])
        parts.setdefault((row.case.mode, labels), []).append(row)
    text = []
    for (mode, labels), found in parts.items():
        lines = [[row.case.name, cell(row.plain, {}), cell(row.ours, row.over), ratio(row),
                  " / ".join(row.goals)] for row in found]
        text.append(f"{cases.MODES[mode][0]}: {' / '.join(labels)} / DMA segments\n"
                    + report.table(["", "plain", "ours", "ratio", "goal"], lines))
    return "\n\n".join(text)
