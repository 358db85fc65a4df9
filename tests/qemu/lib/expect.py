# SPDX-License-Identifier: GPL-2.0
"""Reads tests/qemu/expect, the table of what the system tests expect."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from lib import fabric
from lib.machine import Failure

CPUS = {"EPYC": "EPYC", "Skylake": "Skylake-Server"}
IOMMUS = ("none", "intel", "intel-pt", "virtio")
PAIRS = ("own", "switch", "functions", "ports", "bridges", "denied")


@dataclass
class Policy:
    """A policy to be tried, perhaps after a change of root port C's ACS."""
    name: str
    text: str
    acs: int | None = None
    iommu: str | None = None    # with this one only

    def denies(self, drive: str) -> bool:
        """The policy has {drive} in its deny=."""
        return bool(re.search(r"deny=[^,]*\{" + drive + r"\}", self.text))


@dataclass
class Route:
    """A line of the table; the columns that choose hold sets of words."""
    line: int
    iommus: frozenset[str]
    cpus: frozenset[str]
    policies: frozenset[str]
    pairs: frozenset[str]
    answer: dict[str, tuple[str, str]]      # direction -> verdict, reason
    used: bool = False


@dataclass
class CommandLine:
    """A boot with a policy on the command line."""
    policies: list[str]
    policy: str | None      # the active one; None: "off", with an error
    named: str              # in the log, by the error if there is one
    routes: str             # name of the policy whose routes must hold


@dataclass
class Expectations:
    """The whole file."""
    policies: list[Policy] = field(default_factory=list)
    distances: dict[str, str] = field(default_factory=dict)
    routes: list[Route] = field(default_factory=list)
    rejects: list[tuple[str, str]] = field(default_factory=list)
    cmdlines: list[CommandLine] = field(default_factory=list)

    def answer(self, iommu: str, cpu: str, policy: Policy, client: str,
               provider: str) -> dict[str, tuple[str, str]]:
        """What is expected of a pair: by direction, verdict and reason."""
        pair = fabric.relation(client, provider)
        if policy.denies(client) or policy.denies(provider):
            pair = "denied"
        rows = [r for r in self.routes
                if iommu in r.iommus and cpu in r.cpus
                and policy.name in r.policies and pair in r.pairs]
        if len(rows) != 1:
            lines = ", ".join(str(r.line) for r in rows) or "none"
            raise Failure(f"expect: the case {iommu} {cpu} {policy.name} "
                          f"{pair} needs one line, it has: {lines}")
        rows[0].used = True
        return rows[0].answer

    def policy(self, name: str) -> Policy:
        """The policy of that name."""
        return next(p for p in self.policies if p.name == name)


def choice(word: str, every: Iterable[str]) -> frozenset[str]:
    """A column: "any", or words with "|" between them."""
    words = frozenset(every if word == "any" else word.split("|"))
    unknown = words - frozenset(every)
    if unknown:
        raise ValueError(f"unknown word '{min(unknown)}'")
    return words


def parse_policy(words: list[str]) -> Policy:
    """policy NAME TEXT [acs=0xNN] [iommu=WORD]"""
    policy = Policy(words[0], words[1])
    for word in words[2:]:
        key, _, value = word.partition("=")
        if key == "acs":
            policy.acs = int(value, 16)
        elif key == "iommu":
            policy.iommu, = choice(value, IOMMUS)
        else:
            raise ValueError(f"unknown word '{word}'")
    return policy


def parse_route(number: int, words: list[str], policies: list[str]) -> Route:
    """route IOMMU CPU POLICY PAIR VERDICT REASON [VERDICT REASON]"""
    if len(words) not in (6, 8):
        raise ValueError("a route has 6 or 8 columns")
    write = (words[4], words[5])
    read = (words[6], words[7]) if len(words) == 8 else write
    return Route(number, choice(words[0], IOMMUS), choice(words[1], CPUS),
                 choice(words[2], policies), choice(words[3], PAIRS),
                 {"write": write, "read": read})


def parse_cmdline(text: str) -> CommandLine:
    """cmdline P... (is TEXT | off) naming WORD routes NAME"""
    match = re.fullmatch(r"(.*?)\s+(?:is (\S+)|off)\s+naming (\S+)"
                         r"\s+routes (\S+)", text)
    if not match:
        raise ValueError("not a cmdline")
    policies = match[1].split()
    for i, policy in enumerate(policies):
        # as long as the kernel's command line may be (2048 on x86)
        many = ";".join(["0000:ff:1f.7"] * 140)
        policies[i] = policy.replace("EMPTY", "").replace("LONG",
                                                          f"deny={many}")
    named = "" if match[3] == "-" else match[3]
    return CommandLine(policies, match[2], named, match[4])


def read(path: Path) -> Expectations:
    """Parse the file; an error names the line."""
    table = Expectations()
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        kind, rest = line.split(maxsplit=1)
        words = rest.split()
        try:
            if kind == "policy":
                table.policies.append(parse_policy(words))
            elif kind == "distance":
                table.distances[words[0]] = words[1]
            elif kind == "route":
                table.routes.append(parse_route(
                    number, words, [p.name for p in table.policies]))
            elif kind == "reject":
                table.rejects.append((words[0],
                                      "" if words[1] == "-" else words[1]))
            elif kind == "cmdline":
                table.cmdlines.append(parse_cmdline(rest))
            else:
                raise ValueError(f"unknown word '{kind}'")
        except (ValueError, IndexError) as error:
            raise Failure(f"{path}:{number}: {error}") from error
    return table
