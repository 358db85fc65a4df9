# SPDX-License-Identifier: GPL-2.0
"""A fake /sys and /proc, made from a text that describes a fabric.

A description has one thing a line; what is indented hangs below what is above:

  kernel 6.12.117 [policy=TEXT] [guest] [iommu=dmar0,dmar1] [stock] [user]
         [sme] [cmdline=WORD;WORD]
  host pci0000:00 [trusted]
    ADDRESS TYPE [WORD=VALUE...]
      ADDRESS ...
  route CLIENT PROVIDER WORDS     overrides the line that would be made
  text CLIENT TEXT                a line of p2pdma_routes as it stands
  counters CLIENT TEXT            a line of its p2pdma_counters
  file ADDRESS NAME TEXT          a file in the function's folder; \\n is a new line
  sysfile PATH TEXT               a file in the tree
  config ADDRESS OFFSET HEX       bytes of its configuration space
  config ADDRESS dead             it reads all ones

TYPE is root-port, upstream, downstream, endpoint, rc-endpoint, vf, to-pci, pci.
Words: id=VVVV:DDDD class=CCCCCC name=nvme0 driver=D numa=N group=N/TYPE acs=RR,CR
(switched on; without it there is no ACS capability) port=N egress=HEX
provider=BAR:SIZE[:FREE] link="16.0 GT/s PCIe"/16 memory=off power=D3hot
untrusted physfn=ADDRESS ari (forwarded, at a port) bars=BAR:SIZE@ADDRESS,... ("none").  "user" is what others than root see, "stock" a kernel
without this project.

Routes are made by the rules of the administrator's guide, of which there is a
small version here; nothing of the tool is used.

In exported/ is what the kernel has exported of fabrics in software, from which a
tree is made with nothing added: see Exported.
"""

import os
import re
import shlex
import struct
from dataclasses import dataclass, field
from pathlib import Path

TYPES = {"endpoint": 0, "root-port": 4, "upstream": 5, "downstream": 6,
         "to-pci": 7, "rc-endpoint": 9, "vf": 0, "pci": None}
BRIDGES = ("root-port", "upstream", "downstream", "to-pci")
ACS = {"SV": 1, "TB": 2, "RR": 4, "CR": 8, "UF": 16, "EC": 32, "DT": 64}
UNITS = {"K": 10, "M": 20, "G": 30}

KERNEL = {"release": "6.12.117", "policy": "auto"}

PCI_IDS = """\
1b36  Red Hat, Inc.
\t0010  QEMU NVM Express Controller
\t000c  QEMU PCIe Root port
104c  Texas Instruments
\t8232  XIO3130 PCI Express Switch (Upstream)
\t8233  XIO3130 PCI Express Switch (Downstream)
8086  Intel Corporation
\t29c0  82G33/G31/P35/P31 Express DRAM Controller
\t0a54  NVMe Datacenter SSD [3DNAND, Beta Rock Controller]
\t1533  I210 Gigabit Network Connection
\t10d3  82574L Gigabit Network Connection
15b3  Mellanox Technologies
\t101d  MT2892 Family [ConnectX-6 Dx]
\t101e  ConnectX Family mlx5Gen Virtual Function
10de  NVIDIA Corporation
\t20b0  GA100 [A100 SXM4 40GB]
10b5  PLX Technology, Inc.
\t8796  PEX 8796 96-lane, 24-port PCI Express Gen 3 (8.0 GT/s) Switch
"""


