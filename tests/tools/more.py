# SPDX-License-Identifier: GPL-2.0
"""Tests that need more than a line each: data moved on a fake tree, pictures, damaged
trees, and whether the guide and the program agree."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

ROUNDS = 60             # trees that are damaged
SEED = 20261121

# --- verify, with hardware that behaves and that does not


def fake_drive(runner, work: Path, name: str) -> Path:
    """The fabric "switch" with a drive, peer memory and a file system to work on."""
    root = runner.make_root(work, "switch", name)
    for pci in ("0000:03:00.0", "0000:06:00.0"):
        with (root / f"sys/bus/pci/devices/{pci}/p2pmem/allocate"
              ).open("wb") as file:
            file.truncate(16 << 20)
    (root / "dev").mkdir()
    for drive in ("nvme0n1", "nvme1n1", "nvme2n1"):
        (root / "dev" / drive).write_bytes(random.Random(drive).randbytes(1 << 20))
        for link in (root / "sys/block").glob(drive):
            (link / "size").write_text("2048\n")
    device = os.stat(work).st_dev
    place = root / f"sys/dev/block/{os.major(device)}:{os.minor(device)}"
    place.parent.mkdir(parents=True)
    target = (root / "sys/block/nvme1n1").resolve()
    place.symlink_to(os.path.relpath(target, place.parent))
    return root


def set_routes(root: Path, verdict: str) -> None:
    """What the kernel says of 04:00.0 (nvme1) to 03:00.0 (nvme0)."""
    why = "host-bridge-untrusted" if verdict == "not-supported" else "direct"
    (root / "sys/bus/pci/devices/0000:04:00.0/p2pdma_routes").write_text(
        f"0000:03:00.0 2 {verdict} {verdict} 4 {why} {why} -\n")


# hardware, what the kernel says -> status, what is measured (write, read)
VERIFY = [
    ("", "bus-address", 0, "equal", "equal"),
    ("", "not-supported", 1, "equal", "equal"),
    ("refuse", "not-supported", 0, "refused", "refused"),
    ("refuse", "bus-address", 1, "refused", "refused"),
    ("refuse-change", "not-supported", 1, "refused-and-changed",
     "refused-and-changed"),
    ("wrong", "bus-address", 1, "wrong-data", "wrong-data"),
    ("lost", "through-host-bridge", 1, "wrong-data", "wrong-data"),
    ("wrong", "not-supported", 1, "wrong-data", "wrong-data"),
    ("eio", "bus-address", 1, "io-error", "io-error"),
    ("eio", "not-supported", 1, "io-error", "io-error"),
    ("short", "bus-address", 1, None, None),
]


def run_plain(runner, args: list[str], root: Path, shim: Path,
              mode: str, **env: str) -> subprocess.CompletedProcess:
    """The program without sanitizers, which do not go with a preloaded library."""
    return subprocess.run(
        [str(runner.MADE / "plain" / "p2pdma"), "--root", str(root),
         "--pci-ids", str(root / "pci.ids"), *args],
        capture_output=True, text=True, check=False, timeout=120,
        stdin=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C",
             "LD_PRELOAD": str(shim), "P2PDMA_SHIM": mode, **env})


def has_direct_io(work: Path) -> bool:
    """Does the file system here take O_DIRECT?"""
    probe = work / "probe"
    try:
        os.close(os.open(probe, os.O_RDWR | os.O_CREAT | os.O_DIRECT, 0o600))
    except OSError:
        return False
    finally:
        probe.unlink(missing_ok=True)
    return True


def test_verify(results, work: Path, runner) -> None:
    """Every verdict against every behaviour of the hardware."""
    if not has_direct_io(work):
        results.skip("verify", f"no O_DIRECT in {work}; set TMPDIR")
        return
    build_shim(runner)
    shim = runner.MADE / "shim.so"
    root = fake_drive(runner, work, "verify")
    file = work / "data"
    for mode, verdict, status, write, read in VERIFY:
        name = f"verify {mode or 'sound'} {verdict}"
        if not results.wanted(name):
            continue
        set_routes(root, verdict)
        done = run_plain(runner, ["verify", "nvme1", "nvme0", "--file",
                                  str(file), "--size", "3M", "--json"],
                         root, shim, mode)
        trouble = check_verify(runner, done, status, [write, read])
        if file.exists():
            trouble += "the file was not removed\n"
        results.tell(name, trouble)
    for mode, status, first in (("", 2, "not-tested"), ("wrong", 1, "wrong-data"),
                                ("refuse-change", 1, "refused-and-changed")):
        name = f"verify interrupted, {mode or 'sound'}"
        if not results.wanted(name):
            continue
        set_routes(root, "bus-address")
        done = run_plain(runner, ["verify", "nvme1", "nvme0", "--file", str(file),
                                  "--size", "3M", "--json"], root, shim, mode,
                         P2PDMA_SHIM_INTERRUPT="1")
        trouble = check_verify(runner, done, status, [first, "not-tested"])
        if "interrupted" not in done.stdout:
            trouble += "nothing is said of the interrupt"
        results.tell(name, trouble)
    test_verify_safe(results, runner, root, shim, file)


def build_shim(runner) -> None:
    """The preloaded library, and the program without sanitizers."""
    subprocess.run(["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-shared",
                    "-fPIC", "-o", str(runner.MADE / "shim.so"),
                    str(runner.HERE / "shim.c")], check=True)
    subprocess.run(["make", "-C", str(runner.TOOL), f"O={runner.MADE}/plain", "WERROR=1",
                    f"-j{os.cpu_count()}"], check=True,
                   capture_output=True)


def check_verify(runner, done, status: int, measured: list) -> str:
    """Status, measured words, and the schema."""
    trouble = ""
    if done.returncode != status:
        trouble += f"status {done.returncode}, expected {status}: {done.stderr}\n"
    try:
        value = json.loads(done.stdout)
    except ValueError:
        return trouble + f"not JSON: {done.stdout}{done.stderr}"
    trouble += "".join(f"{e.message[:200]}\n"
                       for e in runner.validator().iter_errors(value))
    got = [r["measured"] for r in value["results"]]
    if measured[0] and got != measured:
        trouble += f"measured {got}, expected {measured}\n"
    return trouble


def test_verify_safe(results, runner, root: Path, shim: Path,
                     file: Path) -> None:
    """What it must not do."""
    set_routes(root, "bus-address")
    drive = root / "dev/nvme1n1"
    before = drive.read_bytes()

    def run(*args, mode=""):
        return run_plain(runner, ["verify", "nvme1", "nvme0", "--size", "1M",
                                  *args], root, shim, mode)

    if results.wanted("verify does not write the drive"):
        done = run("--json")
        trouble = check_verify(runner, done, 2, ["equal", "not-tested"])
        if drive.read_bytes() != before:
            trouble += "the drive was written"
        results.tell("verify does not write the drive", trouble)
    if results.wanted("verify writes only"):
        done = run("--direction", "write")
        results.tell("verify writes only", "" if done.returncode == 0 and
                     "every byte equal" in done.stdout else
                     done.stdout + done.stderr)
    if results.wanted("verify tells the reason where there is room"):
        wide = run("--direction", "write", "--width", "100").stdout
        narrow = run("--direction", "write", "--width", "99").stdout
        results.tell("verify tells the reason where there is room",
                     "" if "  bus-address  direct  every byte equal  " in wide
                     and "  bus-address  every byte equal  " in narrow else
                     wide + narrow)
    if results.wanted("verify wrong data on a drive that is read"):
        done = run("--direction", "write", mode="wrong")
        results.tell("verify wrong data on a drive that is read",
                     "" if done.returncode == 1 and
                     "1 bytes differ" in done.stdout else
                     done.stdout + done.stderr)
    if results.wanted("verify a drive of zeros"):
        drive.write_bytes(bytes(1 << 20))
        done = run("--direction", "write")
        drive.write_bytes(before)
        results.tell("verify a drive of zeros", "" if done.returncode == 0 and
                     "same data in every sector" in done.stdout else
                     done.stdout + done.stderr)
    if results.wanted("verify keeps a file that exists"):
        file.write_text("precious")
        done = run("--file", str(file))
        trouble = "" if done.returncode == 2 and "exists" in done.stderr \
            else done.stdout + done.stderr
        if file.read_text() != "precious":
            trouble += "it was overwritten"
        file.unlink()
        results.tell("verify keeps a file that exists", trouble)
    if results.wanted("verify wants the client's file"):
        done = run_plain(runner, ["verify", "nvme2", "nvme0", "--file",
                                  str(file)], root, shim, "")
        results.tell("verify wants the client's file",
                     "" if done.returncode == 2 and
                     "is not the client" in done.stderr and not file.exists()
                     else done.stdout + done.stderr)
    if results.wanted("verify destructive needs a device"):
        done = run("--destructive", str(drive))
        results.tell("verify destructive needs a device",
                     "" if done.returncode == 2 and
                     "not a block device" in done.stderr and
                     drive.read_bytes() == before else
                     done.stdout + done.stderr)
    if results.wanted("verify believes the counters"):
        (root / "sys/bus/pci/devices/0000:04:00.0/p2pdma_counters").write_text(
            "0000:03:00.0 2 0 0 0 0 0 -\n")
        done = run("--direction", "write")
        results.tell("verify believes the counters",
                     "" if done.returncode == 2 and
                     "has mapped only" in done.stdout else
                     done.stdout + done.stderr)
        (root / "sys/bus/pci/devices/0000:04:00.0/p2pdma_counters").unlink()
    if results.wanted("verify a folder"):
        done = run("--file", str(file.parent))
        results.tell("verify a folder", "" if done.returncode == 0 else
                     done.stdout + done.stderr)
    test_proves_nothing(results, root, run)
    test_put_back(results, runner, root, shim)
    test_bench(results, runner, root, shim)


def test_proves_nothing(results, root: Path, run) -> None:
    """Results that look like an answer of the kernel, and are none."""
    client = root / "sys/bus/pci/devices/0000:04:00.0"
    if results.wanted("verify a driver that takes no peer memory"):
        set_routes(root, "not-supported")
        driver = os.readlink(client / "driver")
        (client / "driver").unlink()
        (client / "driver").symlink_to("../ahci")
        done = run("--direction", "write", "--width", "200", mode="refuse")
        (client / "driver").unlink()
        (client / "driver").symlink_to(driver)
        results.tell("verify a driver that takes no peer memory",
                     "" if done.returncode == 2 and
                     "may not take peer memory" in done.stdout else
                     done.stdout + done.stderr)
    if results.wanted("verify BARs with different routes"):
        set_routes(root, "bus-address")
        routes = client / "p2pdma_routes"
        before = routes.read_text()
        routes.write_text(before + "0000:03:00.0 4 not-supported not-supported 4 "
                                   "dma-mask dma-mask -\n")
        done = run("--direction", "write", "--width", "200")
        routes.write_text(before)
        results.tell("verify BARs with different routes",
                     "" if done.returncode == 2 and
                     "different routes" in done.stdout else
                     done.stdout + done.stderr)
    set_routes(root, "bus-address")


def test_put_back(results, runner, root: Path, shim: Path) -> None:
    """What --destructive overwrites is put back, however the run ends."""
    drive = root / "dev/nvme1n1"
    saved = drive.read_bytes()
    size = (root / "sys/block/nvme1n1/size").resolve()
    before = random.Random("put back").randbytes(8 << 20)
    drive.write_bytes(before)
    size.write_text("16384\n")
    set_routes(root, "bus-address")

    def start(*args, **how):
        return subprocess.Popen(
            [str(runner.MADE / "plain/p2pdma"), "--root", str(root), *args,
             "--destructive", str(drive)], stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C",
                 "LD_PRELOAD": str(shim), "P2PDMA_SHIM": "",
                 "P2PDMA_SHIM_BLOCK": "nvme1n1"}, **how)

    def settle(name, process, want, trouble=""):
        status = process.wait(timeout=60)
        trouble += "" if status in want else f"status {status}"
        if drive.read_bytes() != before:
            trouble += "; the drive was left overwritten"
            drive.write_bytes(before)
        results.tell(name, trouble)

    verify = ["verify", "nvme1", "nvme0", "--size", "4M", "--json"]
    if results.wanted("put back at the end"):
        settle("put back at the end",
               start(*verify, stdout=subprocess.DEVNULL), [0])
    if results.wanted("put back by the exit handler"):
        done = run_plain(runner, [*verify, "--destructive", str(drive)], root, shim,
                         "", P2PDMA_SHIM_BLOCK="nvme1n1", P2PDMA_SHIM_MEMORY="3")
        trouble = "" if done.returncode == 2 and \
            "out of memory" in done.stderr else done.stdout + done.stderr
        if drive.read_bytes() != before:
            trouble += "the drive was left overwritten"
            drive.write_bytes(before)
        results.tell("put back by the exit handler", trouble)
    if results.wanted("put back for a closed pipe"):
        process = start(*verify, stdout=subprocess.PIPE)
        process.stdout.close()
        settle("put back for a closed pipe", process, [2])
    if results.wanted("put back without stdout"):
        settle("put back without stdout",
               start(*verify, preexec_fn=lambda: os.close(1)), [0])
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT,
                   signal.SIGALRM, signal.SIGUSR1):
        name = f"put back after {number.name}"
        if not results.wanted(name):
            continue
        process = start("bench", "nvme1", "nvme0", "--direction", "read",
                        "--size", "4M", "--seconds", "30",
                        stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while drive.read_bytes() == before and time.monotonic() < deadline:
            time.sleep(0.05)
        trouble = "" if drive.read_bytes() != before else \
            "nothing was overwritten before the signal; "
        process.send_signal(number)
        settle(name, process, [0, 2], trouble)
    drive.write_bytes(saved)
    size.write_text("2048\n")


def test_watch(results, runner) -> None:
    """It ends silently when its reader has gone, and after --count events."""
    build_shim(runner)
    shim = runner.MADE / "shim-trace.so"
    flags = subprocess.run(["pkg-config", "--cflags", "libtracefs"], check=True,
                           capture_output=True, text=True).stdout.split()
    subprocess.run(["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE",
                    "-shared", "-fPIC", *flags, "-o", str(shim),
                    str(runner.HERE / "shim-trace.c")], check=True)
    for args in ([], ["--json"]):
        name = " ".join(["watch | head", *args])
        if not results.wanted(name):
            continue
        done = subprocess.run(
            ["bash", "-c", '"$0" watch "$@" | head -n 2; exit "${PIPESTATUS[0]}"',
             str(runner.MADE / "plain/p2pdma"), *args],
            capture_output=True, text=True, check=False, timeout=60,
            env={"PATH": os.environ["PATH"], "LD_PRELOAD": str(shim)})
        lines = done.stdout.splitlines()
        results.tell(name, "" if len(lines) == 2 and "map_sg" in lines[1] and
                     not done.stderr and done.returncode == 2 else
                     f"status {done.returncode}: {done.stdout}{done.stderr}")
    if results.wanted("watch --count"):
        done = subprocess.run(
            [str(runner.MADE / "plain/p2pdma"), "watch", "--count", "3", "--json"],
            capture_output=True, text=True, check=False, timeout=60,
            env={"PATH": os.environ["PATH"], "LD_PRELOAD": str(shim)})
        trouble = "" if done.returncode == 0 else done.stderr
        values = [json.loads(line) for line in done.stdout.splitlines()]
        trouble += "".join(e.message for value in values
                           for e in runner.validator().iter_errors(value))
        trouble += "" if "3.040695" in done.stdout else done.stdout
        results.tell("watch --count", trouble if len(values) == 3 else
                     f"{len(values)} events; {trouble}")


def test_bench(results, runner, root: Path, shim: Path) -> None:
    """Figures only where the data were right."""
    def run(*args, mode=""):
        return run_plain(runner, ["bench", "nvme1", "nvme0", "--size", "1M",
                                  "--direction", "write", *args], root, shim,
                         mode)

    if results.wanted("bench"):
        done = run("--json")
        trouble = "" if done.returncode == 0 else done.stderr
        value = json.loads(done.stdout)
        trouble += "".join(f"{e.message[:200]}\n"
                           for e in runner.validator().iter_errors(value))
        for which in ("peer", "staged"):
            if not value["results"][0][which]["bytes_per_second"] > 0:
                trouble += f"no figure for {which}"
        results.tell("bench", trouble)
    if results.wanted("bench with wrong data"):
        done = run(mode="wrong")
        results.tell("bench with wrong data", "" if done.returncode == 2 and
                     "WRONG DATA" in done.stdout else
                     done.stdout + done.stderr)


# --- pictures


def test_pictures(results, roots: dict[str, Path], runner) -> None:
    """Graphviz takes every graph, no two boxes overlap, and host bridges stand in the
    order of their numbers."""
    if not shutil.which("dot"):
        results.tell("picture", "Graphviz is not installed")
        return
    for fabric, root in roots.items():
        name = f"picture {fabric}"
        if not results.wanted(name):
            continue
        done = runner.run(["topo", "--dot"], root)
        plain = subprocess.run(["dot", "-Tplain"], input=done.stdout,
                               capture_output=True, text=True, check=False)
        trouble = done.stderr + plain.stderr
        boxes = []
        for line in plain.stdout.splitlines():
            words = line.split()
            if words[0] == "graph" and float(words[3]) > 30:
                trouble += f"the picture is {words[3]} inches high\n"
            if words[0] == "node":
                boxes.append((words[1], *map(float, words[2:6])))
        for i, (one, x, y, w, h) in enumerate(boxes):
            for other, x2, y2, w2, h2 in boxes[:i]:
                if abs(x - x2) * 2 < w + w2 and abs(y - y2) * 2 < h + h2:
                    trouble += f"{one} and {other} overlap\n"
        if not boxes:
            trouble += "nothing is drawn\n"
        hosts = sorted((-y, name) for name, _, y, _, _ in boxes
                       if name.strip('"').startswith("pci"))
        number = [int(re.sub("[^0-9a-f]", "", name.removeprefix("pci")), 16)
                  for name in (h[1].strip('"') for h in hosts)]
        if number != sorted(number):
            trouble += f"the order of host bridges: {[h[1] for h in hosts]}\n"
        svg = root / "picture.svg"
        done = runner.run(["topo", "--svg", str(svg)], root)
        if done.returncode or "<svg" not in svg.read_text():
            trouble += f"no picture: {done.stderr}"
        results.tell(name, trouble)
    for verdicts, label in (("bus-address not-supported", "writes only"),
                            ("not-supported through-host-bridge", "reads only"),
                            ("bus-address through-host-bridge", ""),
                            ("bus-address not-yet-known", ""),
                            ("not-yet-known not-supported", ""),
                            ("not-supported not-supported", "")):
        name = f"picture of {verdicts}"
        if not results.wanted(name):
            continue
        root = runner.make_root(roots["switch"].parent, "switch", "one-way")
        file = root / "sys/bus/pci/devices/0000:04:00.0/p2pdma_routes"
        file.write_text(f"0000:03:00.0 2 {verdicts} 4 unknown unknown -\n")
        done = runner.run(["topo", "--dot", "--client", "nvme1", "--provider", "nvme0"],
                          root)
        edge = next(line for line in done.stdout.splitlines()
                    if '"0000:04:00.0" -> "0000:03:00.0"' in line)
        results.tell(name, "" if (f'label="{label}"' in edge if label else
                                  "label=" not in edge) and
                     ("one direction only" in done.stdout) == bool(label) else
                     done.stdout + done.stderr)
    if results.wanted("picture without Graphviz"):
        done = runner.run(["topo", "--svg", "-"], roots["switch"], leaks=False,
                          env={"PATH": "/nonexistent"})
        results.tell("picture without Graphviz",
                     "" if done.returncode == 2 and
                     "apt-get install graphviz" in done.stderr else
                     done.stderr)


# --- the guide and the program


def parameters(text: str) -> set[str]:
    """What is to be pasted, by its kind."""
    kinds = [r"pci=disable_acs_redir", r"pci=config_acs", r"p2pdma=auto", r"p2pdma=host",
             r"p2pdma=trust", r"@w", r"p2pdma=loopback",
             r"pci=noats", r"pcie_bus_peer2peer", r"CAP_EXP\+28", r"iommu\.passthrough=1",
             r"intel_iommu=on", r"swiotlb=force", r"mem_encrypt=off",
             r"power/control", r"COMMAND=2:2"]
    return {k for k in kinds if re.search(k, text)}


def guide_rows(guide: str) -> dict[str, str]:
    """Reason -> the last column of its row."""
    table = guide.split("Reasons and remedies\n====")[1].split("\n====")[0]
    rows = {}
    for row in table.split("   * - ")[2:]:
        cells = row.split("\n     - ")
        rows[cells[0].strip()] = cells[2] if len(cells) > 2 else ""
    for reason, text in list(rows.items()):
        for other in re.findall("as for ([a-z-]+)",
                                " ".join(text.lower().split())):
            rows[reason] += rows[other]
    return rows


def test_guide(results, roots: dict[str, Path], runner) -> None:
    """The remedies of each reason are those of the administrator's guide."""
    guide = (runner.REPO / "Documentation/admin-guide/p2pdma.rst").read_text()
    rows = guide_rows(guide)
    printed = runner.run(["route", "--reasons", "--width", "1000"],
                         roots["switch"]).stdout
    blocks = dict(re.findall(r"^([a-z-]+)\n((?: .*\n)*)", printed, re.M))
    for reason in sorted(set(rows) | set(blocks)):
        name = f"guide {reason}"
        if not results.wanted(name):
            continue
        if reason not in rows or reason not in blocks:
            results.tell(name, "only one of the two has it")
            continue
        theirs, ours = parameters(rows[reason]), parameters(blocks[reason])
        results.tell(name, "" if theirs == ours else
                     f"the guide has {sorted(theirs - ours)}, which the "
                     f"program lacks, and lacks {sorted(ours - theirs)}")


