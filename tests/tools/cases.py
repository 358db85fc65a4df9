# SPDX-License-Identifier: GPL-2.0
"""What the tests of the command p2pdma run, and what they expect."""

import copy
import json

# Pairs whose route is printed, by fabric; export_* are those that the kernel exports.
ROUTES = {
    "switch": [("nvme1", "nvme0"), ("nvme1", "nvme2"), ("nvme0", "nvme0")],
    "switch-user": [("nvme1", "nvme0")],
    "stock": [("nvme1", "nvme0"), ("nvme1", "nvme2"),
              ("nvme1", "eth0")],
    "stock-user": [("nvme1", "nvme0")],
    "stock-device": [("nvme1", "nvme0"), ("eth0", "nvme1")],
    "nested": [("nvme0", "nvme2"), ("nvme1", "07:00.0/2"), ("nvme1", "nvme0")],
    "ports": [("nvme3", "nvme2"), ("nvme1", "nvme0")],
    "hosts": [("nvme0", "nvme1"), ("eth0", "nvme0"), ("nvme1", "nvme2"),
              ("nvme1", "nvme0")],
    "vf": [("01:00.1", "nvme0"), ("nvme3", "nvme2")],
    "modes": [("nvme1", "nvme0")],
    "mistake": [("nvme1", "nvme0")],
    "odd": [("nvme1", "nvme0")],
    "fifty": [("nvme9", "nvme8")],
    "links": [("nvme1", "nvme0"), ("eth0", "nvme0"), ("eth1", "nvme0"),
              ("eth2", "nvme0")],
    "barred": [("nvme1", "nvme0"), ("eth0", "nvme0"), ("eth1", "nvme0"),
               ("eth2", "nvme0"), ("eth3", "nvme0")],
    "ari": [("eth0", "nvme0"), ("eth0", "nvme1")],
    "several": [("nvme1", "nvme0"), ("nvme2", "nvme0")],
    "none": [],
    "gpus-unregistered": [],
    "gpus-comma": [("13:00.0", "0f:00.0")],
    "gpus-stock": [("13:00.0", "0f:00.0")],
    "high-bar": [("eth0", "03:00.0")],
    "dead": [("eth0", "03:00.0"), ("eth0", "nvme0"), ("nvme0", "nvme0")],
    "dock": [("nvme1", "09:00.0"), ("nvme0", "09:00.0")],
    "data-direct": [("0008:03:00.0", "0008:06:00.0"), ("ibp3s0", "nvme0")],
    "ats": [("ibp4s0", "03:00.0")],
    "idle-link": [("04:00.0", "03:00.0")],
    "two-gpus": [],
    "two-gpus-stock": [("04:00.0", "03:00.0")],
    "cards": [("19:00.0", "0f:00.0"), ("13:00.0", "0f:00.0")],
    "cards-redir": [("13:00.0", "0f:00.0"), ("19:00.0", "0f:00.0")],
    "two-names": [("mlx5_0", "nvme0"), ("eth0", "nvme0")],
    "old-acs": [("nvme1", "nvme0")],
    "vmd": [("nvme1", "nvme0"), ("nvme2", "nvme0")],
    "devices": [("eth0", "03:00.0"), ("eth0", "06:00.0/2"), ("03:00.0", "06:00.0"),
                ("nvme0", "03:00.0")],
    "devices-stock": [("eth0", "03:00.0"), ("eth0", "06:00.0"), ("03:00.0", "06:00.0"),
                      ("nvme0", "eth0")],
    "export_switches": [("fa00:0a:00.0", "fa00:06:00.0"),
                        ("fa00:0a:00.0", "fa00:09:00.0")],
    "export_egress": [("fa00:03:00.0", "fa00:06:00.0"),
                      ("fa00:04:00.0", "fa00:05:00.0")],
    "export_lost": [("fa00:05:00.0", "fa00:06:00.0"),
                    ("fa00:05:00.0", "fa00:07:00.0")],
    "export_hosts": [("fa10:03:01.0", "fa10:03:00.0"),
                     ("10000:01:00.0", "fa10:41:00.0")],
    "export_multifunction": [("fa00:05:00.2", "fa00:05:00.0"),
                             ("fa00:08:00.0", "fa00:06:00.1")],
    "export_virtual": [("fa00:03:00.1", "fa00:03:00.0"),
                       ("fa00:04:00.0", "fa00:03:00.0")],
    "export_guest": [("fa00:04:00.0", "fa00:03:00.0")],
    "export_refused": [("fa00:05:00.0", "fa00:03:00.0"),
                       ("fa00:05:00.0", "fa00:07:00.0"),
                       ("fa00:03:00.0", "fa00:08:00.0")],
}


