# SPDX-License-Identifier: GPL-2.0
"""p2pdma check: rules in a file, their status and the lines that they give."""

import json
import re
from pathlib import Path

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


# fabric, pairs that ACS alone keeps from being direct
PLANS = {
    "devices": ["eth0,03:00.0"], "cards": ["gpus,gpus"], "cards-redir": ["gpus,gpus"],
    "two-gpus": ["03:00.0,04:00.0", "04:00.0,03:00.0"],
}


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


def test_plan(results, runner, work: Path, fabric: str, pairs: list[str]) -> None:
    """With its commands carried out, the verdicts and the other pairs are as it says."""
    if not results.wanted(f"plan {fabric}"):
        return
    root = runner.make_root(work, fabric, "plan")
    done = runner.run(["plan", *pairs, "--json"], root)
    value = json.loads(done.stdout)
    trouble = "\n".join(e.message[:200] for e in runner.validator().iter_errors(value))
    for port, bits, mask in re.findall(r"setpci -s (\S+) ECAP_ACS\+6.w=(\w+):(\w+)",
                                       value["command_now"]):
        config = root / f"sys/bus/pci/devices/{port}/config"
        space = bytearray(config.read_bytes())
        space[0x106] = space[0x106] & ~int(mask, 16) | int(bits, 16)
        config.write_bytes(space)
    if value["predicted"] is not True or " (predicted)\n" not in runner.run(
            ["plan", *pairs], root).stdout:
        trouble += "it is not marked as a prediction\n"
    trouble += wrong_paths(value, root)
    again = json.loads(runner.run(["plan", *pairs, "--json"], root).stdout)
    for pair, after in zip(value["pairs"], again["pairs"]):
        if after["before"] != pair["after"] or \
                set(pair["after"].values()) != {"bus-address"}:
            trouble += f"{pair} is {after['before']}\n"
    if again["parameter"] or again["changes"]:
        trouble += f"a second plan: {again['parameter']}\n"
    for pair in value["changes"]:
        done = runner.run(["plan", f"{pair['client']},{pair['provider']}", "--json"], root)
        now = json.loads(done.stdout)["pairs"][0]["before"]
        if now != pair["after"]:
            trouble += f"another pair: {pair} is {now}\n"
    results.tell(f"plan {fabric}", trouble)


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
    for fabric, pairs in PLANS.items():
        test_plan(results, runner, work, fabric, pairs)
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
