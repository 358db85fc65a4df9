# SPDX-License-Identifier: GPL-2.0
"""The models of tests/bench/cursor.c under cachegrind: what a segment costs in
instructions and in cache misses where peer memory is recognised by struct page, and
where it is recognised by address. And on this machine's own counters, if it has any."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lib import machine, report

SOURCE = Path(__file__).resolve().parent / "cursor.c"
KINDS = ("ram", "bus", "ram+bus")
WALKS = {"page": ("walk_pages",), "cursor": ("walk_cursor", "cursor_move")}
# 32 KiB next to the core and 8 MiB behind, whatever this machine has: so that figures can
# be compared.
D1_CACHE, LL_CACHE = "32768,8,64", "8388608,16,64"
EVENTS = ("instructions", "L1-dcache-load-misses", "cache-misses")


@dataclass
class Walk:
    """Of one segment of a kind of list, by one way to recognise peer memory."""
    kind: str
    by: str
    instructions: float
    d1_misses: float
    ll_misses: float
    counted: str = ""       # by the machine's own counters


def read_functions(path: Path) -> dict[str, dict[str, int]]:
    """Function -> event -> number, from what cachegrind has written."""
    events: list[str] = []
    found: dict[str, dict[str, int]] = {}
    function: dict[str, int] = {}
    for line in path.read_text().splitlines():
        if line.startswith("events: "):
            events = line.split()[1:]
        elif line.startswith("fn="):
            function = found.setdefault(line[3:], dict.fromkeys(events, 0))
        elif line[:1].isdigit():
            for event, number in zip(events, line.split()[1:]):
                function[event] += int(number)
    return found


def counted(program: Path, kind: str, by: str) -> str:
    """What perf counts in a whole run of one walk; "" where there are no counters."""
    perf = shutil.which("perf")
    if not perf:
        return ""
    done = subprocess.run([perf, "stat", "-x,", "-e", ",".join(f"{e}:u" for e in EVENTS),
                           str(program), kind, by], capture_output=True, text=True,
                          check=False)
    numbers = re.findall(r"^(\d+),,([\w-]+)", done.stderr, re.M)
    return ", ".join(f"{number} {event}" for number, event in numbers)


def simulate(folder: Path) -> list[Walk]:
    """Compile and run the models."""
    if not shutil.which("valgrind"):
        raise machine.Failure("valgrind is not installed: apt-get install valgrind")
    program, out = folder / "cursor", folder / "cachegrind.out"
    done = subprocess.run(["gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-o",
                           str(program), str(SOURCE)], capture_output=True, text=True,
                          check=False)
    if done.returncode:
        raise machine.Failure(f"{SOURCE} does not compile:\n{done.stderr}")
    found = []
    for kind in KINDS:
        for by, functions in WALKS.items():
            done = subprocess.run(
                ["valgrind", "--tool=cachegrind", "--cache-sim=yes", f"--D1={D1_CACHE}",
                 f"--LL={LL_CACHE}", f"--cachegrind-out-file={out}", str(program), kind, by],
                capture_output=True, text=True, check=False)
            segments = re.search(r"segments=(\d+)", done.stdout)
            if done.returncode or not segments:
                raise machine.Failure(f"{program} {kind} {by} failed:\n{done.stderr}")
            numbers = read_functions(out)
            total = {event: sum(numbers[f][event] for f in functions if f in numbers)
                     / int(segments[1])
                     for event in ("Ir", "D1mr", "D1mw", "DLmr", "DLmw")}
            found.append(Walk(kind, by, total["Ir"], total["D1mr"] + total["D1mw"],
                              total["DLmr"] + total["DLmw"], counted(program, kind, by)))
    return found


def table(walks: list[Walk]) -> str:
    """For people."""
    rows = [[w.kind, w.by, f"{w.instructions:.1f}", f"{w.d1_misses:.2f}",
             f"{w.ll_misses:.2f}"] for w in walks]
    text = report.table(["caches, one segment", "recognised by", "instructions", "D1 misses",
                         "LL misses"], rows, "")
    own = [f"{w.kind} {w.by}: {w.counted}" for w in walks if w.counted]
    return text + "\n" + ("counted by perf:\n" + "\n".join(own) if own else
                          "(this machine has no counters for perf, or there is no perf)")
