# SPDX-License-Identifier: GPL-2.0
"""Remedies that change ACS: is what they are said to do to all pairs what happens?  Each is
applied to the fake tree, at once by its command, and for a boot with its parameter by the
arithmetic of drivers/pci/pci.c, of which there is a version here for each kind of release.
Then all pairs are compared."""

import json
import re
import shutil
import struct
from pathlib import Path

ACS_CTRL = 0x106        # in the configuration space that fixture.py makes
BITS = {"SV": 1, "TB": 2, "RR": 4, "CR": 8, "UF": 16, "EC": 32, "DT": 64}
REDIR = BITS["RR"] | BITS["CR"] | BITS["EC"]
DEFAULT = BITS["SV"] | BITS["RR"] | BITS["CR"] | BITS["UF"]

# Fabrics of which remedies are applied, with pairs of which they are asked.
ASKED = {
    "cards": [("19:00.0", "0f:00.0"), ("13:00.0", "0f:00.0"), ("0f:00.0", "19:00.0")],
    "cards-redir": [("13:00.0", "0f:00.0")],
    "gpus-comma": [("13:00.0", "0f:00.0"), ("19:00.0", "0f:00.0")],
    "ats": [("ibp4s0", "03:00.0")],
    "idle-link": [("04:00.0", "03:00.0")],
    "old-acs": [("nvme1", "nvme0")],
    "data-direct": [("0008:03:00.0", "0008:06:00.0")],
    "switch": [("nvme1", "nvme0")],
    "ports": [("nvme3", "nvme2")],
}

# Release -> words of the remedies for 19:00.0 -> 0f:00.0 in "cards"
RELEASES = {
    "4.18.0": (None, None),
    "5.10.0-28-amd64": ("pci=disable_acs_redir=0000:0a:04.0;0000:0a:00.0", None),
    "6.8.0-41-generic": ("pci=disable_acs_redir=0000:0a:04.0;0000:0a:00.0", None),
    "6.11.11": ("pci=disable_acs_redir=0000:0a:04.0;0000:0a:00.0", "older than the release"),
    "6.12.22": ("pci=disable_acs_redir=0000:0a:04.0;0000:0a:00.0", "older than the release"),
    "6.12.23": ("pci=config_acs=xx100x1@0000:0a:04.0;xx100x1@0000:0a:00.0", None),
    "6.13.10": ("pci=disable_acs_redir=0000:0a:04.0;0000:0a:00.0", "older than the release"),
    "6.13.11": ("pci=config_acs=xx100x1@0000:0a:04.0;xx100x1@0000:0a:00.0", None),
    "6.14.1": ("pci=disable_acs_redir=0000:0a:04.0;0000:0a:00.0", "older than the release"),
    "6.14.2": ("pci=config_acs=xx100x1@0000:0a:04.0;xx100x1@0000:0a:00.0", None),
    "6.15.0-rc1": ("pci=config_acs=xx100x1@0000:0a:04.0;xx100x1@0000:0a:00.0", None),
    "7.0.0": ("pci=config_acs=xx100x1@0000:0a:04.0;xx100x1@0000:0a:00.0", None),
}

# The kernel's command line -> words that its note has, or None
NOTES = {
    "quiet": None,
    "pci=disable_acs_redir=0000:0a:00.0;0000:0a:04.0": None,
    "pci=realloc=on,disable_acs_redir=0000:0a:00.0,0000:0a:04.0,noaer": (
        "Only 0000:0a:00.0 counts; the kernel ignores 0000:0a:04.0"),
    "pci=disable_acs_redir=0:5.0/1.0,0:6.0/2.0,pci:8086:1234": (
        "Only 0:5.0/1.0 counts; the kernel ignores 0:6.0/2.0, pci:8086:1234"),
    "pci=config_acs=xx100x1@0000:0a:00.0,xx100x1@0000:0a:04.0": (
        "Only xx100x1@0000:0a:00.0 counts; the kernel ignores xx100x1@0000:0a:04.0"),
    "pci=noaer,disable_acs_redir=0000:0a:00.0 pci=nomsi,realloc": None,
}


