# SPDX-License-Identifier: GPL-2.0
"""Is a prediction what the kernel decides?  On each fabric, described or exported by the
kernel, p2pdma_routes is taken away, and what the command then predicts is compared with
what was in it.  The rules of the plain kernel are here a second time."""

import json
import random
import re
from pathlib import Path

from fixture import ACS, Exported, Fabric, load

SEED = 20261128
PAIRS = 60              # of a fabric; large ones are sampled
# Facts that no file shows: the exported fabrics set them in the kernel alone.
UNSEEN = {"window-unreserved", "unmappable"}
DIRECTIONS = ("write", "read")


def kernel_says(root: Path) -> dict[tuple[str, str, int], tuple]:
    """(client, provider, BAR) -> verdicts, reasons and the port; the files are emptied."""
    found = {}
    for file in root.glob("sys/bus/pci/devices/*/p2pdma_routes"):
        for line in file.read_text().splitlines():
            words = line.split()
            if len(words) >= 8 and words[1].isdigit():
                found[(file.parent.name, words[0], int(words[1]))] = tuple(
                    words[2:4] + words[5:8])
        file.write_text("")
    return found


def comparable(fabric, pair: tuple[str, str, int], said: tuple) -> bool:
    """Is the line of a description made by the rules, of facts that the files have too?
    Which of several host bridges are trusted is in no file."""
    if not isinstance(fabric, Fabric):
        return True
    if pair[:2] in fabric.overrides or pair[1] not in fabric.devs:
        return False
    return len(set(fabric.hosts.values())) == 1 or \
        not {"through-host-bridge", "host-bridge-untrusted"} & set(said)


def predicted(runner, root: Path, client: str, provider: str, bar: int) -> dict | str:
    """The member of the JSON, or what is wrong."""
    done = runner.run(["route", client, f"{provider}/{bar}", "--json"], root)
    if done.returncode:
        return f"{done.stderr}"
    return json.loads(done.stdout)["predicted"]


def test_project(results, runner, work: Path, name: str) -> None:
    """What the project's kernel decides."""
    if not results.wanted(f"predict {name}"):
        return
    root = runner.make_root(work, name, "predict")
    fabric = load(runner.HERE, name)
    said = kernel_says(root)
    pairs = sorted(pair for pair in said if comparable(fabric, pair, said[pair]))
    random.Random(SEED).shuffle(pairs)
    trouble, seen = "", 0
    for pair in pairs[:PAIRS]:
        got = predicted(runner, root, *pair)
        if isinstance(got, str):
            trouble += f"{pair}: {got}\n"
            continue
        if not got["project"]:
            continue
        want, project = said[pair], got["project"]
        if UNSEEN & set(want):
            continue
        seen += 1
        have = (project["write"]["verdict"], project["read"]["verdict"],
                project["write"]["reason"], project["read"]["reason"],
                project["port"] or "-")
        if have != want:
            trouble += f"{pair}: the kernel {want}, predicted {have}\n"
    user = isinstance(fabric, Fabric) and "user" in fabric.kernel
    if pairs and not seen and not user:
        trouble += "nothing was compared"
    results.tell(f"predict {name}", trouble)


# Of the host bridges in the list of Linux 6.12, those that are in a fabric.
LISTED = {"8086:09a2"}


def stock_says(fabric: Fabric, client, provider) -> str:
    """The verdict of Linux 6.12, for one CPU whose host bridges are all in its list."""
    ups, above = client.up(), provider.up()
    common = next((dev for dev in above if dev in ups), None)
    if common:
        path = above[:above.index(common) + 1] + ups[:ups.index(common)]
        if not any((dev.acs() or 0) & (ACS["RR"] | ACS["CR"] | ACS["EC"])
                   for dev in path):
            return "bus-address"
    listed = {dev.host for dev in fabric.devs.values()
              if dev.address.endswith(":00:00.0") and dev.words.get("id") in LISTED}
    known = all(fabric.hosts.values()) or {client.host, provider.host} <= listed
    return "through-host-bridge" if known else "not-supported"


def test_stock(results, runner, work: Path, name: str) -> None:
    """What another kernel decides, for any two functions."""
    if not results.wanted(f"predict stock {name}"):
        return
    text = (runner.HERE / "fabrics" / f"{name}.fabric").read_text()
    text = re.sub(r"(?m)^kernel .*", lambda m: m.group().replace(" stock", "") + " stock",
                  text)
    fabric = Fabric(text)
    root = work / "fx-predict-stock"
    runner.shutil.rmtree(root, ignore_errors=True)
    fabric.build(root)
    ends = [dev for dev in fabric.devs.values() if not fabric.is_bridge(dev)]
    pairs = [(a, b) for a in ends for b in ends if b.words.get("bars") != "none"]
    random.Random(SEED).shuffle(pairs)
    trouble, seen = "", 0
    for client, provider in pairs[:PAIRS]:
        done = runner.run(["route", client.address, provider.address, "--json"], root)
        if done.returncode:
            trouble += done.stderr
            continue
        got = json.loads(done.stdout)["predicted"]["this_kernel"]
        if not got:
            continue
        seen += 1
        want = stock_says(fabric, client, provider)
        if got["verdict"] != want:
            trouble += (f"{client.address} {provider.address}: {want} expected, "
                        f"predicted {got['verdict']}: {got['why']}\n")
    if not seen and "user" not in fabric.kernel:
        trouble += "nothing was compared"
    results.tell(f"predict stock {name}", trouble)


def predict(results, roots: dict[str, Path], work: Path, runner) -> None:
    """All of them."""
    for name in roots:
        fabric = load(runner.HERE, name)
        if isinstance(fabric, Exported) or "stock" not in fabric.kernel:
            test_project(results, runner, work, name)
        if isinstance(fabric, Fabric):
            test_stock(results, runner, work, name)