def golden() -> list[tuple[str, str, list[str]]]:
    """(fabric, name of the test, arguments)."""
    found = []
    for fabric, routes in ROUTES.items():
        for width in ("80", "200"):
            found.append((fabric, f"topo-{width}", ["topo", "--width", width]))
        found.append((fabric, "summary", ["--width", "80"]))
        found.append((fabric, "tree-80", ["topo", "--tree", "--width", "80"]))
        for client, provider in routes:
            name = f"route-{client}-{provider}".replace("/", "_")
            found.append((fabric, name.replace(":", ""),
                          ["route", client, provider, "--width", "80"]))
    found += [
        ("switch", "topo-all-80", ["topo", "--all", "--width", "80"]),
        ("fifty", "topo-40", ["topo", "--width", "40"]),
        ("switch", "topo-one", ["topo", "--client", "nvme1",
                                "--provider", "03:00.0"]),
        ("nested", "topo-bar", ["topo", "--provider", "07:00.0/2"]),
        ("nested", "topo-bars", ["topo", "--provider", "07:00.0"]),
        ("nested", "dot-bar", ["topo", "--dot", "--provider", "07:00.0/2",
                               "--client", "nvme1"]),
        ("hosts", "policy", ["policy", "--width", "80"]),
        ("odd", "policy", ["policy", "show"]),
        ("stock", "policy", ["policy"]),
        ("switch", "tree-200", ["topo", "--tree", "--width", "200"]),
        ("switch", "dot", ["topo", "--dot"]),
        ("switch", "help", ["help"]),
        ("devices", "check", ["check", "--width", "80"]),
        ("devices-stock", "check", ["check", "--width", "80"]),
        ("switch-user", "check", ["check", "--width", "80"]),
        ("export_guest", "check", ["check", "--width", "80"]),
        ("devices", "check-bus", ["check", "--require", "bus", "nics,gpus", "drives,gpus",
                                  "05:00.0,06:00.0/2"]),
        ("devices", "plan", ["plan", "nics,gpus", "gpus,gpus", "--width", "80"]),
        ("devices-stock", "plan", ["plan", "eth0,03:00.0", "--width", "80"]),
        ("cards", "plan", ["plan", "gpus,gpus", "--width", "80"]),
        ("cards-redir", "plan", ["plan", "gpus,gpus", "--width", "80"]),
        ("old-acs", "plan", ["plan", "nvme1,nvme0", "--width", "80"]),
        ("gpus-stock", "plan", ["plan", "13:00.0,0f:00.0", "--width", "80"]),
        ("ats", "plan", ["plan", "ibp4s0,03:00.0", "--width", "80"]),
        ("data-direct", "plan", ["plan", "0008:03:00.0,0008:06:00.0", "--width", "80"]),
        ("devices", "devices-100", ["topo", "--devices", "--width", "100"]),
        ("devices-stock", "devices-80", ["topo", "--devices", "--width", "80"]),
        ("fifty", "devices-100", ["topo", "--devices", "--width", "100"]),
        ("data-direct", "devices-100", ["topo", "--devices", "--width", "100"]),
        ("devices", "matrix-read", ["topo", "--matrix", "read", "--width", "80"]),
        ("devices", "matrix-write", ["topo", "--matrix", "write", "--width", "80"]),
        ("switch-user", "matrix-write", ["topo", "--matrix", "write", "--width", "80"]),
        ("devices", "check-ok", ["check", "gpus,gpus", "nics,gpus"]),
        ("switch-user", "check-user", ["check", "nvme1,eth0"]),
        ("switch", "reasons", ["route", "--reasons", "--width", "80"]),
    ]
    return found


def shown_to_people(fabric: str) -> list[list[str]]:
    """Commands whose lines must not be wider than the screen."""
    found = [[], ["topo"], ["topo", "--all"], ["topo", "--tree"], ["policy"],
             ["topo", "--devices"], ["topo", "--matrix", "write"],
             ["verify"], ["bench"], ["check"],
             ["route", "--reasons"], ["help"]]
    found += [["help", command] for command in
              ("topo", "route", "verify", "policy", "watch", "bench", "collect", "check",
               "plan")]
    return found + [["route", c, p] for c, p in ROUTES[fabric]]


def may_be_long(line: str) -> bool:
    """One word that cannot be broken, or what is to be pasted as it stands."""
    words = line.split()
    return len(words) == 1 or words[:1] in (["boot:"], ["or:"], ["now:"])


def json_commands(fabric: str) -> list[list[str]]:
    """Commands of which --json is tried on a fabric."""
    found = [[], ["topo"], ["topo", "--all"], ["topo", "--tree"],
             ["topo", "--devices"], ["topo", "--matrix", "read"]]
    found += [["route", c, p] for c, p in ROUTES[fabric]]
    if "stock" not in fabric:
        found.append(["policy"])
    if fabric == "switch":
        found.append(["route", "--reasons"])
    if fabric == "ats":
        found.append(["plan", "ibp4s0,03:00.0"])
    return found


def bad_json(run, roots) -> list[tuple[str, dict]]:
    """Outputs that the schema must not take."""
    good = json.loads(run(["topo", "--json"], roots["switch"]).stdout)
    found = []

    def spoil(name, change):
        value = copy.deepcopy(good)
        change(value)
        found.append((name, value))

    spoil("a member too many", lambda v: v.update(extra=1))
    spoil("a member too few", lambda v: v.pop("routes"))
    spoil("a member of a route too many",
          lambda v: v["routes"][0].update(extra=1))
    spoil("a member of a device too few", lambda v: v["devices"][0].pop("acs"))
    spoil("a verdict that is a number",
          lambda v: v["routes"][0]["write"].update(verdict=1))
    spoil("an address that is none",
          lambda v: v["devices"][0].update(address="5"))
    spoil("another schema", lambda v: v.update(schema=1))
    return found


