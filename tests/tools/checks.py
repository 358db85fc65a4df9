# SPDX-License-Identifier: GPL-2.0
"""p2pdma check: rules in a file, their status and the lines that they give."""

import json
import re
from pathlib import Path

from fixture import Fabric

# fabric, rules -> status, lines (in order; what they begin with)
RULES = [
    ("devices", "nics gpus any\ngpus gpus", 0, []),
    ("devices", "# nothing else\n\n  nics\tgpus  bus write nearest # here\n", 0, []),
    ("devices", "nics gpus bus read nearest", 1,
     ["line 1: 0000:05:00.0 reaches none of the nearest gpus so (predicted); required: bus"]),
    ("devices", "nics gpus bus write", 1,
     ["line 1: 0000:05:00.0 -> 0000:06:00.0, write: through-host-bridge (no-common-port)"]),
    ("devices", "05:00.0 06:00.0 host\neth0 03:00.0 host read\neth0 03:00.0 host", 1,
     ["line 3: 0000:05:00.0 -> 0000:03:00.0, write: bus-address (direct)"]),
    ("devices", "nics gpus\nnvme7 gpus\naccelerators gpus", 1,
     ["line 2: there is no device 'nvme7'", "line 3: there are no accelerators"]),
    ("devices", "gpus nvme0", 1, ["line 1: 0000:04:00.0 has no memory"]),
    # one GPU alone; drives without memory
    ("ats", "gpus gpus bus\ngpus gpus nearest", 1,
     ["line 1: no pair of gpus and gpus is there; required: bus",
      "line 2: no pair of gpus and gpus is there; required: any"]),
    ("devices", "eth0 03:00.0/3\neth0 03:00.0/9\neth0 03:00.0/x", 1,
     ["line 1: BAR 3 of 0000:03:00.0 is not memory, or not there; required: any",
      "line 2: 0000:03:00.0 has no BAR '9'", "line 3: 0000:03:00.0 has no BAR 'x'"]),
    ("devices", "gpus drives\nnics gpus", 1, ["line 1: no pair of gpus and drives is there"]),
    ("devices", "02:00.0 gpus", 1, ["line 1: 0000:02:00.0 is a bridge"]),
    ("devices-stock", "nics gpus any", 0, []),
    ("devices-stock", "nics gpus bus write nearest", 1, ["line 1: 0000:05:00.0 reaches none"]),
    ("switch-user", "nvme1 eth0", 2, ["line 1: 0000:04:00.0 -> 0000:05:00.0, write: not known",
                                      "line 1: 0000:04:00.0 -> 0000:05:00.0, read: not known"]),
    ("stock-user", "nvme1 drives nearest", 2,
     ["line 1: whether 0000:04:00.0 reaches one of the nearest drives so is not known"]),
]
# The kernel reports nothing of the pairs of these.
PREDICTED = {"devices", "devices-stock"}
# rules that do not parse -> what is said
MISTAKES = {
    "gpus": "line 1: a rule is CLIENT PROVIDER",
    "# x\ngpus nics buss": "line 2: 'buss' is none of bus",
    "gpus nics any any any any any any nearest": "line 1: a rule has at most 8 words",
    "gpus nics read write": "line 1: read and write together",
}

# fabric -> states of the checklist
CHECKLISTS = {
    "devices": {"kernel": "ok", "policy": "ok", "providers": "note", "iommu": "note",
                "acs": "no", "host-bridges": "ok"},
    "devices-stock": {"kernel": "note", "kernel-options": "unknown", "acs": "no"},
    "hosts": {"acs": "note", "host-bridges": "note"},
    "switch": {"acs": "no", "host-bridges": "no"},
    "stock": {"kernel": "note", "acs": "no", "host-bridges": "no"},
    "stock-user": {"acs": "unknown"},
    "export_guest": {"iommu": "no", "acs": "no", "host-bridges": "no"},
}