class Tree:
    """Files and links below a folder, and those that every tree has."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "sys/bus/pci/devices").mkdir(parents=True)
        self.put("pci.ids", PCI_IDS)

    def put(self, path: str, text: str | bytes) -> None:
        """A file."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode() if isinstance(text, str) else text)

    def link(self, path: str, target: str) -> None:
        """A symbolic link to what is, or will be, in the same tree."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.symlink_to(os.path.relpath(self.root / target, file.parent))

    def group(self, where: str, number: str, kind: str) -> None:
        """The IOMMU group of a function."""
        self.put(f"sys/kernel/iommu_groups/{number}/type", kind + "\n")
        self.link(f"{where}/iommu_group", f"sys/kernel/iommu_groups/{number}")

    def machine(self, kernel: dict[str, str]) -> None:
        """What is not about a function; the words are those after "kernel"."""
        self.put("proc/sys/kernel/osrelease", kernel["release"] + "\n")
        self.put("proc/cpuinfo", ("vendor_id\t: AuthenticAMD\ncpu family\t: 25\n"
                                  if "zen" in kernel else "")
                 + "flags\t\t: fpu vme de"
                 + "".join(f" {word}" for word, key in
                           (("hypervisor", "guest"), ("sme", "sme"))
                           if key in kernel) + "\n")
        self.put("proc/cmdline", "quiet "
                 + kernel.get("cmdline", "").replace(";", " ") + "\n")
        if "stock" not in kernel:
            self.put("sys/kernel/p2pdma/policy", kernel["policy"] + "\n")
        for iommu in filter(None, kernel.get("iommu", "").split(",")):
            self.put(f"sys/class/iommu/{iommu}/uevent", "")


@dataclass
class Dev:
    """One function of the description."""
    address: str
    type: str
    words: dict[str, str]
    host: str
    above: "Dev | None"
    children: list["Dev"] = field(default_factory=list)

    def acs(self) -> int | None:
        """The ACS Control register, or None without the capability."""
        if "acs" not in self.words:
            return None
        return sum(ACS[w] for w in self.words["acs"].split(",") if w)

    def has(self, bits: str) -> bool:
        """One of these bits is switched on."""
        return bool((self.acs() or 0) & sum(ACS[b] for b in bits.split()))

    def up(self) -> list["Dev"]:
        """Itself and the bridges above it."""
        return [self] + (self.above.up() if self.above else [])


@dataclass
class Facts:
    """What the rules look at, for one pair and direction."""
    mode: str = "auto"
    denied: bool = False
    unreachable: str = ""       # the first function up from the provider that is asleep
    same_function: bool = False
    translated: bool = False    # by an IOMMU, for the client
    trusted: bool = False       # the host bridges
    crosses: bool = False       # the fabric takes the client's request across
    blocked: str = ""           # the port where an untranslated transfer is lost
    stuck: str = ""             # the port where a translated transfer is lost too
    # (reason, port) why it is not direct, in the guide's order
    obstacles: list[tuple[str, str]] = field(default_factory=list)


def decide(facts: Facts) -> tuple[str, str, str]:
    """(verdict, reason, port) by the rules of the administrator's guide."""
    def refused(reason: str, port: str = "-") -> tuple[str, str, str]:
        return "not-supported", reason, port

    if facts.mode == "off":
        return refused("policy-off")
    if facts.denied:
        return refused("denied")
    if facts.unreachable:
        return refused("provider-unreachable", facts.unreachable)
    if facts.same_function:
        return "bus-address", "same-function", "-"
    if not facts.obstacles and facts.mode != "host":
        return "bus-address", "direct", "-"
    if facts.mode == "switch":
        return refused("policy-switch")
    if not facts.translated and facts.crosses:
        if facts.mode == "host":
            return refused("policy-host")
        if ("untrusted-client", "-") in facts.obstacles:
            return refused("untrusted-client")
    if not facts.translated and facts.blocked:
        return refused("fabric-blocked", facts.blocked)
    if facts.stuck:
        return refused("fabric-blocked", facts.stuck)
    if not facts.trusted:
        return refused("host-bridge-untrusted")
    return ("through-host-bridge",
            *(facts.obstacles or [("policy-host", "-")])[0])


def size(text: str) -> int:
    """A number of bytes that may end with K, M or G."""
    if text[-1] in UNITS:
        return int(text[:-1]) << UNITS[text[-1]]
    return int(text, 0)


