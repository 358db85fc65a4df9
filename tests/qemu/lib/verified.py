# SPDX-License-Identifier: GPL-2.0
"""A boot in which the command p2pdma moves data between all drives and providers: what
is to be done in it, and all that is wrong with what came of it.
"""

from dataclasses import dataclass, field

from lib import fabric, results, tool
from lib.machine import Outcome

LEVEL_WARNING = 4           # of the kernel's log

# The steps of a boot. The transfers are made twice: for the table, and a few bytes of
# each for the program here, which reads no tables.
DRIVES, ROUTES, TOPO, VERIFY, VERIFY_JSON, COUNTERS = range(1, 7)
JSON_KIB = 64


def orders(mib: int, width: int) -> list[str]:
    """Of one boot with fabric.MAIN_DRIVES."""
    drives = fabric.MAIN_DRIVES
    devices = " ".join(f"--destructive /dev/nvme{i}n1"
                       for i in range(len(drives)))
    return ["drives " + " ".join(d.name for d in drives), "routes",
            f"run p2pdma topo --width {width}",
            f"run p2pdma verify --size {mib}M --width {width} {devices}",
            f"run p2pdma verify --size {JSON_KIB}K --json {devices}",
            "counters"]


def policy_messages(outcome: Outcome) -> list[tuple[int, str]]:
    """What the kernel said of the policy at boot: level and text."""
    return [(e["level"], e["text"]) for e in outcome.of("kmsg", 0)
            if "p2pdma=" in e["text"]]


@dataclass
class Found:
    """What one boot has shown."""
    transfers: list[dict] = field(default_factory=list)  # as the command says them
    moved: int = 0              # bytes of the table, counted by the kernel
    problems: list[str] = field(default_factory=list)


def collect(outcome: Outcome, size: int) -> Found:
    """Everything that is wrong, and what was moved."""
    found = Found(problems=list(dict.fromkeys(outcome.problems)))
    routes, wrong = results.routes(outcome, ROUTES)
    start = (outcome.of("start") or [{}])[0]
    grafted = "policy" in start
    if start and not grafted:
        wrong = ["this kernel has no /sys/kernel/p2pdma: it is not a grafted "
                 "one ('make kernel' builds one), so no route is named"]
    found.problems += wrong + [
        f"the kernel, about the policy: {text}"
        for level, text in policy_messages(outcome) if level < LEVEL_WARNING]
    if not outcome.of("done"):
        return found            # said already: the guest stopped
    for step in (TOPO, VERIFY, VERIFY_JSON):
        status = tool.status(outcome, step)
        if status != 0:
            said = tool.output(outcome, step, "stderr").strip()
            command = "topo" if step == TOPO else "verify"
            found.problems.append(f"p2pdma {command} ended with status {status}"
                                  + (f": {said}" if said else ""))
    check_results(outcome, routes if grafted else None, found)
    if grafted:
        check_counters(outcome, routes, size, found)
    return found


def check_results(outcome: Outcome, routes: dict | None,
                  found: Found) -> None:
    """What verify has measured, and what it says of the kernel, transfer by
    transfer; None: the kernel names no routes."""
    value, trouble = tool.value(outcome, VERIFY_JSON)
    if trouble:
        found.problems.append(f"p2pdma verify --json: {trouble}")
        return
    name_of = {pci: name for name, pci in results.addresses(outcome).items()}
    missing = {(c, p, d) for c, p in fabric.pairs(fabric.MAIN_DRIVES)
               for d in results.DIRECTIONS}
    for result in value["results"]:
        key = (name_of.get(result["client"], result["client"]),
               name_of.get(result["provider"], result["provider"]),
               result["direction"])
        missing.discard(key)
        fault = ""
        if result["result"] != "as-kernel-says":
            fault = f"{result['result']}: measured {result['measured']}"
        route = (routes or {}).get(key)
        said = result["kernel_says"] or {}
        if routes is not None and (route is None
                                   or said.get("reason") != route.reason
                                   or said.get("verdict") != route.verdict):
            fault += f"; the command has {said or 'no route'}, and the file {route}"
        if fault:
            found.problems.append(f"{key[0]} -> {key[1]}, {key[2]}: "
                                  + fault.removeprefix("; "))
        found.transfers.append(result | {
            "names": {"client": key[0], "provider": key[1]}, "fault": fault})
    found.problems += [f"{c} -> {p}, {d}: nothing was moved"
                       for c, p, d in sorted(missing)]


def check_counters(outcome: Outcome, routes: dict, size: int,
                   found: Found) -> None:
    """The kernel must have mapped, byte for byte, what its routes allow to be
    moved twice, and refused the rest."""
    counted, wrong = results.counters(outcome, COUNTERS)
    known = set(fabric.pairs(fabric.MAIN_DRIVES))
    wrong += [f"{c} -> {p} is no pair" for c, p in counted if (c, p) not in known]
    for pair in sorted(known):
        got = counted.get(pair, results.Counted(
            dict.fromkeys(results.DIRECTIONS, 0), {}))
        refused = 0
        for direction in results.DIRECTIONS:
            route = routes.get((*pair, direction))
            if route is None:
                wrong.append(f"{pair[0]} -> {pair[1]}, {direction}: no route is "
                             "named")
                continue
            works = route.verdict in results.SUPPORTED
            want = size + (JSON_KIB << 10) if works else 0
            refused += 0 if works else 2
            if got.moved[direction] != want:
                wrong.append(f"{pair[0]} -> {pair[1]}, {direction}: counted "
                             f"{got.moved[direction]} bytes, expected {want}")
            found.moved += max(0, got.moved[direction] - (JSON_KIB << 10))
        # one I/O may be several lists
        if sum(got.refused.values()) < refused or (got.refused and not refused):
            wrong.append(f"{pair[0]} -> {pair[1]}: refused {refused} I/Os, "
                         f"counted {got.refused or 'none'}")
    found.problems += [f"p2pdma_counters: {text}" for text in wrong]
