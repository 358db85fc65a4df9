// SPDX-License-Identifier: GPL-2.0
#include "rules.h"
#include "rules_acs.h"
#include "rules_dma.h"
#include "rules_fabric.h"
#include "rules_policy.h"

/* The texts are those of the guide, cut to a sentence. */
const struct rule rules[] = {
	{
		.name = "mode-auto",
		.reasons = R(POLICY_OFF) | R(POLICY_SWITCH),
		.what = "Set the mode auto. If it is off because p2pdma= on the command line has a mistake, correct that (dmesg | grep p2pdma=)",
		.form = "p2pdma=auto",
		.apply = apply_mode_auto,
	}, {
		.name = "undeny",
		.reasons = R(DENIED),
		.what = "Remove the device from deny=; the parameter replaces all other p2pdma= on the command line",
		.form = "p2pdma=MODE,deny=OTHERS",
		.apply = apply_undeny,
	}, {
		.name = "wake",
		.reasons = R(PROVIDER_UNREACHABLE),
		.what = "Keep the function awake; after a hot-unplug there is nothing to do",
		.cost = "power",
		.form = "echo on > /sys/bus/pci/devices/PORT/power/control",
		.apply = apply_wake,
	}, {
		.name = "revive",
		.reasons = R(PROVIDER_UNREACHABLE),
		.what = "The function does not answer: it has lost power or its link. Reset or reseat it, or switch the machine off and on; then have the kernel look for it again",
		.cost = "its driver is unbound, and everything below it",
		.form = "echo 1 > /sys/bus/pci/devices/PORT/remove; echo 1 > /sys/bus/pci/rescan",
		.apply = apply_revive,
	}, {
		.name = "decode",
		.reasons = R(PROVIDER_UNREACHABLE) | R(FABRIC_BLOCKED),
		.what = "The function does not decode memory addresses: bind its driver again, or set the bit by hand",
		.cost = "the driver does not know that the bit was set by hand",
		.form = "setpci -s PORT COMMAND=2:2",
		.apply = apply_decode,
	}, {
		.name = "same-switch",
		.reasons = R(NO_COMMON_PORT) | R(HOST_BRIDGE_UNTRUSTED) |
			   R(UNMAPPABLE),
		.shortens = true,
		.what = "Put both devices below one switch, in PCI Express slots; its ports must not redirect (ACS)",
		.cost = "a change of slots",
		.apply = apply_same_switch,
	}, {
		.name = "express-slot",
		.reasons = R(CONVENTIONAL_PCI) | R(HOST_BRIDGE_UNTRUSTED) |
			   R(UNMAPPABLE),
		.shortens = true,
		.what = "Put the device in a PCI Express slot",
		.cost = "a change of slots",
		.apply = apply_express_slot,
	}, {
		.name = "same-payload",
		.reasons = R(PAYLOAD_SIZE),
		.what = "Have all devices and ports take and send the same, small packets; or firmware set one size",
		.cost = "throughput of all devices",
		.form = "pci=pcie_bus_peer2peer",
		.apply = apply_same_payload,
	}, {
		.name = "narrow-tags",
		.reasons = R(TAG_WIDTH),
		.what = "Have the client use tags of 8 bits, while it is idle; firmware may have a setting for it",
		.cost = "fewer reads in flight",
		.form = "setpci -s DEV CAP_EXP+28.w=0:1000",
		.apply = apply_narrow_tags,
	}, {
		.name = "no-ats",
		.reasons = R(CLIENT_ATS),
		.shortens = true,
		.what = "Boot without Address Translation Services",
		.cost = "some time for each address that a device would have cached; devices that need shared virtual addressing lose it",
		.form = "pci=noats",
		.apply = apply_no_ats,
	}, {
		.name = "lower-bar",
		.reasons = R(DMA_MASK),
		.what = "Have firmware place the provider's BAR lower: lower the base or the size of the memory window above 4 GiB (\"MMIO High Base\", \"MMIO High Size\"), or turn off \"above 4G decoding\" if the BAR fits below 4 GiB",
		.cost = "large BARs may find no room",
		.apply = apply_lower_bar,
	}, {
		.name = "translate",
		.reasons = R(UNTRUSTED_CLIENT) | R(DMA_MASK) | R(POLICY_HOST),
		.what = "Have an IOMMU translate for the client; the host bridge has to be trusted as well",
		.cost = "some time for each mapping",
		.form = "iommu.passthrough=0, with an Intel IOMMU also intel_iommu=on",
		.apply = apply_translate,
	}, {
		.name = "mode-auto",
		.reasons = R(POLICY_HOST),
		.what = "Set the mode auto",
		.cost = "the IOMMU does not check direct accesses of one device to another",
		.form = "p2pdma=auto",
		.apply = apply_mode_auto,
	}, {
		.name = "mode-host",
		.reasons = R(WINDOW_UNRESERVED),
		.what = "Send all transfers through the host bridge, or have the driver map a list instead of one address",
		.cost = "the direct route",
		.form = "p2pdma=host",
		.apply = apply_mode_host,
	}, {
		.name = "no-bounce",
		.reasons = R(MUST_BOUNCE),
		.what = "Boot without swiotlb=force. There is no remedy in an encrypted guest, or for a restricted DMA pool",
		.form = "swiotlb=force",
		.apply = apply_no_bounce,
	}, {
		.name = "forward",
		.reasons = R(FABRIC_BLOCKED),
		.what = "Have the ports forward redirected requests upstream (UF), as the kernel does by itself with an IOMMU; the host bridge then has to be trusted",
		.cost = "none to isolation",
		.form = "pci=config_acs=xx111x1@PORT, or xx100x1 at a port that does not redirect",
		.apply = apply_forward,
	}, {
		.name = "no-acs",
		.reasons = R(ACS_REQUEST) | R(ACS_COMPLETION) | R(MULTIFUNCTION) |
			   R(FABRIC_BLOCKED) | R(HOST_BRIDGE_UNTRUSTED),
		.shortens = true,
		.what = "Switch ACS redirection off where it keeps the route from being direct",
		.cost = NO_ACS_COST,
		.form = "pci=disable_acs_redir=PORT[;PORT...], or pci=config_acs=xx100x1@PORT[;xx100x1@PORT...] where other pairs would change",
		.apply = apply_no_acs,
	}, {
		.name = "no-acs-no-forwarding",
		.reasons = R(MULTIFUNCTION) | R(FABRIC_BLOCKED) |
			   R(HOST_BRIDGE_UNTRUSTED),
		.shortens = true,
		.what = "Switch ACS redirection and Upstream Forwarding off at the functions and the ports above",
		.cost = NO_ACS_COST,
		.form = "pci=config_acs=xx000x1@PORT[;xx000x1@PORT...]",
		.apply = apply_no_acs_no_forwarding,
	}, {
		.name = "passthrough",
		.reasons = R(VIRTUALISED) | R(HOST_BRIDGE_UNTRUSTED),
		.shortens = true,
		.what = "In this virtual machine, take the client out of translation; compare data before relying on it",
		.cost = "the protection of the guest's memory from its devices",
		.form = "iommu.passthrough=1",
		.apply = apply_passthrough,
	}, {
		.name = "no-encryption",
		.reasons = R(UNMAPPABLE),
		.what = "Boot without memory encryption, if that is the cause",
		.cost = "memory encryption",
		.form = "mem_encrypt=off",
		.apply = apply_no_encryption,
	}, {
		.name = "loopback",
		.reasons = R(MULTIFUNCTION) | R(FABRIC_BLOCKED) |
			   R(HOST_BRIDGE_UNTRUSTED),
		.shortens = true,
		.what = "Say that the functions of the device reach each other inside it, if its maker says so",
		.cost = "if they do not, data are corrupted silently; the kernel is tainted (U)",
		.form = "p2pdma=loopback=DEV;DEV",
		.apply = apply_loopback,
	}, {
		.name = "trust-writes",
		.reasons = R(HOST_BRIDGE_UNTRUSTED),
		.what = "Trust the host bridge for writes, if the maker of the machine says that it forwards peer-to-peer requests",
		.cost = "if it does not forward, data are corrupted silently; the kernel is tainted (U)",
		.form = "p2pdma=trust=DEV@w",
		.apply = apply_trust_writes,
	}, {
		.name = "trust",
		.reasons = R(HOST_BRIDGE_UNTRUSTED),
		.what = "Trust the host bridge for reads as well, if the maker of the machine says that it forwards them; some forward writes, but return zeros for reads",
		.cost = "if it does not forward, data are corrupted silently; the kernel is tainted (U)",
		.form = "p2pdma=trust=DEV",
		.apply = apply_trust,
	},
};

const size_t n_rules = ARRAY_SIZE(rules);