class Fabric:
    """A description, parsed."""

    def __init__(self, text: str) -> None:
        self.devs: dict[str, Dev] = {}
        self.kernel = dict(KERNEL)
        self.hosts: dict[str, bool] = {}
        self.overrides: dict[tuple[str, str], str] = {}
        self.texts: list[tuple[str, str]] = []
        self.counters: dict[str, str] = {}
        self.files: list[list[str]] = []
        stack: list[tuple[int, Dev]] = []
        host = ""
        for line in text.splitlines():
            if line.split(" ", 1)[0] in ("file", "sysfile", "config"):
                self.files.append(line.split(" ", 2 if line[0] == "s" else 3))
                continue
            line = line.split("#", 1)[0].rstrip()
            if not line:
                continue
            depth = len(line) - len(line.lstrip())
            words = shlex.split(line)
            if words[0] == "kernel":
                self.kernel["release"] = words[1]
                self.kernel.update(w.split("=", 1) if "=" in w else (w, "")
                                   for w in words[2:])
            elif words[0] == "host":
                host = words[1]
                self.hosts[host] = "trusted" in words
                stack = []
            elif words[0] == "route":
                self.overrides[(words[1], words[2])] = " ".join(words[3:])
            elif words[0] == "counters":
                self.counters[words[1]] = (self.counters.get(words[1], "")
                                           + " ".join(words[2:]) + "\n")
            elif words[0] == "text":
                self.texts.append((words[1], " ".join(words[2:])))
            else:
                while stack and stack[-1][0] >= depth:
                    stack.pop()
                above = stack[-1][1] if stack else None
                dev = Dev(words[0], words[1],
                          dict(w.split("=", 1) if "=" in w else (w, "")
                               for w in words[2:]), host, above)
                if dev.type not in TYPES:
                    raise ValueError(f"no type {dev.type}: {line}")
                if above:
                    above.children.append(dev)
                self.devs[dev.address] = dev
                stack.append((depth, dev))

    # --- the rules, as the guide has them

    def _redirects(self, client: Dev, provider: Dev,
                   common: Dev) -> tuple[list[tuple[str, str]], bool, bool]:
        """Obstacles of ACS for a read, does it cross, is it dropped."""
        side = [next(d for d in dev.up() if d.above is common)
                for dev in (client, provider)]
        found = []
        if all(s.type in ("downstream", "root-port") for s in side):
            c, p = side
            vector = int(c.words.get("egress", "0"), 16)
            hit = vector >> int(p.words.get("port", "0")) & 1
            if c.has("EC"):
                up, dropped = hit and c.has("RR"), hit and not c.has("RR")
            else:
                up, dropped = c.has("RR"), False
            if up or dropped:
                found.append(("acs-request", c.address))
            if p.has("CR"):
                found.append(("acs-completion", p.address))
            return found, not (up or dropped), bool(dropped)
        for dev in [client, provider, *common.up()]:
            if dev.has("RR CR EC UF"):
                return [("multifunction", dev.address)], True, False
        # with an ACS capability they have all bits of it, P2P Request Redirect too
        for dev in [client, provider]:
            if dev.acs() is None:
                return [("multifunction", dev.address)], True, False
        return [], True, False

    def decide(self, client: Dev, provider: Dev, read: bool) -> tuple:
        """(verdict, reason, port)."""
        policy = self.kernel["policy"].split(",")
        deny = [d for w in policy if w.startswith("deny=")
                for d in w[5:].split(";")]
        facts = Facts(
            mode=([m for m in policy if m in ("auto", "off", "switch", "host")]
                  or ["auto"])[-1],
            denied=client.address in deny or provider.address in deny,
            unreachable=next((d.address for d in provider.up()
                              if d.words.get("memory") == "off"
                              or "power" in d.words), ""),
            same_function=client is provider,
            translated="/DMA" in client.words.get("group", ""),
            trusted=self.hosts[client.host] and self.hosts[provider.host])
        ups = client.up()
        common = next((d for d in provider.up()[1:] if d in ups[1:]), None)
        if client.host != provider.host:
            common = None
        if not common:
            facts.obstacles.append(("no-common-port", "-"))
        path = [d for dev in (client, provider) for d in dev.up()[1:]
                if common is None or d not in common.up()[1:]]
        facts.obstacles += [("conventional-pci", d.address) for d in path
                            if d.type in ("to-pci", "pci")][:1]
        if any("untrusted" in d.words for d in ups):
            facts.obstacles.append(("untrusted-client", "-"))
        if facts.translated and "guest" in self.kernel:
            facts.obstacles.append(("virtualised", "-"))
        if not common:
            return decide(facts)
        acs, facts.crosses, dropped = self._redirects(client, provider, common)
        acs = [a for a in acs if read or a[0] != "acs-completion"]
        facts.obstacles += acs
        lost = next((d.address for d in common.up()
                     if d.type in ("root-port", "downstream")
                     and not d.has("UF")), "")
        facts.blocked = acs[0][1] if dropped else lost if acs else ""
        if any(a[0] == "acs-completion" for a in acs):
            facts.stuck = lost
        return decide(facts)

    def distance(self, client: Dev, provider: Dev) -> int:
        """Hops up to the common port and down again."""
        if client is provider:
            return 0
        one, other = client.up(), provider.up()
        common = [d for d in one if d in other]
        return len(one) + len(other) - 2 * len(common)

    def routes(self, client: Dev) -> str:
        """The file p2pdma_routes."""
        lines = []
        for provider in self.devs.values():
            for part in provider.words.get("provider", "").split(","):
                if not part:
                    continue
                key = (client.address, provider.address)
                if key in self.overrides:
                    lines.append(f"{provider.address} {part.split(':')[0]} "
                                 + self.overrides[key])
                    continue
                write = self.decide(client, provider, False)
                read = self.decide(client, provider, True)
                port = write[2] if write[2] != "-" else read[2]
                lines.append(" ".join([
                    provider.address, part.split(":")[0], write[0], read[0],
                    str(self.distance(client, provider)), write[1], read[1],
                    port]))
        lines += [text for who, text in self.texts if who == client.address]
        return "".join(line + "\n" for line in lines)

    # --- files

    def config(self, dev: Dev) -> bytes:
        """Configuration space: header, Express and ACS capabilities."""
        vendor, device = (int(x, 16) for x in
                          dev.words.get("id", "1b36:0010").split(":"))
        number = int(self.classcode(dev), 16)
        express = TYPES[dev.type]
        space = bytearray(256 if express is None else 4096)
        command = 4 if dev.words.get("memory") == "off" else 6
        struct.pack_into("<HHHH", space, 0, vendor, device, command, 0x10)
        struct.pack_into("<I", space, 8, number << 8)
        space[0x0e] = 1 if self.is_bridge(dev) else 0
        if express is not None:
            space[0x34] = 0x40
            space[0x40] = 0x10
            struct.pack_into("<H", space, 0x42, express << 4 | 2)
            struct.pack_into("<I", space, 0x4c,
                             int(dev.words.get("port", "0")) << 24 | 0x81)
            space[0x68] = 0x20 if "ari" in dev.words else 0
            control = dev.acs()
            if control is not None:
                able = ACS["EC"] * ("egress" in dev.words) | 0x5f | control
                vector = int(dev.words.get("egress", "0"), 16)
                bits = max(32, -(-vector.bit_length() // 32) * 32)
                struct.pack_into("<IHH", space, 0x100, 0x0001000d,
                                 able | (bits & 0xff) << 8, control)
                space[0x108:0x108 + bits // 8] = vector.to_bytes(
                    bits // 8, "little")
        else:
            space[6] = 0
        return bytes(space[:64] if "user" in self.kernel else space)

    @staticmethod
    def is_bridge(dev: Dev) -> bool:
        """It has a secondary bus."""
        return dev.type in BRIDGES or bool(dev.children)

    def classcode(self, dev: Dev) -> str:
        """Six hexadecimal digits."""
        return dev.words.get("class", "060400" if self.is_bridge(dev)
                             else "010802")

    def build(self, root: Path) -> None:
        """Write the whole tree."""
        tree = Tree(root)
        put, link = tree.put, tree.link
        # the one CPU whose host bridges are all trusted, unless the policy trusts them
        zen = all(self.hosts.values()) and "trust=" not in self.kernel.get("policy", "")
        tree.machine(self.kernel | ({"zen": ""} if zen else {}))
        for dev in self.devs.values():
            where = f"sys/devices/{dev.host}/" + "/".join(
                d.address for d in reversed(dev.up()))
            vendor, device = dev.words.get("id", "1b36:0010").split(":")
            put(f"{where}/vendor", f"0x{vendor}\n")
            put(f"{where}/device", f"0x{device}\n")
            put(f"{where}/class", f"0x{self.classcode(dev)}\n")
            put(f"{where}/numa_node", dev.words.get("numa", "-1") + "\n")
            put(f"{where}/power_state", dev.words.get("power", "D0") + "\n")
            put(f"{where}/config", self.config(dev))
            link(f"sys/bus/pci/devices/{dev.address}", where)
            self.build_more(dev, where, tree)
        for words in self.files:
            self.build_file(words, tree)

    @staticmethod
    def build_file(words: list[str], tree: "Tree") -> None:
        """A line file, sysfile or config: in place of what was made, or changing it."""
        if words[0] == "sysfile":
            tree.put(words[1], words[2].replace("\\n", "\n") + "\n")
            return
        folder = f"sys/bus/pci/devices/{words[1]}"
        if words[0] == "file":
            tree.put(f"{folder}/{words[2]}",
                     words[3].replace("\\n", "\n") + "\n")
            return
        space = bytearray((tree.root / folder / "config").read_bytes())
        if words[2] == "dead":
            space = bytearray(b"\xff" * len(space))
        else:
            start, data = int(words[2], 16), bytes.fromhex(words[3])
            space[start:start + len(data)] = data
        tree.put(f"{folder}/config", bytes(space))

    def build_more(self, dev: Dev, where: str, tree: "Tree") -> None:
        """What only some functions have."""
        words = dev.words
        put, link = tree.put, tree.link
        if "driver" in words:
            put(f"sys/bus/pci/drivers/{words['driver']}/uevent", "")
            link(f"{where}/driver", f"sys/bus/pci/drivers/{words['driver']}")
        if "link" in words:
            speed, width = re.fullmatch(r"(.*)/(\d+)", words["link"]).groups()
            for which in ("current", "max"):
                put(f"{where}/{which}_link_speed", speed + "\n")
                put(f"{where}/{which}_link_width", width + "\n")
        if "bars" in words:
            lines = ["0x0 0x0 0x0"] * 6
            for part in words["bars"].split(","):
                found = re.fullmatch(r"(\d):(\w+)@(\w+)", part)
                if found:
                    first = int(found[3], 16)
                    lines[int(found[1])] = (f"{first:#x} {first + size(found[2]) - 1:#x} "
                                            "0x14220c")
            put(f"{where}/resource", "\n".join(lines) + "\n")
        if "group" in words:
            tree.group(where, *words["group"].split("/"))
        if "physfn" in words:
            link(f"{where}/physfn", "sys/bus/pci/devices/" + words["physfn"])
        name = words.get("name", "")
        if name.startswith("nvme"):
            put(f"{where}/nvme/{name}/{name}n1/size", "131072\n")
            for folder in ("sys/block", "sys/class/block"):
                link(f"{folder}/{name}n1", f"{where}/nvme/{name}/{name}n1")
        elif name:
            put(f"{where}/net/{name}/uevent", "")
        if "provider" in words and "nopool" not in words:
            part = words["provider"].split(",")[0].split(":")
            put(f"{where}/p2pmem/size", f"{size(part[1])}\n")
            put(f"{where}/p2pmem/available",
                f"{size(part[2] if len(part) > 2 else part[1])}\n")
            put(f"{where}/p2pmem/published", "1\n")
        if not self.is_bridge(dev) and "stock" not in self.kernel:
            put(f"{where}/p2pdma_routes", self.routes(dev))
            if self.counters:
                put(f"{where}/p2pdma_counters",
                    self.counters.get(dev.address, ""))


class Exported:
    """What tests/kunit/fabric_export_kunit.c has written of a fabric.

      kernel                       what is not about a function
       WORD TEXT
      function FOLDER              one, with the folder of sysfs that it is in
       FILE TEXT                   a line of a file there; FILE alone: it is empty
       config SIZE                 its configuration space, as large as that
       config OFFSET HEX           16 bytes of it; those that are not there are 0
       physfn ADDRESS  iommu_group NUMBER  type TEXT (of the group)
      path CLIENT PROVIDER ...     what debugfs p2pdma/path says of a pair
       ...
      end
    """

    def __init__(self, text: str) -> None:
        self.kernel = dict(KERNEL)
        self.functions: dict[str, dict[str, list[str]]] = {}
        self.pairs: dict[tuple[str, str], list[list[str]]] = {}
        about: dict[str, list[str]] | None = None
        for line in text.splitlines():
            word, _, rest = line.strip().partition(" ")
            if line.startswith("#"):
                continue
            if not line.startswith(" "):
                if word == "function":
                    about = self.functions[rest] = {}
                elif word == "path":
                    client, provider = rest.split()[:2]
                    pair = self.pairs[(client, provider)] = [line.split()]
                else:
                    about = None
            elif self.pairs:
                pair.append(line.split())
            elif about is None:
                self.kernel[word] = rest
            else:
                lines = about.setdefault(word, [])
                if rest:
                    lines.append(rest)
        if word != "end":
            raise ValueError("an exported fabric that is not whole")

    @staticmethod
    def config(lines: list[str]) -> bytes:
        """Configuration space."""
        space = bytearray(int(lines[0]))
        for line in lines[1:]:
            offset, row = line.split()
            space[int(offset, 16):int(offset, 16) + 16] = bytes.fromhex(row)
        return bytes(space)

    def build(self, root: Path) -> None:
        """Write the whole tree."""
        tree = Tree(root)
        tree.machine(self.kernel)
        for folder, files in self.functions.items():
            where, files = f"sys/{folder}", dict(files)
            tree.link("sys/bus/pci/devices/" + folder.rpartition("/")[2],
                      where)
            tree.put(f"{where}/config", self.config(files.pop("config")))
            for name in files.pop("physfn", []):
                tree.link(f"{where}/physfn", "sys/bus/pci/devices/" + name)
            for number in files.pop("iommu_group", []):
                tree.group(where, number, files.pop("type")[0])
            for name, lines in files.items():
                tree.put(f"{where}/{name}",
                         "".join(line + "\n" for line in lines))


def load(folder: Path, name: str) -> Fabric | Exported:
    """The fabric of that name, described or exported; it has build()."""
    described = folder / "fabrics" / f"{name}.fabric"
    if described.exists():
        return Fabric(described.read_text())
    return Exported((folder / "exported" / f"{name}.txt").read_text())


def names(folder: Path) -> list[str]:
    """The names of all fabrics."""
    return sorted([f.stem for f in (folder / "fabrics").glob("*.fabric")]
                  + [f.stem for f in (folder / "exported").glob("*.txt")])