GUEST = {"kernel ": "kernel 6.12.117 guest "}
SMALLER = ["config 0000:04:00.0 48 2000"]       # its packets are of 256 bytes, all others' of 128
ANYHOW = {"through-host-bridge"}
DIRECT = {"bus-address"}
# name -> fabric, changes of its text, pairs, what they become, what the parameter has
PLANS = {
    "devices": ("devices", {}, [], ["eth0,03:00.0"], DIRECT, ["pci=config_acs="]),
    "cards": ("cards", {}, [], ["gpus,gpus"], DIRECT, ["pci=config_acs="]),
    "cards-redir": ("cards-redir", {}, [], ["gpus,gpus"], DIRECT, ["pci=config_acs="]),
    "two-gpus": ("two-gpus", {}, [], ["03:00.0,04:00.0", "04:00.0,03:00.0"], DIRECT,
                 ["pci=config_acs="]),
    "ATS": ("ats", {}, [], ["ibp4s0,03:00.0"], DIRECT, ["pci=noats,config_acs="]),
    "packets": ("switch", {}, SMALLER, ["nvme1,nvme0"], DIRECT,
                ["pci=pcie_bus_peer2peer,config_acs="]),
    "packets in a guest": ("switch", GUEST, SMALLER, ["nvme1,nvme0"], DIRECT,
                           ["pci=pcie_bus_peer2peer,config_acs=", " iommu.passthrough=1"]),
    "loopback": ("links", {}, [], ["nvme1,nvme0"], DIRECT,
                 ["p2pdma=auto,deny=0000:ff:1f.7,loopback="]),
    "trust": ("barred", {}, [], ["eth2,nvme0", "eth3,nvme0"], ANYHOW,
              ["p2pdma=auto,trust=0000:08:01.0"]),
    "trust for writes": ("hosts", {}, [], ["eth0,nvme0"], ANYHOW,
                         ["p2pdma=auto,trust=pci:1b36:000c@w;0000:03:00.0"]),
}


def clear_bits(root: Path, capability: int, offset: int, mask: int) -> None:
    """Clear bits of a register of every function that has a capability; numbers from 0x100
    on stand for extended ones."""
    for config in root.glob("sys/bus/pci/devices/*/config"):
        space = bytearray(config.read_bytes())
        if capability < 0x100:
            at = space[0x34] if len(space) > 64 else 0
            while at and space[at] != capability:
                at = space[at + 1]
        else:
            at = 0x100 if len(space) > 256 else 0
            while at and space[at] != capability - 0x100:
                at = (space[at + 3] << 8 | space[at + 2]) >> 4 & 0xffc
        if at:
            value = int.from_bytes(space[at + offset:at + offset + 2], "little") & ~mask
            space[at + offset:at + offset + 2] = value.to_bytes(2, "little")
            config.write_bytes(space)


def carry_out(root: Path, value: dict) -> None:
    """What the plan has, in the fake tree."""
    for port, bits, mask in re.findall(r"setpci -s (\S+) ECAP_ACS\+6.w=(\w+):(\w+)",
                                       value["command_now"] or ""):
        config = root / f"sys/bus/pci/devices/{port}/config"
        space = bytearray(config.read_bytes())
        space[0x106] = space[0x106] & ~int(mask, 16) | int(bits, 16)
        config.write_bytes(space)
    words = re.split("[ ,=]", value["parameter"])
    if "noats" in words:
        clear_bits(root, 0x10f, 6, 0x8000)
    if "pcie_bus_peer2peer" in words:
        clear_bits(root, 0x10, 8, 0xe0)
    if "iommu.passthrough" in words:
        for kind in root.glob("sys/kernel/iommu_groups/*/type"):
            kind.write_text("identity\n")
    policy = re.search("p2pdma=(.*)", value["parameter"])
    if policy:
        (root / "sys/kernel/p2pdma/policy").write_text(policy[1] + "\n")


def wrong_paths(value: dict, root: Path) -> str:
    """The parameter with paths has the same entries, each a path to the same port."""
    with_buses = re.findall(r"\w+:\w\w:\w\w\.\w(?:/[\w./]*)?", value["parameter"])
    with_paths = re.findall(r"\w+:\w\w:\w\w\.\w(?:/[\w./]*)?",
                            value["parameter_paths"] or value["parameter"])
    trouble = "" if len(with_buses) == len(with_paths) else "other entries\n"
    for port, path in zip(with_buses, with_paths):
        place = (root / "sys/bus/pci/devices" / port).resolve()
        parts = [p for p in place.parts if re.fullmatch(r"\w+:\w\w:\w\w\.\w", p)]
        want = "/".join([parts[0]] + [p.split(":")[2] for p in parts[1:]])
        if path != want:
            trouble += f"{port} is {path} and not {want}\n"
    return trouble


def test_plan(results, runner, work: Path, name: str) -> None:
    """With all of it carried out, the verdicts and the other pairs are as it says."""
    if not results.wanted(f"plan {name}"):
        return
    fabric, change, lines, pairs, wanted, has = PLANS[name]
    text = (runner.HERE / f"fabrics/{fabric}.fabric").read_text()
    for old, new in change.items():
        text = text.replace(old, new)
    root = work / "fx-plan"
    runner.shutil.rmtree(root, ignore_errors=True)
    Fabric("\n".join([text, *lines])).build(root)
    value = json.loads(runner.run(["plan", *pairs, "--json"], root).stdout)
    trouble = "\n".join(e.message[:200] for e in runner.validator().iter_errors(value))
    if value["predicted"] is not True or " (predicted)\n" not in runner.run(
            ["plan", *pairs], root).stdout:
        trouble += "it is not marked as a prediction\n"
    trouble += "".join(f"no {word} in {value['parameter']}\n" for word in has
                       if word not in value["parameter"])
    trouble += "" if value["costs"] else "no cost is told\n"
    trouble += wrong_paths(value, root)
    carry_out(root, value)
    again = json.loads(runner.run(["plan", *pairs, "--json"], root).stdout)
    for pair, after in zip(value["pairs"], again["pairs"]):
        if after["before"] != pair["after"] or set(pair["after"].values()) != wanted:
            trouble += f"{pair} is {after['before']}\n"
    if again["parameter"] or again["command_now"] or again["changes"]:
        trouble += f"a second plan: {again['parameter']}\n"
    for pair in value["changes"]:
        done = runner.run(["plan", f"{pair['client']},{pair['provider']}", "--json"], root)
        now = json.loads(done.stdout)["pairs"][0]["before"]
        if now != pair["after"]:
            trouble += f"another pair: {pair} is {now}\n"
    results.tell(f"plan {name}", trouble)


