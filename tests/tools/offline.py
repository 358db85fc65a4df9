# SPDX-License-Identifier: GPL-2.0
"""Other machines: what p2pdma collect writes and what it keeps to itself, a copied folder
sys, the output of lspci, and files that mean harm."""

import io
import json
import random
import resource
import shutil
import signal
import subprocess
import tarfile
import time
from pathlib import Path

import cases

SEED = 20261128
ROUNDS = 40             # files that are damaged
COLLECTED = ["devices", "devices-stock", "switch", "switch-user", "vf", "nested", "ari",
             "export_hosts"]
MAC = bytes.fromhex("0c42a1abcdef")
SERIAL = bytes.fromhex("efcdab0003a1420c")


def outside(args: list[str], source: Path | str, pci_ids: Path, runner, **more):
    """The program on a file."""
    return runner.run(["--from", str(source), "--pci-ids", str(pci_ids), *args], **more)


def commands(fabric: str) -> list[list[str]]:
    """Commands that only look."""
    found = [[], ["topo"], ["topo", "--tree"], ["topo", "--json"]]
    found += [["route", *pair] for pair in cases.ROUTES[fabric]]
    return found + [["route", *pair, "--json"] for pair in cases.ROUTES[fabric]]


def test_collect(results, roots: dict[str, Path], work: Path, runner) -> None:
    """With the file every command prints what it prints on the machine."""
    for name in COLLECTED:
        if not results.wanted(f"collect {name}"):
            continue
        root, file = roots[name], work / f"{name}.tar"
        done = runner.run(["collect", str(file)], root)
        trouble = done.stderr
        if done.returncode or not file.exists():
            results.tell(f"collect {name}", f"status {done.returncode}: {trouble}")
            continue
        ids = root / "pci.ids"
        again = runner.run(["collect", str(file)], root, leaks=False)
        if again.returncode != 2 or "exists" not in again.stderr:
            trouble += "a file that is there is overwritten"
        for args in commands(name):
            want, got = runner.run(args, root), outside(args, file, ids, runner)
            # the reason why ACS is not seen is another
            if name.endswith("-user"):
                continue
            trouble += runner.difference(want.stdout, got.stdout) + got.stderr
        # what is collected of it is the same file
        second = work / f"{name}-2.tar"
        outside(["collect", str(second)], file, ids, runner)
        if second.read_bytes() != file.read_bytes():
            trouble += "collected again, it is another file"
        results.tell(f"collect {name}", trouble)


def test_secrets(results, work: Path, runner) -> None:
    """No serial number and no MAC address is in the file, wherever it stood."""
    if not results.wanted("collect keeps secrets"):
        return
    root = runner.make_root(work, "devices", "secrets")
    place = (root / "sys/bus/pci/devices/0000:05:00.0").resolve()
    config = bytearray((place / "config").read_bytes())
    config[0x80:0x88] = bytes.fromhex("03900080") + MAC[:4]         # vital product data
    config[0x90:0x9a] = bytes.fromhex("096c0a00") + MAC             # of the vendor
    # the same where the part of PCI Express that is taken ends otherwise
    config[0x6c:0x76] = bytes.fromhex("09000a00") + MAC
    config[0x41] = 0x80
    config[0x100:0x10c] = bytes.fromhex("03000111") + SERIAL        # serial number
    config[0x110:0x120] = bytes.fromhex("0b000120") + bytes.fromhex("00000001") + SERIAL
    # ACS with a vector of 256 bits, which would reach over the next one
    config[0x200:0x20c] = bytes.fromhex("0d00c120") + bytes.fromhex("7f00") + b"\1\0" * 3
    config[0x20c:0x21c] = bytes.fromhex("0b000100") + bytes.fromhex("00000001") + SERIAL
    config[0xe00:0xe06] = MAC                                       # in no capability
    (place / "config").write_bytes(config)
    # PCI Express, version 1
    old = (root / "sys/bus/pci/devices/0000:03:00.0/config").resolve()
    config = bytearray(old.read_bytes())
    config[0x42] = config[0x42] & 0xf0 | 1
    config[0x54:0x5a] = MAC
    old.write_bytes(config)
    for folder in ("net/enx0c42a1abcdef", "infiniband/rocex0c42a10300abcdef"):
        (place / folder).mkdir(parents=True)
    (root / "proc/cmdline").write_text(
        "BOOTIF=01-0c-42-a1-ab-cd-ef root=UUID=1234 pci=realloc iommu=pt\t"
        "--token=S3CRET quiet -- --password=S3CRET iommu.token=S3CRET\n")
    (place / "serial").write_text("S3CRET\n")
    file = work / "secrets.tar"
    done = runner.run(["collect", str(file)], root)
    data = file.read_bytes()
    trouble = done.stderr
    for secret in (MAC, MAC[:4], SERIAL, b"0c42a1", b"0c-42-a1", b"UUID", b"S3CRET"):
        if secret in data:
            trouble += f"{secret!r} is in it\n"
    for word in (b"pci=realloc iommu=pt", b"enx", b"rocex"):
        if word not in data:
            trouble += f"{word!r} is not in it\n"
    got = json.loads(outside(["topo", "--json"], file, root / "pci.ids", runner).stdout)
    acs = [d["acs"] for d in got["devices"] if d["address"] == "0000:05:00.0"]
    if not acs[0]["present"]:
        trouble += "the ACS capability behind them is lost\n"
    results.tell("collect keeps secrets", trouble)