def kind_of(release: str) -> str:
    """What the release makes of the options: none, redir, faulty or mended."""
    numbers = tuple(int(n) for n in re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", release).groups("0"))
    if numbers < (4, 19):
        return "none"
    if numbers < (6, 11):
        return "redir"
    fixed = {(6, 11): 99, (6, 12): 23, (6, 13): 11, (6, 14): 2}.get(numbers[:2], 0)
    return "mended" if numbers[2] >= fixed else "faulty"


def value_of(cmdline: str, option: str) -> str:
    """The last pci=OPTION=, up to a comma."""
    found = ""
    for word in cmdline.split():
        for part in word[4:].split(",") if word.startswith("pci=") else []:
            if part.startswith(option + "="):
                found = part[len(option) + 1:]
    return found


def flags_of(entry: str) -> tuple[int, int]:
    """Which bits an entry of config_acs names, and which of them it sets."""
    flags = entry.partition("@")[0][::-1]
    return (sum(1 << i for i, c in enumerate(flags) if c in "01"),
            sum(1 << i for i, c in enumerate(flags) if c == "1"))


def at_boot(kind: str, firmware: int, iommu: bool, address: str, cmdline: str) -> int:
    """ACS Control of a port, whose firmware had set that."""
    control = firmware | (DEFAULT if iommu else 0)
    redir = address in value_of(cmdline, "disable_acs_redir").split(";")
    config = [e for e in value_of(cmdline, "config_acs").split(";") if e]
    if kind == "faulty":
        config = config[:1]
    config = [e for e in config if e.endswith("@" + address)]
    if redir and kind == "redir":
        control &= ~REDIR
    elif redir and kind == "faulty":
        control = (control & ~REDIR) | (firmware & REDIR) | (0x7f & ~REDIR)
    elif redir and kind == "mended":
        control = firmware & ~REDIR
    if config and kind in ("faulty", "mended"):
        named, set_ = flags_of(config[0])
        control = ((control & ~named) | (firmware & named) | set_ if kind == "faulty"
                   else (firmware & ~named) | set_)
    return control


def way(route: dict, direction: str, translated: bool) -> str:
    """Where the fabric takes a transfer, by what the command says of the path."""
    fabric = route["fabric"]
    up = direction == "read" and fabric["completions_up"]
    lost = bool(fabric["no_forwarding"])
    if not fabric["common"]:
        return "up"
    if up and lost:
        return "lost"
    if fabric["request"] == "dropped":
        return "up" if translated else "lost"
    if fabric["request"] == "up":
        return "up" if translated or not lost else "lost"
    return "up" if up else "direct"


def ways(runner, root: Path) -> dict:
    """(client, provider) -> (way of writes, of reads)."""
    value = json.loads(runner.run(["topo", "--all", "--json"], root).stdout)
    translated = {d["address"]: (d["iommu_domain"] or "").startswith("DMA")
                  for d in value["devices"]}
    return {(r["client"], r["provider"]):
            tuple(way(r, d, translated[r["client"]]) for d in ("write", "read"))
            for r in value["routes"] if r["client"] != r["provider"]}


def control_of(root: Path, address: str) -> int:
    """ACS Control as it is in the tree."""
    space = (root / f"sys/bus/pci/devices/{address}/config").read_bytes()
    return struct.unpack_from("<H", space, ACS_CTRL)[0]


def changed(root: Path, name: str, controls: dict[str, int]) -> Path:
    """A copy of a tree with other ACS Control."""
    copy = root.parent / f"fx-{name}"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(root, copy, symlinks=True)
    for address, control in controls.items():
        config = copy / f"sys/bus/pci/devices/{address}/config"
        space = bytearray(config.read_bytes())
        struct.pack_into("<H", space, ACS_CTRL, control)
        config.write_bytes(space)
    return copy


def by_command(root: Path, command: str) -> dict[str, int]:
    """ACS Control after setpci -s ADDRESS ECAP_ACS+6.w=VALUE:MASK."""
    controls = {}
    for address, value, mask in re.findall(
            r"setpci -s (\S+) ECAP_ACS\+6\.w=(\w+):(\w+)", command):
        old = control_of(root, address)
        controls[address] = (old & ~int(mask, 16)) | (int(value, 16) & int(mask, 16))
    return controls


def by_parameter(root: Path, release: str, iommu: bool, parameter: str) -> dict[str, int]:
    """The same after a boot with the parameter, for the ports that it adds: firmware has set
    nothing of what the kernel sets by itself."""
    cmdline = (root / "proc/cmdline").read_text()
    there = set(value_of(cmdline, "disable_acs_redir").split(";"))
    controls = {}
    for address in re.findall(r"[0-9a-f]+:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]", parameter):
        if address in there and "disable_acs_redir" in parameter:
            continue
        firmware = control_of(root, address)
        if iommu and address not in there:
            firmware &= ~DEFAULT
        controls[address] = at_boot(kind_of(release), firmware, iommu, address,
                                    cmdline.strip() + " " + parameter)
    return controls


def check(runner, root: Path, value: dict, remedy: dict, controls: dict[str, int],
          claimed: bool) -> str:
    """What a change does to the pair and to all others, against what the remedy says."""
    before = ways(runner, root)
    after = ways(runner, changed(root, "acs-changed", controls))
    pair = (value["client"], value["provider"])
    trouble = ""
    for index, direction in enumerate(("write", "read")):
        if remedy["effect"][direction] == "bus-address" and after[pair][index] != "direct":
            trouble += f"{direction}s of the pair are {after[pair][index]}\n"
    both = {pair, pair[::-1]} if after.get(pair[::-1], 0) != before.get(pair[::-1], 0) \
        and pair[::-1] not in {(c["client"], c["provider"]) for c in remedy["changes"]} \
        else {pair}
    want = {key: (before[key], after[key]) for key in before
            if before[key] != after[key] and key not in both}
    said = {(c["client"], c["provider"]):
            tuple(tuple(c[d][when] for d in ("write", "read"))
                  for when in ("before", "after"))
            for c in remedy["changes"]}
    said = {key: change for key, change in said.items() if key in before}
    if claimed and said != want:
        trouble += f"other pairs: {want}, and the remedy says {said}\n"
    if not claimed and set(want) - set(said):
        trouble += f"other pairs change at once: {want}, and the remedy says {said}\n"
    return trouble


def test_changes(results, roots: dict[str, Path], runner) -> None:
    """Each remedy that sets ACS, applied."""
    for fabric, pairs in ASKED.items():
        for client, provider in pairs:
            name = f"acs {fabric} {client} {provider}"
            if not results.wanted(name):
                continue
            root, trouble = roots[fabric], ""
            value = json.loads(runner.run(["route", client, provider, "--json"],
                                          root).stdout)
            asked = [r for r in value["remedies"] if r["changes"] is not None]
            for remedy in asked:
                trouble += check(runner, root, value, remedy,
                                 by_command(root, remedy["command"]), False)
                if remedy["parameter"]:
                    trouble += check(runner, root, value, remedy, by_parameter(
                        root, value["kernel"]["release"], bool(value["kernel"]["iommus"]),
                        remedy["parameter"]), True)
            results.tell(name, trouble if asked else f"no remedy: {value}")


def test_releases(results, work: Path, runner) -> None:
    """The option is one that the release has, and its faults are told."""
    for release, (parameter, words) in RELEASES.items():
        name = f"acs of {release}"
        if not results.wanted(name):
            continue
        root = runner.make_root(work, "cards", "acs-release")
        (root / "proc/sys/kernel/osrelease").write_text(release + "\n")
        value = json.loads(runner.run(["route", "19:00.0", "0f:00.0", "--json"],
                                      root).stdout)
        got = [r for r in value["remedies"] if r["name"] == "no-acs"]
        trouble = "" if got and got[0]["parameter"] == parameter else f"got {got}"
        if got and words and words not in (got[0]["warning"] or ""):
            trouble += f"no warning: {got}"
        if got and not words and "older than" in (got[0]["warning"] or ""):
            trouble += f"a warning: {got}"
        # what firmware has set is not seen
        if got and words and "bus-address" in got[0]["effect"].values():
            trouble += f"the faulty option is relied on: {got}"
        results.tell(name, trouble)


# What is offered where ACS is not seen: release, the kernel's command line, reason -> remedy,
# parameter, words of its warning or None, effect
UNSEEN = [
    ("6.12.117", "quiet", "acs-request", "no-acs", "pci=disable_acs_redir=0000:02:00.0", None,
     "reason-gone"),
    ("6.12.117", "pci=disable_acs_redir=00:01.0", "acs-request", "no-acs",
     "pci=disable_acs_redir=0000:02:00.0;00:01.0", None, "reason-gone"),
    ("6.12.117", "pci=config_acs=xx111x1@0:1.0", "acs-request", "no-acs",
     "pci=config_acs=x0100x1@0000:02:00.0;xx111x1@0:1.0", None, "reason-gone"),
    ("6.8.0", "pci=config_acs=xx111x1@0:1.0", "acs-request", "no-acs",
     "pci=disable_acs_redir=0000:02:00.0", None, "reason-gone"),
    ("6.12.22", "quiet", "acs-request", "no-acs", "pci=disable_acs_redir=0000:02:00.0",
     "it also sets Translation Blocking", "reason-may-go"),
    ("6.12.22", "pci=config_acs=xx111x1@0:1.0", "acs-request", "no-acs",
     "pci=config_acs=x0100x1@0000:02:00.0;xx111x1@0:1.0", "only the first entry",
     "reason-may-go"),
    ("6.12.117", "pci=config_acs=xx100x1@0:1.0", "fabric-blocked", "forward",
     "pci=config_acs=xx111x1@0000:02:00.0;xx100x1@0:1.0", "also sets RR and CR",
     "reason-may-go"),
    ("6.12.22", "quiet", "fabric-blocked", "forward", "pci=config_acs=xx111x1@0000:02:00.0",
     "only the first entry", "reason-may-go"),
]


def test_unseen(results, work: Path, runner) -> None:
    """Without root an option is carried on, and no more is claimed than the release does."""
    for release, cmdline, reason, remedy, parameter, words, effect in UNSEEN:
        name = f"acs unseen {release} {cmdline} {reason}"
        if not results.wanted(name):
            continue
        root = runner.make_root(work, "switch-user", "acs-unseen")
        (root / "proc/sys/kernel/osrelease").write_text(release + "\n")
        (root / "proc/cmdline").write_text(cmdline + "\n")
        runner.set_reason(root, reason, "0000:02:00.0")
        value = json.loads(runner.run(["route", "nvme1", "nvme0", "--json"], root).stdout)
        got = [r for r in value["remedies"] if r["name"] == remedy and not r["hidden"]]
        results.tell(name, "" if [(r["parameter"], r["effect"]["write"]) for r in got] ==
                     [(parameter, effect)] and (words in (got[0]["warning"] or "") if words
                                                else not got[0]["warning"]) else f"got {got}")


def test_notes(results, work: Path, runner) -> None:
    """Commas in the lists of the command line are told."""
    for cmdline, words in NOTES.items():
        name = f"acs note {cmdline}"
        if not results.wanted(name):
            continue
        root = runner.make_root(work, "cards", "acs-note")
        (root / "proc/cmdline").write_text(cmdline + "\n")
        notes = json.loads(runner.run(["--json"], root).stdout)["notes"]
        got = [n for n in notes if "entries are separated" in n]
        results.tell(name, "" if (words in got[0] if words and got else
                                  bool(words) == bool(got)) else f"got {got}")


def acs(results, roots: dict[str, Path], work: Path, runner) -> None:
    """All of them."""
    test_changes(results, roots, runner)
    test_releases(results, work, runner)
    test_unseen(results, work, runner)
    test_notes(results, work, runner)