# (fabric, arguments, status, words on stderr)
ERRORS = [
    ("switch", ["tpo"], 2, ["'tpo'", "'topo'"]),
    ("switch", ["frobnicate"], 2, ["'frobnicate'", "p2pdma help"]),
    ("switch", ["help", "rute"], 2, ["'rute'", "'route'"]),
    ("switch", ["--jsn"], 2, ["'--jsn'", "'--json'"]),
    ("switch", ["topo", "--tre"], 0, []),
    ("switch", ["topo", "--ree"], 2, ["'--ree'", "'--tree'"]),
    ("switch", ["topo", "-x"], 2, ["'-x'"]),
    ("switch", ["topo", "--svg", ""], 2,
     ["--svg '' names no file; - is standard output"]),
    ("switch", ["topo", "--svg"], 2, ["--svg needs a value"]),
    ("switch", ["topo", "--tree=1"], 2, ["--tree takes no value"]),
    ("switch", ["topo", "extra"], 2, ["too many", "p2pdma topo", "P[/BAR]"]),
    ("switch", ["topo", "--tree", "--dot"], 2, ["only one"]),
    ("switch", ["topo", "--dot", "--json"], 2, ["--dot", "--json"]),
    ("switch", ["topo", "--svg", "-", "--json"], 2, ["--svg", "--json"]),
    ("switch", ["--color", "allways", "topo"], 2, ["'allways'", "'always'"]),
    ("switch", ["--width", "wide"], 2, ["--width", "'wide'"]),
    ("switch", ["--width", "3"], 2, ["--width", "'3'"]),
    ("switch", ["--width=-80"], 2, ["--width", "'-80'"]),
    ("switch", ["--width=99999999999999999999999"], 2, ["--width"]),
    ("switch", ["route"], 2, ["missing", "CLIENT PROVIDER"]),
    ("switch", ["route", "nvme1"], 2, ["missing"]),
    ("switch", ["route", "nvme1", "nvme0", "nvme0"], 2, ["too many"]),
    ("switch", ["route", "nvme9", "nvme0"], 2, ["client 'nvme9'", "'nvme0'"]),
    ("switch", ["route", "03:00.1", "nvme0"], 2,
     ["client '03:00.1'", "'03:00.0'"]),
    ("switch", ["route", "0000:03:00.1", "nvme0"], 2, ["'0000:03:00.0'"]),
    ("switch", ["route", "03.00.0", "nvme0"], 2, ["'03:00.0'"]),
    ("switch", ["route", "nvme1", "eth0"], 0, []),
    ("switch", ["topo", "--provider", "eth0"], 2, ["0000:05:00.0", "not a provider"]),
    ("devices", ["route", "eth0", "04:00.0"], 2, ["none of its BARs is memory"]),
    ("devices", ["route", "eth0", "03:00.0/3"], 2, ["BAR 3", "is not memory"]),
    ("switch", ["route", "nvme1", "nvme0/3"], 2, ["BAR 3"]),
    ("switch", ["route", "nvme1", ""], 2, ["provider ''"]),
    ("switch", ["route", "../../../etc/passwd", "nvme0"], 2, ["no client"]),
    ("switch", ["route", "02:00.0", "nvme0"], 2, ["is a bridge"]),
    ("switch", ["topo", "--client", "nvme7"], 2, ["client 'nvme7'"]),
    ("switch", ["policy", "sett"], 2, ["'sett'", "'set'"]),
    ("switch", ["policy", "set"], 2, ["missing"]),
    ("switch", ["policy", "show", "now"], 2, ["too many"]),
    ("switch", ["verify", "nvme1"], 2, ["missing"]),
    ("switch", ["verify", "nvme1", "nvme0", "--direction", "raed"], 2,
     ["'raed'", "'read'"]),
    ("switch", ["verify", "--size", "7X"], 2, ["--size", "'7X'"]),
    ("switch", ["verify", "--size", "99999999999999999999G"], 2, ["--size"]),
    ("switch", ["verify", "--destructiv"], 2, ["needs a value"]),
    ("switch", ["verify", "eth0", "nvme0"], 2, []),
    ("switch", ["verify", "--seconds", "5"], 2, ["--seconds is for bench", "--size"]),
    ("switch", ["topo", "--tree", "--client", "nvme1"], 2,
     ["--client", "whole fabric"]),
    ("switch", ["topo", "--tree", "--provider", "nvme0"], 2, ["--provider"]),
    ("switch", ["topo", "--tree", "--all"], 2, ["--all", "whole fabric"]),
    ("switch", ["topo", "--all", "--client", "nvme1"], 2, ["--all", "--client"]),
    ("switch", ["topo", "--client", "02:00.0"], 2, ["is a bridge"]),
    ("switch", ["topo", "--provider", "nvme0/3"], 2, ["BAR 3"]),
    ("switch", ["help", "topo", "route"], 2, ["too many"]),
    ("switch", ["--json", "help"], 2, ["--json"]),
    ("switch", ["help", "topo", "--json"], 2, ["help cannot be combined with --json"]),
    ("switch", ["help", "--tree"], 2, ["'--tree' of p2pdma help"]),
    ("switch", ["check", "--require", "buss"], 2, ["'buss'", "'bus'"]),
    ("switch", ["check", "--require", "bus"], 2, ["--require is for pairs"]),
    ("switch", ["check", "nvme1"], 2, ["'nvme1' is not a pair"]),
    ("switch", ["check", "nvme1,nvme0,eth0"], 2, ["is not a pair"]),
    ("switch", ["check", "a\033[31m,b"], 2, ["no device 'a\\x1b[31m'"]),
    ("switch", ["route", "nvme1", "n\nvme0\x9b"], 2, ["provider 'n\\x0avme0\\xc2\\x9b'"]),
    ("switch", ["check", "nvme9,nvme0"], 2, ["no device 'nvme9'", "'nvme0'"]),
    ("switch", ["check", "--file", "/nonexistent"], 2, ["/nonexistent"]),
    ("switch", ["check", "--file", "/dev/null"], 2, ["it has no rules"]),
    ("switch", ["check", "--file", "/dev/null", "nvme1,nvme0"], 2, ["beside it"]),
    ("switch", ["check", "nvme1,nvme1"], 1, []),
    ("switch", ["topo", "--devices", "--tree"], 2, ["--devices cannot be combined"]),
    ("switch", ["topo", "--devices", "--matrix", "read"], 2, ["--devices"]),
    ("switch", ["topo", "--matrix", "reads"], 2, ["'reads' is neither write nor read"]),
    ("devices", ["check", "eth0/2,03:00.0"], 2, ["no device 'eth0/2'"]),
    ("switch", ["plan"], 2, ["missing"]),
    ("devices", ["plan", "eth0,03:00.0/3"], 2, ["BAR 3", "is not memory"]),
    ("devices", ["plan", "eth0,03:00.0/9"], 2, ["BARs are 0 to 5"]),
    ("devices", ["plan", "eth0/2,03:00.0"], 2, ["no device 'eth0/2'"]),
    ("devices", ["route", "eth0", "03:00.0/9"], 2, ["BARs are 0 to 5"]),
    ("switch", ["plan", "nvme1"], 2, ["'nvme1' is not a pair"]),
    ("switch", ["plan", "nvme9,nvme1"], 2, ["no device 'nvme9'"]),
    ("switch", ["plan", "gpus,nvme1"], 2, ["'gpus,nvme1' stands for no pair"]),
    ("switch", ["plan", "nvme1,nvme1"], 2, ["name two"]),
    ("switch", ["collect"], 2, ["missing", "FILE.tar"]),
    ("switch", ["collect", "/dev/null"], 2, ["/dev/null"]),
    ("switch", ["collect", "x.tar", "--json"], 2, ["collect", "--json"]),
    ("switch", ["watch"], 2, ["--root", "the kernel that runs"]),
    ("none", ["topo", "--provider", "foo"], 2, ["no provider 'foo'"]),
    ("none", ["topo", "--provider", "nvme0", "--json"], 2,
     ["0000:01:00.0 is not a provider", "'p2pdma topo'"]),
    ("stock", ["topo", "--provider", "foo"], 2, ["no provider 'foo'"]),
    ("stock", ["topo", "--provider", "nvme0"], 0, []),
    ("switch", ["topo", "--provider", "nvme0/7"], 2, ["BAR '7'", "0 to 5"]),
    ("switch", ["route", "nvme1", "03:00.0/"], 2, ["BAR ''", "0 to 5"]),
    ("switch", ["route", "nvme1", "nvme0/2x"], 2, ["BAR '2x'", "0 to 5"]),
    ("switch", ["route", "nvme1", "nvm/2"], 2, ["no provider 'nvm/2'"]),
    ("none", ["verify"], 2, ["no provider"]),
    ("none", ["bench"], 2, ["no provider"]),
    ("", ["watch", "rote"], 2, ["'rote'", "'route'"]),
    ("", ["watch", "--count", "0"], 2, ["--count", "'0'"]),
    ("stock", ["policy"], 2, ["does not have the p2pdma project"]),
    ("stock", ["policy", "set", "off"], 2, ["does not have the p2pdma project"]),
]

