# SPDX-License-Identifier: GPL-2.0
"""Text for people: tables, sizes, and a line that says what is going on."""

import sys
import time
from collections.abc import Sequence


def size_text(size: int) -> str:
    """A number of bytes as a person writes it."""
    for unit, shift in (("MiB", 20), ("KiB", 10)):
        if size and size % (1 << shift) == 0:
            return f"{size >> shift} {unit}"
    return f"{size} B"


def count(number: int, thing: str) -> str:
    """A number of things."""
    return f"{number} {thing}" + ("" if number == 1 else "s")


def table(header: Sequence[str], rows: Sequence[Sequence[str]],
          indent: str = "  ") -> str:
    """Columns as wide as their widest cell; no blanks at the ends of lines."""
    widths = [max(len(row[i]) for row in [header, *rows])
              for i in range(len(header))]
    lines = [header, ["-" * width for width in widths], *rows]
    return "\n".join(
        (indent + "  ".join(cell.ljust(width)
                            for cell, width in zip(line, widths))).rstrip()
        for line in lines)


class Progress:
    """What is being done, and for how long: one live line on a terminal,
    otherwise a line for each new stage. On stderr: stdout is for results."""

    def __init__(self) -> None:
        self.start = time.monotonic()
        self.live = sys.stderr.isatty()
        self.stage = ""
        self.width = 0

    def say(self, stage: str, detail: str = "") -> None:
        """A stage, and a detail that is shown only where lines are live."""
        elapsed = f"[{time.monotonic() - self.start:6.1f} s] "
        if self.live:
            line = elapsed + stage + (f": {detail}" if detail else "")
            sys.stderr.write("\r" + line[:118].ljust(self.width))
            self.width = min(len(line), 118)
        elif stage != self.stage:
            sys.stderr.write(elapsed + stage + "\n")
        self.stage = stage
        sys.stderr.flush()

    def clear(self) -> None:
        """Make room for a result on the terminal."""
        if self.live:
            sys.stderr.write("\r" + " " * self.width + "\r")
            sys.stderr.flush()
            self.width = 0
