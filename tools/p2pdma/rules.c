// SPDX-License-Identifier: GPL-2.0
#include "rules.h"
#include "rules_dma.h"
#include "rules_fabric.h"
#include "rules_policy.h"

/* The texts are the guide's, cut to a sentence. */
const struct rule rules[] = {
	{
		.name = "mode-auto",
		.reasons = R(POLICY_OFF) | R(POLICY_SWITCH),
		.what = "Set the mode auto. After a boot with a mistake in p2pdma= the mode is off: mend it (dmesg | grep p2pdma=)",
		.form = "p2pdma=auto",
		.apply = apply_mode_auto,
	}, {
		.name = "undeny",
		.reasons = R(DENIED),
		.what = "Take the device out of deny=; the parameter replaces all other p2pdma= on the command line",
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
		.name = "decode",
		.reasons = R(PROVIDER_UNREACHABLE) | R(FABRIC_BLOCKED),
		.what = "The function does not decode memory addresses: bind its driver again, or set the bit by hand",
		.cost = "by hand, the driver does not know of it",
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
		.name = "lower-bar",
		.reasons = R(DMA_MASK),
		.what = "Have firmware place the provider's BAR lower (turn off \"above 4G decoding\"), if it fits there",
		.cost = "large BARs may find no room",
		.apply = apply_lower_bar,
	}, {
		.name = "translate",
		.reasons = R(UNTRUSTED_CLIENT) | R(DMA_MASK) | R(POLICY_HOST),
		.what = "Have an IOMMU translate for the client (AMD's is on by default); the host bridge has to be trusted as well",
		.cost = "some time for each mapping",
		.form = "intel_iommu=on",
		.apply = apply_translate,
	}, {
		.name = "mode-auto",
		.reasons = R(POLICY_HOST),
		.what = "Set the mode auto",
		.cost = "accesses of one device to another are not checked by the IOMMU where they go direct",
		.form = "p2pdma=auto",
		.apply = apply_mode_auto,
	}, {
		.name = "mode-host",
		.reasons = R(WINDOW_UNRESERVED),
		.what = "Send all transfers through the host bridge; else it is for the driver to map a list",
		.cost = "the direct route",
		.form = "p2pdma=host",
		.apply = apply_mode_host,
	}, {
		.name = "no-bounce",
		.reasons = R(MUST_BOUNCE),
		.what = "Do without swiotlb=force. In an encrypted guest, and for a restricted pool, there is no remedy",
		.form = "swiotlb=force",
		.apply = apply_no_bounce,
	}, {
		.name = "forward",
		.reasons = R(FABRIC_BLOCKED),
		.what = "Let the ports forward what is redirected, as the kernel does by itself with an IOMMU; the host bridge then has to be trusted",
		.cost = "none to isolation",
		.form = "pci=config_acs=xx111x1@PORT",
		.apply = apply_forward,
	}, {
		.name = "no-acs",
		.reasons = R(ACS_REQUEST) | R(ACS_COMPLETION) | R(MULTIFUNCTION) |
			   R(FABRIC_BLOCKED) | R(HOST_BRIDGE_UNTRUSTED),
		.shortens = true,
		.what = "Take ACS redirection away where it is in the way",
		.cost = "isolation: the devices reach each other past the IOMMU, share one IOMMU group, and can be assigned only together; by setpci, only to try things out, the groups do not follow, and promise an isolation that is not there",
		.form = "pci=disable_acs_redir=PORT[;PORT...]",
		.apply = apply_no_acs,
	}, {
		.name = "no-acs-no-forwarding",
		.reasons = R(MULTIFUNCTION) | R(FABRIC_BLOCKED) |
			   R(HOST_BRIDGE_UNTRUSTED),
		.shortens = true,
		.what = "Take ACS redirection and Upstream Forwarding away from the functions and the ports above",
		.cost = "isolation: the devices reach each other past the IOMMU, share one IOMMU group, and can be assigned only together; by setpci, only to try things out, the groups do not follow, and promise an isolation that is not there",
		.form = "pci=config_acs=x0000xx@PORT[;x0000xx@PORT...]",
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
		.what = "Boot without memory encryption, where that is the cause",
		.cost = "memory encryption",
		.form = "mem_encrypt=off",
		.apply = apply_no_encryption,
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
		.what = "Trust it for reads as well, if its maker says so of reads; some bridges forward writes and return zeros for reads",
		.cost = "if it does not forward, data are corrupted silently; the kernel is tainted (U)",
		.form = "p2pdma=trust=DEV",
		.apply = apply_trust,
	},
};

const size_t n_rules = ARRAY_SIZE(rules);