# What is known, and how: fabric, what is replaced in its text, lines that are added, arguments
# -> words that are printed, and that are not
BAR_OF_16M = ("file 0000:03:00.0 resource 0x0000380000000000 0x0000380000ffffff "
              "0x000000000014220c")
HIGH_BAR = ["route", "eth0", "03:00.0"]
SAYS = {
    # there ACS below the switch in which a pair parts counts too
    "check ACS of a plain kernel": (
        "gpus-stock", {}, [], ["check"],
        ["6 of 6 pairs with a port above both, at 0000:12:01.0, 0000:0c:18.0, 0000:0e:01.0"], []),
    "host bridges trusted for writes": (
        "hosts", {}, [], ["check"], ["note     host-bridges    trusted for writes alone: 0000:00"],
        ["nothing is known"]),
    "host bridges trusted": (
        "hosts", {"@w": ""}, [], ["check"], ["ok       host-bridges"], []),
    "host bridges among their own ports": (
        "hosts", {",trust=pci:1b36:000c@w": "", "root-port id=1b36:000c": "root-port id=8086:2f01"},
        [], ["check"], ["note     host-bridges    known to forward among their own ports: "
                        "0000:00:01.0 (8086:2f01), 0000:80"], ["nothing is known"]),
    "host bridges, one": (
        "switch", {"id=8086:29c0": "id=8086:2f00"}, [], ["check"],
        ["ok       host-bridges    all are known to forward"], []),
    "host bridges of the project's list": (
        "switch", {"id=8086:29c0": "id=8086:0b25"}, [], ["check"],
        ["ok       host-bridges    all are known to forward"], []),
    "host bridges of a later list": (
        "stock", {"id=8086:29c0": "id=8086:0b25"}, [], ["check"],
        ["no       host-bridges    nothing is known of 0000:00:00.0 (8086:0b25)"], []),
    "host bridges of a later list, of NVIDIA": (
        "stock", {"id=8086:29c0": "id=10de:2f95"}, [], ["check"],
        ["no       host-bridges    nothing is known of 0000:00:00.0 (10de:2f95)"], []),
    "host bridges of the kernel's list": (
        "stock", {"id=8086:29c0": "id=8086:0b25", "6.1.0-28-amd64": "6.13.0"}, [], ["check"],
        ["ok       host-bridges    all are in the list"], []),
    "VT-d": ("high-bar", {}, ["sysfile sys/class/iommu/dmar0/uevent x"], HIGH_BAR,
             ["(Intel VT-d)", "boot:   intel_iommu=on iommu.passthrough=0\n"], []),
    "AMD-Vi": ("high-bar", {}, ["sysfile sys/class/iommu/ivhd0/uevent x"], HIGH_BAR,
               ["(AMD-Vi,", "boot:   iommu.passthrough=0\n"], ["intel_iommu"]),
    "an SMMU": ("high-bar", {}, ["sysfile sys/class/iommu/smmu3.0x0000000010000000/uevent x"],
                HIGH_BAR, ["the SMMU translate", "boot:   iommu.passthrough=0\n"],
                ["intel_iommu", "AMD"]),
    "AMD without an IOMMU": (
        "high-bar", {}, ["sysfile proc/cpuinfo vendor_id\t: AuthenticAMD\\nflags\t: fpu"],
        HIGH_BAR, ["(AMD-Vi) on in firmware"], ["intel_iommu"]),
    "Arm without an SMMU": (
        "high-bar", {}, ["sysfile proc/cpuinfo Features\t: fp asimd"], HIGH_BAR,
        ["no SMMU is seen"], ["intel_iommu", "VT-d"]),
    "a large BAR": ("high-bar", {}, [], HIGH_BAR,
                    ["the 44 bits", "64 GiB do not fit below 4 GiB"], ["or turn off"]),
    "a large BAR, and 32 bits": (
        "high-bar", {}, ["file 0000:04:00.0 dma_mask_bits 32"], HIGH_BAR,
        ["translate for the client"], ["MMIO High", "4G decoding"]),
    "a small BAR": ("high-bar", {}, [BAR_OF_16M +
                                     "\\n0x0 0x0 0x0" * 5], HIGH_BAR,
                    ["or turn off \"above 4G decoding\" if all BARs"], ["do not fit"]),
    "Resizable BAR": (
        "high-bar", {}, ["config 0000:03:00.0 100 15000100f0ffff0f20080000"], HIGH_BAR,
        ["BAR 0 has 64 GiB of the 8 TiB", "Resizable BAR"], []),
    "no larger BAR": (
        "high-bar", {}, ["config 0000:03:00.0 100 15000100f0ff0f0020080000"], HIGH_BAR,
        [], ["Resizable BAR"]),
    "a guest": ("switch", {"kernel ": "kernel 6.12.117 guest "}, [], ["route", "nvme1", "nvme0"],
                ["hypervisor's picture"], []),
    "a guest without a pair": ("switch", {"kernel ": "kernel 6.12.117 guest "}, [], ["topo"],
                               ["hypervisor's picture"], []),
    "trust by the CPU": (
        "idle-link", {}, ["sysfile proc/cpuinfo vendor_id\t: AuthenticAMD\\n"
                          "cpu family\t: 25\\nflags\t: fpu"],
        ["route", "04:00.0", "03:00.0"], ["AMD from Zen on"], []),
    "trust by an old CPU": (
        "idle-link", {}, ["sysfile proc/cpuinfo vendor_id\t: AuthenticAMD\\n"
                          "cpu family\t: 21\\nflags\t: fpu"],
        ["route", "04:00.0", "03:00.0"], [], ["Zen"]),
    "trust by the list": ("vmd", {}, [], ["route", "nvme2", "nvme0"],
                          ["on the kernel's list (by 0000:00:00.0, 8086:09a2)"], []),
    "trust by trust=": (
        "idle-link", {"kernel 6.12.117": "kernel 6.12.117 policy=auto,trust=0000:03:00.0"}, [],
        ["route", "04:00.0", "03:00.0"], ["because of trust="], ["because of the CPU"]),
    "no trust": ("gpus-comma", {}, [], ["route", "13:00.0", "0f:00.0"], ["is not trusted"], []),
    "VMD": ("vmd", {}, [], ["route", "nvme1", "nvme0"],
            ["behind VMD 0000:00:0e.0", "VMD's requester ID"], []),
    "translation blocking": (
        "ats", {"port=1 acs=SV,RR,CR,UF,DT": "port=1 acs=SV,TB,RR,CR,UF,DT"}, [],
        ["route", "ibp4s0", "03:00.0"], ["has Translation Blocking"], ["nothing need be"]),
    "no DT": ("ats", {"port=1 acs=SV,RR,CR,UF,DT": "port=1 acs=SV,RR,CR,UF"}, [],
              ["route", "ibp4s0", "03:00.0"], ["ATS on", "DT is off at 02:01.0"],
              ["nothing need be"]),
    "ATS that is off": ("ats", {"0f00010000000080": "0f00010000000000"}, [],
                        ["route", "ibp4s0", "03:00.0"], [], ["ATS is on", "ATS on"]),
    "a direct route does not pass the uplink": (
        "idle-link", {"acs=SV,RR,CR,UF link=\"2.5": "acs=SV link=\"2.5"}, [],
        ["route", "04:00.0", "03:00.0"], ["narrowest link is that of 03:00.0"], ["twice"]),
    "identity": ("ats", {"group=4/DMA-FQ": "group=4/identity"}, [],
                 ["route", "ibp4s0", "03:00.0"], ["(identity)"], []),
    "a buffer that is not registered": (
        "none", {}, ["file 0000:01:00.0 nvme/nvme0/cmb "
                     "cmbloc : 0x00000002\\ncmbsz  : 0x00010013"], ["topo"],
        ["01:00.0 nvme0", "controller memory buffer of 64 KiB", "not registered"], []),
    "a kernel without it": (
        "none", {}, ["sysfile boot/config-6.12.117 # CONFIG_PCI_P2PDMA is not set"], [],
        ["built without CONFIG_PCI_P2PDMA"], []),
    "a kernel with it": (
        "none", {}, ["sysfile boot/config-6.12.117 CONFIG_PCI_P2PDMA=y"], [],
        ["No provider"], ["built without"]),
    "a kernel with the core of it": (
        "none", {}, ["sysfile boot/config-6.12.117 CONFIG_PCI_P2PDMA_CORE=y"], [],
        ["built without CONFIG_PCI_P2PDMA ", "only without struct pages"], []),
    "the options of that kernel": (
        "none", {}, ["sysfile boot/config-6.12.117 CONFIG_PCI_P2PDMA_CORE=y"], ["check"],
        ["CONFIG_PCI_P2PDMA_CORE alone", "off: CONFIG_PCI_P2PDMA,"], []),
    "no provider on Arm": (
        "none", {}, ["sysfile proc/cpuinfo Features\t: fp"], ["topo"],
        ["'maximum addressable'"], []),
    "sockets": ("fifty", {}, [], ["topo"], ["host+ "], []),
    "a display without a name": ("two-gpus", {"driver=amdgpu": "driver=amdgpu provider=0:1G"},
                                 [], ["topo"], ["  display"], []),
    "a silent device": ("dead", {}, [], ["topo", "--tree"], ["does not answer"],
                        ["conventional"]),
    "a virtual function has no IDs": (
        "vf", {}, ["config 0000:01:00.1 0 ffffffff"], ["topo", "--tree"], [],
        ["does not answer"]),
    "a port with a switch below": ("cards", {}, [], ["topo", "--dot"],
                                   ['"0000:0a:00.0" [label', '"0000:0c:10.0" [label',
                                    'port 0e:01.0, ACS'], []),
    "the DMA function of a NIC": (
        "data-direct", {}, ["file 0000:03:00.0 vpd xxV3$5d4f1c2e-0000-4a1b-8c3d-112233445566RV",
                            "file 0008:03:00.0 vpd V3$5d4f1c2e-0000-4a1b-8c3d-112233445566"],
        ["route", "ibp3s0", "0008:06:00.0"],
        ["0008:03:00.0 is a DMA function of the same card"], []),
    "the DMA function of another NIC": (
        "data-direct", {}, ["file 0000:03:00.0 vpd xxV3$5d4f1c2e-0000-4a1b-8c3d-112233445566RV",
                            "file 0008:03:00.0 vpd V3$6d4f1c2e-0000-4a1b-8c3d-112233445566"],
        ["route", "ibp3s0", "0008:06:00.0"], [], ["the same card"]),
    "a client that is no drive": (
        "switch", {}, [], ["verify", "eth0", "nvme0"], ["was not tested", "samples/p2pdma"], []),
}

