# SPDX-License-Identifier: GPL-2.0
"""What the guest reported, pair by pair: the route that the kernel names and
what became of the data.

Directions are those of the peer memory. "write" is the client writing it, so
the data come from the client's drive; "read" is the client reading it.
"""

import errno
from dataclasses import dataclass

from lib.machine import Outcome

DIRECTIONS = ("write", "read")
SUPPORTED = ("bus-address", "through-host-bridge")
REFUSED = "not-supported"


@dataclass
class Route:
    """One direction of one line of p2pdma_routes."""
    verdict: str
    reason: str
    distance: str
    bridge: str


@dataclass
class Moved:
    """What became of the data in one direction."""
    asked: int
    moved: int
    bad: int            # bytes that differ after an I/O that succeeded
    changed: int        # bytes that an I/O that failed has changed
    first: int          # offset of the first of them, or -1
    error: int
    error_text: str
    requests: int       # that the client's driver has completed

    @property
    def equal(self) -> bool:
        """All that was asked for arrived, and arrived right."""
        return not (self.error or self.bad) and self.moved == self.asked > 0

    @property
    def refused(self) -> bool:
        """The I/O failed as a refused route must, and touched nothing."""
        return (self.error == errno.EREMOTEIO
                and not (self.moved or self.changed or self.bad))

    def text(self) -> str:
        """The result as a person reads it."""
        if self.equal:
            return "every byte equal"
        if self.refused:
            return f"refused ({self.error_text})"
        if self.bad:
            return f"WRONG DATA: {self.bad} bytes, from {self.first:#x} on"
        if self.changed:
            return (f"I/O ERROR ({self.error_text}) AND DATA CHANGED: "
                    f"{self.changed} bytes, from {self.first:#x} on")
        return f"I/O ERROR: {self.error_text or 'nothing moved'}"


@dataclass
class Pair:
    """One direction of one (client, provider)."""
    client: str
    provider: str
    direction: str
    route: Route | None     # None: the kernel named none
    data: Moved | None      # None: not tried

    def fault(self) -> str:
        """Why route and data do not agree, or ""."""
        if self.data is None:
            return "nothing was moved"
        if self.route is None:
            return f"no route is named; data: {self.data.text()}"
        if self.route.verdict in SUPPORTED and self.data.equal:
            return ""
        if self.route.verdict == REFUSED and self.data.refused:
            return ""
        return f"the verdict is {self.route.verdict}, but {self.data.text()}"


def addresses(outcome: Outcome) -> dict[str, str]:
    """Drive -> PCI address."""
    return {e["serial"]: e["pci"] for e in outcome.of("drive")}


def routes(outcome: Outcome, step: int) -> tuple[
        dict[tuple[str, str, str], Route], list[str]]:
    """(client, provider, direction) -> route, as reported in that step, and
    what is wrong with the files."""
    name_of = {pci: name for name, pci in addresses(outcome).items()}
    found: dict[tuple[str, str, str], Route] = {}
    wrong = []
    for event in outcome.of("route", step):
        client = event["client"]
        if event["errno"]:
            wrong.append(f"{client}: p2pdma_routes: {event['error']}")
            continue
        fields = event["line"].split(" ")
        provider = name_of.get(fields[0])
        if len(fields) != 8 or provider is None or "" in fields:
            wrong.append(f"{client}: p2pdma_routes has the line "
                         f"'{event['line']}'")
            continue
        _, _, write, read, distance, write_why, read_why, bridge = fields
        for direction, verdict, reason in (("write", write, write_why),
                                           ("read", read, read_why)):
            key = (client, provider, direction)
            if key in found:
                wrong.append(f"{client}: p2pdma_routes names {provider} twice")
            if verdict not in SUPPORTED + (REFUSED,):
                wrong.append(f"{client}: p2pdma_routes has the verdict "
                             f"'{verdict}' for {provider}")
            found[key] = Route(verdict, reason, distance, bridge)
    return found, wrong


def moved(outcome: Outcome, step: int) -> dict[str, Moved]:
    """Direction -> data, of one order to move."""
    return {e["direction"]: Moved(e["asked"], e["moved"], e["bad"],
                                  e["changed"], e["first"], e["errno"],
                                  e["error"], e["requests"])
            for e in outcome.of("move", step)}


@dataclass
class Counted:
    """What p2pdma_counters says of a pair, or the transfers should have left."""
    moved: dict[str, int]       # direction -> bytes
    refused: dict[str, int]     # reason -> lists


def counters(outcome: Outcome, step: int) -> tuple[
        dict[tuple[str, str], Counted], list[str]]:
    """(client, provider) -> counters, as reported in that step, and what is
    wrong with the files."""
    name_of = {pci: name for name, pci in addresses(outcome).items()}
    found: dict[tuple[str, str], Counted] = {}
    wrong = []
    for event in outcome.of("counters", step):
        client = event["client"]
        if event["errno"]:
            wrong.append(f"{client}: p2pdma_counters: {event['error']}")
            continue
        try:
            pci, _, *counts, reasons = event["line"].split(" ")
            lists_w, bytes_w, lists_r, bytes_r, refused = map(int, counts)
            by_reason = {} if reasons == "-" else {
                word: int(number) for word, number in (
                    pair.split("=") for pair in reasons.split(","))}
            provider = name_of[pci]
        except (ValueError, KeyError):
            wrong.append(f"{client}: p2pdma_counters has the line "
                         f"'{event['line']}'")
            continue
        if (bool(lists_w) != bool(bytes_w) or bool(lists_r) != bool(bytes_r)
                or sum(by_reason.values()) != refused
                or (client, provider) in found):
            wrong.append(f"{client}: p2pdma_counters does not add up: "
                         f"'{event['line']}'")
        found[client, provider] = Counted(
            {"write": bytes_w, "read": bytes_r}, by_reason)
    return found, wrong


def miscounted(outcome: Outcome, step: int,
               until: int | None = None) -> list[str]:
    """Where the counters of that step do not say what was moved, in all the
    steps up to it or to another one, and that what was refused was."""
    found, wrong = counters(outcome, step)
    expected: dict[tuple[str, str], Counted] = {}
    for event in outcome.of("move"):
        if event["step"] > (until or step):
            continue
        pair = expected.setdefault((event["client"], event["provider"]),
                                   Counted(dict.fromkeys(DIRECTIONS, 0), {}))
        pair.moved[event["direction"]] += event["moved"]
        if event["errno"] == errno.EREMOTEIO:
            pair.refused["any"] = pair.refused.get("any", 0) + 1
    nothing = Counted(dict.fromkeys(DIRECTIONS, 0), {})
    for key in sorted(expected.keys() | found.keys()):
        want, got = expected.get(key, nothing), found.get(key, nothing)
        if want.moved != got.moved:
            wrong.append(f"{key[0]} -> {key[1]}: moved {want.moved}, counted "
                         f"{got.moved}")
        # one I/O may be several lists
        if (sum(got.refused.values()) < sum(want.refused.values())
                or (got.refused and not want.refused)):
            wrong.append(f"{key[0]} -> {key[1]}: refused "
                         f"{want.refused.get('any', 0)} I/Os, counted "
                         f"{got.refused or 'none'}")
    if not expected:
        wrong.append("nothing was moved")
    return wrong