# --- damage


def test_fuzz(results, runner) -> None:
    """All parsers, with damaged inputs; the same ones each time."""
    if not results.wanted("fuzz parsers"):
        return
    done = subprocess.run([str(runner.MADE / "fuzz"), str(SEED), "100000"],
                          capture_output=True, text=True, check=False,
                          env={"ASAN_OPTIONS": "exitcode=99"}, timeout=600)
    results.tell("fuzz parsers", "" if not done.returncode else
                 done.stdout + done.stderr)


def damage(root: Path, chance: random.Random) -> None:
    """Change some files of a tree, or take them away."""
    files = sorted(p for p in root.rglob("*")
                   if p.is_file() and not p.is_symlink())
    links = sorted(p for p in root.rglob("*") if p.is_symlink())
    for file in chance.sample(files, chance.randint(1, 12)):
        data = bytearray(file.read_bytes())
        kind = chance.randrange(6)
        if kind == 0:
            file.unlink()
            continue
        if kind == 1:
            data = bytearray(chance.randbytes(chance.randint(0, 300)))
        elif kind == 2:
            del data[chance.randint(0, len(data)):]
        elif kind == 3:
            data = data * chance.randint(2, 20)
        else:
            for _ in range(chance.randint(1, 1 + len(data) // 8)):
                if data:
                    data[chance.randrange(len(data))] = chance.choice(
                        [0, 10, 32, 255, chance.randrange(256)])
        file.write_bytes(data)
    if chance.randrange(2):
        link = chance.choice(links)
        link.unlink()
        if chance.randrange(2):
            link.symlink_to(chance.choice(["..", "/", "nowhere", link.name]))


def test_damage(results, work: Path, runner) -> None:
    """No tree, however broken, makes it crash, hang, or print what is not JSON."""
    fabrics = sorted(f.stem for f in (runner.HERE / "fabrics").glob("*.fabric"))
    for number in range(ROUNDS):
        name = f"damage {number}"
        if not results.wanted(name):
            continue
        chance = random.Random(SEED + number)
        root = runner.make_root(work, chance.choice(fabrics[1:]), "damage")
        damage(root, chance)
        trouble = ""
        for args in (["topo", "--json"], ["--json"], ["topo", "--tree"],
                     ["topo", "--dot"], ["topo"],
                     ["route", "nvme1", "nvme0", "--json"],
                     ["policy", "--json"]):
            done = runner.run(args, root, leaks=False)
            if done.returncode not in (0, 2):
                trouble += f"{args}: status {done.returncode}\n{done.stderr}"
            elif done.returncode == 0 and "--json" in args:
                value = json.loads(done.stdout)
                trouble += "".join(
                    f"{args}: {'/'.join(map(str, e.absolute_path))}: "
                    f"{e.message[:200]}\n"
                    for e in runner.validator().iter_errors(value))
        results.tell(name, trouble)


# --- what is installed

INSTALLED = ["bin/p2pdma", "share/man/man8/p2pdma.8",
             "share/bash-completion/completions/p2pdma",
             "share/p2pdma/p2pdma.schema.json"]

# what stands on the line -> words that have to be offered, words that must not
COMPLETIONS = [
    ("p2pdma ", ["topo", "verify", "help"], ["--json"]),
    ("p2pdma to", ["topo"], ["route"]),
    ("p2pdma topo --t", ["--tree"], ["--json", "--dot"]),
    ("p2pdma route --", ["--reasons", "--json"], ["--tree"]),
    ("p2pdma --color ", ["always", "never"], []),
    ("p2pdma route nvm", ["nvme0", "nvme1"], ["eth0"]),
    ("p2pdma route nvme1 ", ["0000:03:00.0", "nvme0", "eth0"], []),
    ("p2pdma verify nvme1 ", ["0000:03:00.0", "nvme0"], ["nvme1", "eth0"]),
    ("p2pdma --width 80 policy ", ["show", "set"], []),
    ("p2pdma verify --direction ", ["read"], ["nvme0"]),
    ("p2pdma help ", ["topo", "help"], ["--json"]),
    ("p2pdma help --", ["--help", "--color", "--version"], ["--json", "--tree"]),
    ("p2pdma help topo ", [], ["topo", "route", "nvme0"]),
    ("p2pdma watch r", ["route", "refused"], ["map_sg"]),
]


# the same with names of other kinds below ROOT, which is named on the line alone; bash
# makes three words of --root=ROOT
ROOT_COMPLETIONS = [
    ("p2pdma --root ROOT route ", ["mlx5_0", "renderD128", "nvme0", "eth0", "card0"],
     ["route"]),
    ("p2pdma verify --root = ROOT nvme1 ", ["nvme0"], ["nvme1"]),
    ("p2pdma --root=ROOT topo --client nvm", ["nvme0", "nvme1"], []),
    ("p2pdma --color = a", ["always", "auto"], ["topo"]),
    ("p2pdma --color =", ["always", "never"], ["topo"]),
    ("p2pdma --color = never ", ["topo", "route"], []),
]
# what the manual page has to say
MAN_WORDS = ["-h, --help, --version", "only --direction write ends with 0",
             "--provider P[/BAR]"]


def complete(runner, line: str, root: Path | str) -> list[str]:
    """What bash would offer."""
    words = line.split(" ")
    quoted = " ".join(f"'{w}'" for w in words)
    script = (f". {runner.TOOL}/p2pdma.bash; COMP_WORDS=({quoted}); "
              f"COMP_CWORD={len(words) - 1}; _p2pdma; "
              "printf '%s\\n' \"${COMPREPLY[@]}\"")
    done = subprocess.run(["bash", "-uc", script], capture_output=True,
                          text=True, check=False,
                          env={"PATH": os.environ["PATH"],
                               "P2PDMA_ROOT": str(root)})
    return done.stdout.split() + ([done.stderr] if done.stderr else [])


def test_installed(results, roots: dict[str, Path], work: Path,
                   runner) -> None:
    """make install, the manual page, the completion and the package."""
    if results.wanted("install"):
        done = subprocess.run(
            ["make", "-C", str(runner.TOOL), f"O={runner.MADE}/plain",
             f"DESTDIR={work}/dest", "install"], capture_output=True,
            text=True, check=False)
        missing = [f for f in INSTALLED
                   if not (work / "dest/usr" / f).is_file()]
        results.tell("install", done.stderr if done.returncode else
                     " ".join(missing))
    if results.wanted("manual page"):
        done = subprocess.run(["man", "--warnings", "-l",
                               str(runner.TOOL / "p2pdma.8")],
                              capture_output=True, text=True, check=False,
                              env={"PATH": os.environ["PATH"], "LC_ALL": "C",
                                   "MANWIDTH": "80"})
        trouble = done.stderr
        for word in ("topo", "route", "verify", "bench", "policy", "watch",
                     "--json", "--color", "--width", "--root", "--pci-ids",
                     "--destructive", "--svg", "NO_COLOR", *MAN_WORDS):
            if word not in " ".join(done.stdout.split()):
                trouble += f"{word} is not in it\n"
        results.tell("manual page", trouble)
    for line, wanted, unwanted in COMPLETIONS:
        if results.wanted(f"completion {line}"):
            got = complete(runner, line, roots["switch"])
            trouble = "".join(f"{w} is not offered: {got}\n"
                              for w in wanted if w not in got)
            trouble += "".join(f"{w} is offered: {got}\n"
                               for w in unwanted if w in got)
            results.tell(f"completion '{line}'", trouble)
    root = runner.make_root(work, "switch", "complete")
    devices = root / "sys/bus/pci/devices"
    for name in ("0000:05:00.0/infiniband/mlx5_0", "0000:00:00.0/drm/card0",
                 "0000:00:00.0/drm/renderD128"):
        (devices / name).mkdir(parents=True)
    for line, wanted, unwanted in ROOT_COMPLETIONS:
        if results.wanted(f"completion {line}"):
            got = complete(runner, line.replace("ROOT", str(root)), "/nonexistent")
            results.tell(f"completion '{line}'", "" if set(wanted) <= set(got) and
                         not set(unwanted) & set(got) else f"offered: {got}")
    test_options(results, roots, runner)
    test_flags(results, runner)
    if results.wanted("package"):
        test_package(results, work, runner)
    test_order(results, runner)


# where options are parsed -> the commands that have them; args.c has those of all
OPTIONS = {"args.c": ["topo", "route", "verify", "policy", "watch", "bench", "collect",
                       "check", "plan"],
           "check.c": ["check"],
           "topo.c": ["topo"], "route.c": ["route"], "pairs.c": ["verify", "bench"],
           "watch.c": ["watch"]}
NOT_OF = {("verify", "--seconds"), ("collect", "--json")}       # refused there


def parsed_options(runner) -> dict[str, dict[str, bool]]:
    """Command -> the options that it parses, and whether they have a value."""
    found: dict[str, dict[str, bool]] = {}
    for file in sorted(runner.TOOL.glob("*.c")):
        options = re.findall(r'\{ "([a-z-]+)", (no|required)_argument', file.read_text())
        if bool(options) != (file.name in OPTIONS):
            raise ValueError(f"options in {file.name}: {options}")
        for name, value in options:
            for command in OPTIONS[file.name]:
                if (command, f"--{name}") not in NOT_OF:
                    found.setdefault(command, {})[f"--{name}"] = value == "required"
    return found


def test_options(results, roots: dict[str, Path], runner) -> None:
    """Help, manual page and completion have the options that are parsed, and no others."""
    page = subprocess.run(["man", "-l", str(runner.TOOL / "p2pdma.8")],
                          capture_output=True, text=True, check=False,
                          env={"PATH": os.environ["PATH"], "LC_ALL": "C",
                               "MANWIDTH": "1000"}).stdout
    all_of: set[str] = set()
    form = r"(?<![\w-])--[a-z][a-z-]*"
    for command, options in parsed_options(runner).items():
        all_of |= set(options)
        if not results.wanted(f"options of {command}"):
            continue
        told = set(re.findall(form, runner.run(["help", command]).stdout))
        told -= {option for of, option in NOT_OF if of == command}
        offered = complete(runner, f"p2pdma {command} --", roots["switch"])
        trouble = "".join(
            f"{where}: lacks {sorted(set(options) - has)}, and has "
            f"{sorted(has - set(options))}\n"
            for where, has in (("help", told), ("completion", set(offered)))
            if has != set(options))
        for option, value in options.items():
            # the word after an option with a value is not an argument
            got = complete(runner, f"p2pdma {option} 9 ", roots["switch"])
            if ("topo" in got) != value:
                trouble += f"completion: has {option} a value?\n"
        results.tell(f"options of {command}", trouble)
    if results.wanted("options of the manual page"):
        told = set(re.findall(form, page))
        results.tell("options of the manual page", "" if told == all_of else
                     f"lacks {sorted(all_of - told)}, and has {sorted(told - all_of)}")


def file_order(runner) -> dict[str, tuple[int, int, int]]:
    """File -> line, column and step of the list in commands.h."""
    places = {}
    text = (runner.TOOL / "commands.h").read_text().replace("\n *\t    ", "  ")
    lines = re.findall(r"^ \*\t(.*)$", text, re.M)
    for row, line in enumerate(lines):
        for column, cell in enumerate(line.split("  ")):
            for step, files in enumerate(cell.split(" > ")):
                for file in files.split(", "):
                    places[file] = (row, column, step)
    return places


def calls(runner) -> set[tuple[str, str]]:
    """Pairs of files: the first uses a function or variable of the second."""
    defined, used = {}, []
    for file in sorted(runner.TOOL.glob("*.c")):
        lines = subprocess.run(["nm", runner.MADE / f"{file.stem}.o"], check=True,
                               capture_output=True, text=True).stdout.splitlines()
        for words in map(str.split, lines):
            if words[-2] == "U":
                used.append((file.stem, words[-1]))
            elif words[-2] in "TDBR":
                defined[words[-1]] = file.stem
    return {(file, defined[symbol]) for file, symbol in used if symbol in defined}


def test_order(results, runner) -> None:
    """No call and no include goes up in the list of commands.h."""
    places = file_order(runner)
    arrows = calls(runner)
    for file in sorted(runner.TOOL.glob("*.[ch]")):
        for header in re.findall(r'#include "(\w+)\.h"', file.read_text()):
            arrows.add((file.stem, header))
    # commands.h has the list, and is no file of it: two lines may include it
    commands = {file for file, header in arrows if header == "commands"}
    if results.wanted("order of the files"):
        trouble = [f"{file} is not in the list" for file in
                   sorted({f.stem for f in runner.TOOL.glob("*.[ch]")} - set(places) -
                          {"commands"})]
        trouble += [f"{file} includes commands.h" for file in sorted(commands)
                    if places[file][0] > 1]
        for one, other in sorted(arrows):
            if one == other or "commands" in (one, other):
                continue
            (row, column, step), (to_row, to_column, to_step) = places[one], places[other]
            if not (to_row > row or (to_row == row and to_column == column and
                                     to_step > step)):
                trouble.append(f"{one} uses {other}")
        results.tell("order of the files", "\n".join(trouble))


def test_package(results, work: Path, runner) -> None:
    """The Debian package has what make install installs, and runs."""
    done = subprocess.run([str(runner.REPO / "scripts/deb")],
                          capture_output=True, text=True, check=False)
    if done.returncode:
        results.tell("package", done.stderr[-3000:])
        return
    package = next(f for f in done.stdout.split()
                   if Path(f).name.startswith("p2pdma_"))
    root = work / "package"
    subprocess.run(["dpkg-deb", "-x", package, str(root)], check=True)
    missing = [f for f in INSTALLED
               if not list((root / "usr").glob(f + "*"))]
    ran = subprocess.run([str(root / "usr/bin/p2pdma"), "--version"],
                         capture_output=True, text=True, check=False)
    results.tell("package", " ".join(missing) if missing else
                 "" if ran.stdout.startswith("p2pdma ") else ran.stderr)
    if results.wanted("package hardening"):
        read = subprocess.run(
            ["readelf", "-dW", "--dyn-syms", str(root / "usr/bin/p2pdma")],
            capture_output=True, text=True, check=True).stdout
        results.tell("package hardening", "".join(
            f"{word} is not in it\n" for word in
            ("BIND_NOW", "PIE", "__stack_chk_fail", "__snprintf_chk")
            if word not in read))


def test_flags(results, runner) -> None:
    """Flags of the caller are used, and warnings are errors only for the tests."""
    for name, given, words, unwanted in (
            ("flags of the caller", ["CPPFLAGS=-DA1", "CFLAGS=-O1", "LDFLAGS=-Wl,-z,now"],
             ["-DA1", "-O1", "-Wl,-z,now"], ["-Werror", "-O2"]),
            ("flags of the tests", ["WERROR=1"], ["-Werror", "-O2"], [])):
        if not results.wanted(name):
            continue
        lines = subprocess.run(
            ["make", "-nB", "-C", str(runner.TOOL), f"O={runner.MADE}/none", *given],
            capture_output=True, text=True, check=True).stdout
        results.tell(name, "".join(f"{w} is not there\n" for w in words
                                   if w not in lines)
                     + "".join(f"{w} is there\n" for w in unwanted if w in lines))


def more(results, roots, work, runner) -> None:
    """All of them."""
    test_verify(results, work, runner)
    test_watch(results, runner)
    test_pictures(results, roots, runner)
    test_guide(results, roots, runner)
    test_fuzz(results, runner)
    test_installed(results, roots, work, runner)
    test_damage(results, work, runner)