# Arguments -> how what is printed begins
HELP = {
    "help help": "usage: p2pdma [OPTION...] [COMMAND",
    "help --help": "usage: p2pdma [OPTION...] [COMMAND",
    "help -h": "usage: p2pdma [OPTION...] [COMMAND",
    "help --color never route": "p2pdma route:",
    "help route --width 100": "p2pdma route:",
    "help --version": "p2pdma 1.",
    "route --help": "p2pdma route:",
    "route -h": "p2pdma route:",
    "--help": "usage: p2pdma [OPTION...] [COMMAND",
}

# (name, arguments, what is in the file then; None: what was there, status)
POLICY_SET = [
    ("one", ["off"], "off\n", 0),
    ("list", ["auto,deny=0000:01:00.0"], "auto,deny=0000:01:00.0\n", 0),
    ("words", ["switch", "deny=0000:01:00.0"],
     "switch,deny=0000:01:00.0\n", 0),
]

# The kernel's command line, and the active policy -> words of p2pdma policy
ORIGIN = {
    ("quiet", "auto"): ["It is the default."],
    ("p2pdma=switch p2pdma=deny=0:5.0", "switch,deny=0:5.0"): [
        "that of the kernel's command line"],
    ("p2pdma=switch", "auto"): ["until the next boot", "  p2pdma=auto\n"],
    ("quiet", "switch,deny=0:5.0;0:6.0,trust=0:7.0@w;0:8.0"): [
        "  p2pdma=switch,deny=0:5.0,deny=0:6.0,trust=0:7.0@w,trust=0:8.0\n"],
    ("p2pdma=host,deny=0:5.0,deny=0:6.0,trust=0:7.0@w,trust=0:8.0,window",
     "host,deny=0:5.0;0:6.0,trust=0:7.0@w;0:8.0,window"): ["that of the kernel's command"],
    ("p2pdma=of p2pdma", "off"): ["has a mistake", "'of' is not an option; did you mean",
                                  "an option is empty", "  p2pdma=off\n"],
}
# What the kernel does not take -> words on stderr
POLICY_REFUSED = {
    "atuo": ["'atuo' is not an option", "did you mean 'auto'"],
    "dney=0000:01:00.0": ["'dney=0000:01:00.0' is not an option", "'deny='"],
    "auto,deny=nvme0": ["'nvme0' in deny=", "did you mean '0000:01:00.0'?"],
    "auto,deny=0000:0100.0": ["is not a device", "'0000:01:00.0'", "DEV:"],
    "auto,": ["an option is empty", "options: auto"],
}