def dump(data: bytes) -> str:
    """Configuration space as lspci -x prints it."""
    return "".join(f"{at:02x}: {' '.join(f'{b:02x}' for b in data[at:at + 16])}\n"
                   for at in range(0, len(data), 16))


def lspci(root: Path, detail: bool = False) -> str:
    """What lspci -xxxx -D would print of a tree."""
    text = ""
    for place in sorted((root / "sys/bus/pci/devices").iterdir()):
        text += f"{place.name} Class 0000: Device 0000:0000\n"
        if detail and (place / "resource").exists():
            for number, line in enumerate((place / "resource").read_text().split("\n")[:6]):
                first, last = (int(word, 16) for word in line.split()[:2])
                if last:
                    text += (f"\tRegion {number}: Memory at {first:x} (64-bit, "
                             f"prefetchable) [size={(last - first + 1) >> 10}K]\n")
        if detail and (place / "iommu_group").exists():
            text += f"\tIOMMU group: {(place / 'iommu_group').resolve().name}\n"
        text += dump((place / "config").read_bytes()) + "\n"
    return text


def with_buses(root: Path) -> None:
    """Bus numbers in the bridges, which the fixture leaves out."""
    for place in (root / "sys/bus/pci/devices").iterdir():
        config = bytearray((place / "config").read_bytes())
        below = sorted(p.name for p in place.resolve().iterdir()
                       if p.is_dir() and p.name.count(":") == 2 and "." in p.name)
        if config[0x0e] & 0x7f == 1 and below:
            config[0x19] = int(below[0].split(":")[1], 16)
            (place / "config").write_bytes(config)


def acs_remedies(value: dict) -> dict:
    """The boot options that change ACS, and what is said of them."""
    return {r["name"]: (r["parameter"], r["warning"]) for r in value["remedies"]
            if r["changes"] is not None}