def checks(results, roots: dict[str, Path], work: Path, runner) -> None:
    """All of them."""
    file = work / "rules"
    for fabric, rules, status, lines in RULES:
        name = f"check {fabric} {rules!r}"
        if not results.wanted(name):
            continue
        file.write_text(rules)
        done = runner.run(["check", "--file", str(file)], roots[fabric])
        got = done.stdout.splitlines() if status else []
        trouble = "" if done.returncode == status else f"status {done.returncode}\n"
        if len(got) != len(lines) or not all(map(str.startswith, got, lines)):
            trouble += f"got {got} {done.stderr}"
        value = json.loads(runner.run(["check", "--file", str(file), "--json"],
                                      roots[fabric]).stdout)
        marked = any(" (predicted)" in line for line in done.stdout.splitlines())
        verdicts = [v for v in value["violations"] if v["verdict"]]
        if fabric in PREDICTED and (verdicts or not status) and not (
                marked and value["predicted"]):
            trouble += f"a prediction is not marked: {done.stdout}"
        if any(v["predicted"] != (" (predicted);" in v["text"])
               for v in value["violations"]) or \
                any(not v["predicted"] for v in verdicts if fabric in PREDICTED):
            trouble += f"marked otherwise: {value['violations']}"
        trouble += "\n".join(e.message[:200] for e in runner.validator().iter_errors(value))
        if [v["text"] for v in value["violations"]] != got or \
                value["result"] != ("ok", "violated", "unknown")[status]:
            trouble += f"as JSON: {value['result']} {value['violations']}"
        results.tell(name, trouble)
    for rules, words in MISTAKES.items():
        if results.wanted(f"check mistake {rules!r}"):
            file.write_text(rules)
            done = runner.run(["check", "--file", str(file)], roots["devices"], leaks=False)
            results.tell(f"check mistake {rules!r}", "" if done.returncode == 2 and
                         words in done.stderr else done.stdout + done.stderr)
    for fabric in roots:
        if not results.wanted(f"checklist {fabric}"):
            continue
        done = runner.run(["check", "--json"], roots[fabric])
        value = json.loads(done.stdout)
        trouble = "\n".join(e.message[:200] for e in runner.validator().iter_errors(value))
        items = {item["name"]: item["state"] for item in value["items"]}
        states = set(items.values())
        for item, state in CHECKLISTS.get(fabric, {}).items():
            if items.get(item) != state:
                trouble += f"{item} is {items.get(item)} and not {state}\n"
        if done.returncode != (1 if "no" in states else 2 if "unknown" in states else 0):
            trouble += f"status {done.returncode}, with {states}"
        results.tell(f"checklist {fabric}", trouble)
    for name in PLANS:
        test_plan(results, runner, work, name)
    if results.wanted("check asks the kernel"):
        root = runner.make_root(work, "devices", "kernelpath")
        path = root / "sys/kernel/debug/p2pdma/path"
        path.parent.mkdir(parents=True)
        path.write_text("path 0000:05:00.0 0000:03:00.0 distance=4 meets=switch\n"
                        "route 0 write bus-address direct -\n"
                        "unregistered 1 write not-supported denied -\n"
                        "unregistered 1 read not-supported denied 0000:02:00.0\n")
        asked = ["route", "eth0", "03:00.0", "--json"]
        one = json.loads(runner.run(asked, root).stdout)
        other = json.loads(runner.run(["route", "eth0", "06:00.0", "--json"], root).stdout)
        results.tell("check asks the kernel", "" if not one["predicted"] and
                     one["write"] == {"verdict": "not-supported", "reason": "denied"} and
                     one["port"] == "0000:02:00.0" and other["predicted"] and
                     not other["write"] else f"{one['write']} {other['predicted']}")
        # an answer of which only a part can be read is none
        with path.open("ab") as answer:
            answer.truncate(32 << 20)
        one = json.loads(runner.run(asked, root).stdout)
        results.tell("check takes no part for the whole",
                     "" if one["predicted"] else f"{one['write']}")