# trust= of the active policy -> what the remedy for reads across two host bridges makes of it
TRUSTED = {
    "": "0000:01:00.0;0000:81:00.0",
    "0000:81:00.0@w": "0000:01:00.0;0000:81:00.0",
    "0000:81:00.0": "0000:81:00.0;0000:01:00.0",
    "pci:1b36:000c@w;0000:01:00.0": "pci:1b36:000c@w;0000:01:00.0;0000:81:00.0",
}

# What else there is -> (client, provider, remedies that must be offered, and that must not)
CLIENT = "sys/bus/pci/devices/0000:04:00.0"
PROVIDER_BARS = "sys/bus/pci/devices/0000:03:00.0/resource"
BARS_ABOVE = ("0x0000000000000000 0x0000000000000000 0x0000000000000000\n" * 2 +
              "0x0000000800000000 0x0000000800ffffff 0x000000000014220c\n")
REMEDIES = {
    "as it is": ({}, "nvme1", "nvme2", {"same-switch"}, set()),
    "mode host": ({"sys/kernel/p2pdma/policy": "host\n"}, "nvme1", "nvme2",
                  {"trust"}, {"same-switch"}),
    "an external port": ({f"{CLIENT}/removable": "removable\n"}, "nvme1", "nvme2",
                         {"trust"}, {"same-switch"}),
    "ACS": ({}, "nvme1", "nvme0", {"no-acs"}, set()),
    "ACS and an external port": ({f"{CLIENT}/removable": "removable\n"},
                                 "nvme1", "nvme0", {"trust"}, {"no-acs"}),
    "ACS and a mask": ({f"{CLIENT}/dma_mask_bits": "32\n",
                        PROVIDER_BARS: BARS_ABOVE}, "nvme1", "nvme0", {"trust"},
                       {"no-acs"}),
    "ACS and a mask that does": ({f"{CLIENT}/dma_mask_bits": "40\n",
                                  PROVIDER_BARS: BARS_ABOVE}, "nvme1", "nvme0",
                                 {"no-acs"}, set()),
    "a virtual IOMMU and ACS": (
        {"proc/cpuinfo": "flags\t\t: hypervisor\n"}, "nvme1", "nvme0",
        {"passthrough", "no-acs", "trust"}, set()),
    "a port that is fixed": ({f"{CLIENT}/removable": "fixed\n"},
                             "nvme1", "nvme0", {"no-acs"}, set()),
}
# Remedies in the fabric "several", in this order -> what each changes of it
SEVERAL = {
    "mode-auto": ("policy=off", "policy=auto"),
    "undeny": (",deny=0000:04:00.0", ""),
    "decode": (" memory=off", ""),
    "no-acs": ("acs=SV,RR,CR,UF", "acs=SV,UF"),
}
# What of it is not there -> remedies that are offered then
SEVERAL_LESS = {
    "mode-auto": ["undeny", "decode", "no-acs"],
    "undeny": ["mode-auto", "decode", "no-acs"],
    "decode": ["mode-auto", "undeny", "no-acs"],
    "no-acs": ["mode-auto", "undeny", "decode"],
}
# What is claimed where not all is known: (fabric, files, reason) -> remedy, effect
CPU_WITHOUT = {"proc/cpuinfo": "flags\t\t: fpu\n"}
CPU_WITH = {"proc/cpuinfo": "flags\t\t: fpu sme\n"}
CLAIMS = [
    ("switch", CPU_WITH, "unmappable", "no-encryption", "reason-may-go"),
    ("switch", CPU_WITHOUT, "unmappable", "no-encryption", None),
    ("switch", CPU_WITH | {"proc/cmdline": "mem_encrypt=off\n"}, "unmappable",
     "no-encryption", None),
    ("switch", {}, "provider-unreachable", "wake", "reason-may-go"),
    ("switch", {"sys/bus/pci/devices/0000:03:00.0/power_state": "D3hot\n"},
     "provider-unreachable", "wake", "reason-gone"),
    ("switch", {f"{CLIENT}/dma_mask_bits": "32\n"}, "dma-mask", "lower-bar",
     "reason-gone"),
    ("switch", {f"{CLIENT}/dma_mask_bits": "24\n"}, "dma-mask", "lower-bar",
     "reason-may-go"),
    ("switch", {"proc/cmdline": "swiotlb=force\n"}, "must-bounce", "no-bounce",
     "reason-gone"),
    ("switch", {"proc/cmdline": "swiotlb=force\n",
                "proc/cpuinfo": "flags\t\t: hypervisor\n"}, "must-bounce",
     "no-bounce", "reason-may-go"),
    ("switch-user", {}, "multifunction", "no-acs", "reason-may-go"),
    ("switch-user", {}, "acs-request", "no-acs", "reason-gone"),
    ("switch-user", {}, "host-bridge-untrusted", "no-acs", None),
    ("switch-user", {}, "fabric-blocked", "forward", "reason-may-go"),
    ("switch", {"proc/cpuinfo": "flags\t\t: hypervisor\n"}, "virtualised",
     "passthrough", "reason-gone"),
    ("switch", {"proc/cpuinfo": "flags\t\t: hypervisor\n"},
     "host-bridge-untrusted", "passthrough", "reason-may-go"),
]