def test_lspci(results, work: Path, runner) -> None:
    """The fabric of lspci's output is that of the machine, and so are the boot options
    for it."""
    remedies = 0
    fabrics = ("devices", "nested", "ports", "switch", "hosts", "cards")
    for name in fabrics:
        if not results.wanted(f"lspci {name}"):
            continue
        root = runner.make_root(work, name, "lspci")
        with_buses(root)
        # lspci does not print it
        (root / "proc/cmdline").write_text("quiet\n")
        trouble = ""
        for detail in (False, True):
            file = work / "lspci.txt"
            file.write_text(lspci(root, detail))
            for pair in cases.ROUTES[name]:
                real = json.loads(runner.run(["route", *pair, "--json"], root).stdout)
                there = acs_remedies(real)
                args = ["route", real["client"], real["provider"], "--json"]
                done = outside(args, file, root / "pci.ids", runner)
                if done.returncode:
                    trouble += done.stderr
                    continue
                got = json.loads(done.stdout)
                trouble += "\n".join(e.message[:200] for e in
                                     runner.validator().iter_errors(got))
                for key in ("shape", "distance", "common", "redirectors", "request"):
                    if got["fabric"][key] != real["fabric"][key]:
                        trouble += f"{pair}: {key} is {got['fabric'][key]}\n"
                seen = acs_remedies(got)
                remedies += len(seen)
                trouble += "".join(f"{pair}: {key} is {seen[key]} and not {there[key]}\n"
                                   for key in seen.keys() & there if seen[key] != there[key])
                if not got["predicted"]["project"] or \
                        not any("lspci" in line for line in got["unseen"]):
                    trouble += f"{pair}: {got['predicted']} {got['unseen']}\n"
        if name == fabrics[-1] and not remedies:
            trouble += "no boot option was compared\n"
        results.tell(f"lspci {name}", trouble)
    if results.wanted("lspci of a bus without a bridge"):
        # a function on bus 3, which is the secondary bus of no bridge
        text = ""
        for bdf, buses in (("0000:00:01.0", "000104"), ("0000:01:00.0", "010204"),
                           ("0000:02:00.0", ""), ("0000:03:00.1", "")):
            space = bytearray(64)
            space[:12] = bytes.fromhex("8680540a06040000" +
                                       ("00000406" if buses else "00020801"))
            space[0x0e] = bool(buses)
            space[0x18:0x18 + len(buses) // 2] = bytes.fromhex(buses)
            text += f"{bdf} x\n{dump(space)}\n"
        file = work / "lspci.txt"
        file.write_text(text)
        done = outside(["topo", "--json"], file, work / "none", runner)
        hosts = {d["host_bridge"] for d in json.loads(done.stdout)["devices"]}
        got = outside(["route", "02:00.0", "03:00.1", "--width", "1000"], file, work / "none",
                      runner).stdout
        results.tell("lspci of a bus without a bridge", "" if hosts == {"pci0000:00"} and
                     "common" in got and "IOMMU translates for the client is not known" in got
                     else f"{hosts} {got}")
    if results.wanted("lspci on standard input"):
        root = runner.make_root(work, "devices", "lspci")
        done = subprocess.run([str(runner.BINARY), "--from", "-", "topo"], text=True,
                              input=lspci(root), capture_output=True, check=False,
                              env={"ASAN_OPTIONS": "detect_leaks=0"})
        results.tell("lspci on standard input",
                     "" if not done.returncode else done.stderr)


def test_sys(results, roots: dict[str, Path], work: Path, runner) -> None:
    """A folder sys alone."""
    if results.wanted("copied sys"):
        root = roots["devices-stock"]
        args = ["route", "eth0", "03:00.0", "--json"]
        want = json.loads(runner.run(args, root).stdout)
        got = json.loads(outside(args, root / "sys", root / "pci.ids", runner).stdout)
        trouble = "" if want["fabric"] == got["fabric"] else f"{got['fabric']}"
        if not any("copied folder sys" in line for line in got["unseen"]):
            trouble += f"what it lacks is not said: {got['unseen']}"
        results.tell("copied sys", trouble)
    # domains that translate show an IOMMU that its class does not
    if results.wanted("copied sys without class"):
        root = runner.make_root(work, "cards", "copied")
        args = ["route", *cases.ROUTES["cards"][0], "--json"]
        want = acs_remedies(json.loads(runner.run(args, root).stdout))
        shutil.rmtree(root / "sys/class")
        got = acs_remedies(json.loads(
            outside(args, root / "sys", root / "pci.ids", runner).stdout))
        results.tell("copied sys without class",
                     "" if got and got == want else f"got {got}, expected {want}")


def many_functions() -> bytes:
    """Output of lspci that takes more than a pipe holds to describe."""
    header = "86 80 54 0a 06 04 10 00 02 02 08 01 00 00 00 00"
    return "".join(f"0000:{bus:02x}:{slot:02x}.0 NVMe: x\n00: {header}\n" + "".join(
        f"{at:02x}: {' '.join(['00'] * 16)}\n" for at in (16, 32, 48)) + "\n"
                   for bus in range(8) for slot in range(32)).encode()


def full_disk() -> None:
    """No file of the program can be larger than 4 KiB."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))


def can_be_ended() -> None:
    """A shell makes what it runs in the background ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_left(results, roots: dict[str, Path], work: Path, runner) -> None:
    """Nothing is left of what could not be ended."""
    if results.wanted("collect on a full disk"):
        file = work / "full.tar"
        done = runner.run(["collect", str(file)], roots["devices"], leaks=False,
                          preexec_fn=full_disk)
        results.tell("collect on a full disk",
                     "" if done.returncode == 2 and "could not be written" in done.stderr and
                     not file.exists() else f"{done.returncode} {done.stderr} {file.exists()}")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        name = f"from, ended by {number.name}"
        if not results.wanted(name):
            continue
        tmp = work / "ended"
        shutil.rmtree(tmp, ignore_errors=True)
        tmp.mkdir()
        # the folder is there, and the program waits for room in the pipe
        with subprocess.Popen(
                [str(runner.BINARY), "--from", "-", "topo", "--json"], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, env={"TMPDIR": str(tmp)},
                preexec_fn=can_be_ended) as program:
            program.stdin.write(many_functions())
            program.stdin.close()
            program.stdout.read(1)
            there = list(tmp.iterdir())
            program.send_signal(number)
            program.stdout.read()
        deadline = time.monotonic() + 60
        while list(tmp.iterdir()) and time.monotonic() < deadline:
            time.sleep(0.05)
        results.tell(name, "" if there and not list(tmp.iterdir()) and
                     program.returncode == -number else
                     f"{program.returncode}: {there} {list(tmp.iterdir())}")


def hostile(folder: Path) -> bytes:
    """An archive whose entries try to get out of where they are unpacked."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        def add(name: str, data: bytes = b"", kind=tarfile.REGTYPE, to: str = "") -> None:
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.size = kind, to, len(data)
            tar.addfile(info, io.BytesIO(data))

        link = tarfile.SYMTYPE
        add("sys/bus/pci/devices/x", b"x")
        add("../escaped", b"x")
        add("sys/../../escaped", b"x")
        add(f"{folder}/escaped", b"x")
        add("etc/escaped", b"x")
        add("sys/out", kind=link, to=str(folder))
        add("sys/out/escaped", b"x")
        add("sys/up", kind=link, to="../../..")
        add("sys/a/b/c/d/deep", kind=link, to="../../../../t")
        add("sys/t/x", b"x")
        add("sys/a/b/c/d/deep/l", kind=link, to="../../../../../../escaped")
        add("sys/a/in", kind=link, to="../t")
        add("sys/a/twice", kind=link, to="in/../../../escaped")
        add("sys/hard", kind=tarfile.LNKTYPE, to="/etc/passwd")
        add("sys/node", kind=tarfile.CHRTYPE)
        add("sys/bus/pci/devices/0000:00:00.0", kind=link, to="/etc")
        add("sys/bus/pci/devices/0000:00:01.0", kind=link, to="../../../../../etc")
        add("proc/cpuinfo", kind=link, to="/etc/passwd")
        add("sys/" + "n" * 200 + "/" + "m" * 90, b"long")
    return out.getvalue()


def test_hostile(results, roots: dict[str, Path], work: Path, runner) -> None:
    """Nothing is made outside, nothing is left behind."""
    place = work / "hostile"
    tmp = place / "tmp"
    tmp.mkdir(parents=True)
    if results.wanted("hostile archive"):
        file = place / "hostile.tar"
        file.write_bytes(hostile(place))
        done = outside(["topo", "--json"], file, roots["devices"] / "pci.ids", runner,
                       env={"TMPDIR": str(tmp)})
        trouble = "" if done.returncode == 0 else done.stderr
        trouble += "".join(f"{path}\n" for path in place.rglob("*escaped*"))
        trouble += "".join(f"left: {path}\n" for path in tmp.iterdir())
        results.tell("hostile archive", trouble)
    for name, data, words in (("nothing", b"", "neither"), ("noise", b"\0\1\2", "neither"),
                              ("gzip", b"\x1f\x8b123", "gunzip"),
                              ("lspci without -x", b"00:00.0 Host bridge: x\n",
                               "lspci -xxxx -D")):
        if results.wanted(f"from {name}"):
            (place / "file").write_bytes(data)
            done = outside(["topo"], place / "file", roots["devices"] / "pci.ids", runner,
                           leaks=False, env={"TMPDIR": str(tmp)})
            left = list(tmp.iterdir())
            results.tell(f"from {name}", "" if done.returncode == 2 and
                         words in done.stderr and not left else
                         f"{done.returncode} {done.stderr} {left}")
    file = work / "not-with.tar"
    runner.run(["collect", str(file)], roots["devices"])
    for args in (["verify"], ["bench"], ["policy", "set", "off"]):
        if results.wanted(f"from with {args[0]}"):
            done = outside(args, file, roots["devices"] / "pci.ids", runner, leaks=False)
            results.tell(f"from with {args[0]}", "" if done.returncode == 2 and
                         "not with --from" in done.stderr else done.stderr)


def test_damaged(results, roots: dict[str, Path], work: Path, runner) -> None:
    """No archive and no output of lspci, however damaged, makes it crash or hang."""
    if not results.wanted("damaged files"):
        return
    trouble = ""
    tar = work / "damage.tar"
    runner.run(["collect", str(tar)], roots["vf"])
    seeds = [tar.read_bytes(), lspci(roots["nested"]).encode(),
             lspci(roots["devices"], True).encode()]
    file = work / "damaged"
    chance = random.Random(SEED)
    for number in range(ROUNDS):
        data = bytearray(chance.choice(seeds))
        for _ in range(chance.randint(1, 40)):
            at = chance.randrange(len(data))
            data[at] = chance.choice([0, 10, 32, 255, chance.randrange(256)])
        if chance.randrange(4) == 0:
            del data[chance.randrange(len(data)):]
        file.write_bytes(data)
        for args in (["topo", "--json"], ["topo", "--tree"], ["--json"]):
            done = outside(args, file, roots["vf"] / "pci.ids", runner, leaks=False)
            if done.returncode not in (0, 2):
                trouble += f"{number}: {args}: {done.returncode}\n{done.stderr[:2000]}"
    results.tell("damaged files", trouble)


def offline(results, roots: dict[str, Path], work: Path, runner) -> None:
    """All of them."""
    test_collect(results, roots, work, runner)
    test_secrets(results, work, runner)
    test_lspci(results, work, runner)
    test_sys(results, roots, work, runner)
    test_left(results, roots, work, runner)
    test_hostile(results, roots, work, runner)
    test_damaged(results, roots, work, runner)