# The kernel's command line, the active policy -> what the remedies "trust" and "undeny"
# take away and add
AT_BOOT = [
    ("quiet", "auto", "host-bridge-untrusted", "trust",
     (None, "p2pdma=trust=0000:04:00.0")),
    ("p2pdma=switch", "auto", "host-bridge-untrusted", "trust",
     (None, "p2pdma=auto,trust=0000:04:00.0")),
    ("p2pdma=off quiet", "host", "host-bridge-untrusted", "trust",
     (None, "p2pdma=host,trust=0000:04:00.0")),
    ("p2pdma=swich", "auto", "host-bridge-untrusted", "trust",
     ("p2pdma=swich", "p2pdma=auto,trust=0000:04:00.0")),
    ("p2pdma=deny=0:6.0 p2pdma=deny=0:5.0", "auto,deny=0:5.0;0:6.0",
     "host-bridge-untrusted", "trust", (None, "p2pdma=trust=0000:04:00.0")),
    ("p2pdma=deny=0000:04:00.0 quiet p2pdma=trust=0:7.0", "auto,trust=0:6.0",
     "host-bridge-untrusted", "trust",
     ("p2pdma=deny=0000:04:00.0 p2pdma=trust=0:7.0",
      "p2pdma=auto,trust=0:6.0;0000:04:00.0")),
    ("quiet", "host,deny=0:5.0,window", "host-bridge-untrusted", "trust",
     (None, "p2pdma=host,deny=0:5.0,trust=0000:04:00.0,window")),
    ("p2pdma=host p2pdma=deny=pci:8086:a54", "host,deny=pci:8086:a54", "denied", "undeny",
     ("p2pdma=host p2pdma=deny=pci:8086:a54", "p2pdma=host")),
]
# The kernel's command line, the active policy, the reason -> is it said that they differ?
OTHER_POLICY = {
    ("quiet", "auto", "acs-request"): False,
    ("p2pdma=switch", "auto", "acs-request"): True,
    ("p2pdma=deny=0:5.0 p2pdma=host,trust=0:6.0", "host,deny=0:5.0,trust=0:6.0",
     "acs-request"): False,
    ("p2pdma=trust=0:6.0", "auto", "acs-request"): True,
    ("p2pdma=swich", "off", "policy-off"): False,
    ("p2pdma=swich", "auto", "acs-request"): True,
    ("quiet", "host", "host-bridge-untrusted"): False,
    ("swiotlb=force", "host", "must-bounce"): True,
}

# Forwarding of ARI at the port -> what becomes of requests to each function
ARI = {
    True: {"01:01.1": "dropped", "01:02.1": "up", "01:05.0": "dropped"},
    False: {"01:01.1": "up", "01:02.1": "up", "01:05.0": "up"},
}
# The kernel's command line -> what the remedies for dma-mask and must-bounce take away
REMOVED = {
    "intel_iommu=off": ("dma-mask", "intel_iommu=off"),
    "quiet iommu=pt": ("dma-mask", "iommu=pt"),
    "quiet amd_iommu=off": ("dma-mask", "amd_iommu=off"),
    "intel_iommu=on iommu=pt iommu.passthrough=1": (
        "dma-mask", "iommu=pt iommu.passthrough=1"),
    "iommu=pt quiet amd_iommu=off": ("dma-mask", "iommu=pt amd_iommu=off"),
    "iommu.passthrough=y iommu.passthrough=on": (
        "dma-mask", "iommu.passthrough=y iommu.passthrough=on"),
    "iommu.passthrough=Y iommu.passthrough=0": ("dma-mask", "iommu.passthrough=Y"),
    "iommu.passthrough=off iommu.passthrough= iommu=nopt": ("dma-mask", None),
    "iommu=soft,pt intel_iommu=sm_on,off": (
        "dma-mask", "iommu=soft,pt intel_iommu=sm_on,off"),
    "xiommu=off": ("dma-mask", None),
    "quiet swiotlb=65536,force debug": ("must-bounce", "swiotlb=65536,force"),
    "swiotlb=force": ("must-bounce", "swiotlb=force"),
    "p2pdma=of quiet p2pdma=auto p2pdma=deny=": (
        "policy-off", "p2pdma=of p2pdma=deny="),
    "quiet p2pdma": ("policy-off", "p2pdma"),
    "p2pdma= auto": ("policy-off", "p2pdma="),
    "p2pdma=auto,": ("policy-off", "p2pdma=auto,"),
    "p2pdma=auto,window=4": ("policy-off", "p2pdma=auto,window=4"),
    "p2pdma=window p2pdma=switch": ("policy-off", None),
    'p2pdma="auto" "p2pdma=host"': ("policy-off", None),
    'p2pdma="auto, switch" quiet': ("policy-off", 'p2pdma="auto, switch"'),
    "p2pdmax p2pdma.x=1 xp2pdma": ("policy-off", None),
    "p2pdma=off -- p2pdma=of": ("policy-off", None),
    "p2pdma=deny=0x0:5.0": ("policy-off", "p2pdma=deny=0x0:5.0"),
    "p2pdma=deny=0:5.0@w": ("policy-off", "p2pdma=deny=0:5.0@w"),
    "p2pdma=trust=0:5.0@w": ("policy-off", None),
    "p2pdma=deny=0:5.0/00:0.0": ("policy-off", "p2pdma=deny=0:5.0/00:0.0"),
    "p2pdma=deny=pci:18086:a54": ("policy-off", "p2pdma=deny=pci:18086:a54"),
    "p2pdma=deny=pci:0x8086:a54": ("policy-off", "p2pdma=deny=pci:0x8086:a54"),
    "p2pdma=deny=pci:8086:a54:0": ("policy-off", "p2pdma=deny=pci:8086:a54:0"),
    "p2pdma=deny=pci:8086:a54:0:0;1f.0": (
        "policy-off", "p2pdma=deny=pci:8086:a54:0:0;1f.0"),
    "p2pdma=deny=80000000:0:5.0": ("policy-off", "p2pdma=deny=80000000:0:5.0"),
    "p2pdma=deny=7fffffff:0:5.0": ("policy-off", None),
    "p2pdma=host p2pdma=of mem_encrypt=on": ("policy-host", "p2pdma=of"),
}
# The kernel's command line, the active policy, the reason -> does the remedy speak of a
# mistake?
MAY_BE_MISTAKE = {
    ("quiet", "off", "policy-off"): False,
    ("p2pdma=off", "off", "policy-off"): False,
    ("p2pdma=host,deny=0:5.0", "off", "policy-off"): True,
    ("p2pdma=swich", "off", "policy-off"): True,
    ("", "off", "policy-off"): True,
    ("p2pdma=swich", "switch", "policy-switch"): False,
    ("p2pdma=host", "switch", "policy-switch"): False,
}
# The kernel's command line -> what is added for translation
TRANSLATED = {
    "quiet": "intel_iommu=on iommu.passthrough=0",
    "iommu=pt": "intel_iommu=on iommu.passthrough=0",
    "intel_iommu=on": "iommu.passthrough=0",
    "intel_iommu=on iommu=pt iommu.passthrough=1": "iommu.passthrough=0",
}
# The kernel's command line, with the policy off -> what the remedy adds to it, and sets now
MENDED = {
    "": ("p2pdma=auto", "auto"),
    "p2pdma=off": ("p2pdma=auto", "auto"),
    "p2pdma=off,deny=0:5.0 p2pdma": ("p2pdma=auto", "auto,deny=0:5.0"),
    "p2pdma=switch p2pdma=": ("p2pdma=switch", "switch"),
    "p2pdma=deny=0:5.0 p2pdma=trust=0:6.0;x,swich,window": (
        "p2pdma=switch,trust=0:6.0,window", "switch,deny=0:5.0,trust=0:6.0,window"),
    "p2pdma=swich p2pdma=host": ("p2pdma=host", "host"),
}
