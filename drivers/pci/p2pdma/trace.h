/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints of peer-to-peer DMA; see Documentation/ABI/testing/tracefs-p2pdma.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM p2pdma

#if !defined(DRIVERS_PCI_P2PDMA_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define DRIVERS_PCI_P2PDMA_TRACE_H

#include <linux/pci.h>
#include <linux/tracepoint.h>

#include "p2pdma.h"

#define p2pdma_trace_dirs						\
	{ DMA_FROM_DEVICE,			"write" },		\
	{ DMA_TO_DEVICE,			"read" },		\
	{ DMA_BIDIRECTIONAL,			"both" }

#define p2pdma_trace_verdicts						\
	{ PCI_P2PDMA_MAP_BUS_ADDR,		"bus-address" },	\
	{ PCI_P2PDMA_MAP_THRU_HOST_BRIDGE,	"through-host-bridge" }, \
	{ PCI_P2PDMA_MAP_NOT_SUPPORTED,		"not-supported" }

#define p2pdma_trace_reasons						\
	{ PCI_P2PDMA_DIRECT,			"direct" },		\
	{ PCI_P2PDMA_SAME_FUNCTION,		"same-function" },	\
	{ PCI_P2PDMA_NO_COMMON_PORT,		"no-common-port" },	\
	{ PCI_P2PDMA_CONVENTIONAL_PCI,		"conventional-pci" },	\
	{ PCI_P2PDMA_UNTRUSTED_CLIENT,		"untrusted-client" },	\
	{ PCI_P2PDMA_VIRTUALISED,		"virtualised" },	\
	{ PCI_P2PDMA_ACS_REQUEST,		"acs-request" },	\
	{ PCI_P2PDMA_ACS_COMPLETION,		"acs-completion" },	\
	{ PCI_P2PDMA_MULTIFUNCTION,		"multifunction" },	\
	{ PCI_P2PDMA_CLIENT_ATS,		"client-ats" },		\
	{ PCI_P2PDMA_PAYLOAD_SIZE,		"payload-size" },	\
	{ PCI_P2PDMA_TAG_WIDTH,			"tag-width" },		\
	{ PCI_P2PDMA_DMA_MASK,			"dma-mask" },		\
	{ PCI_P2PDMA_POLICY_OFF,		"policy-off" },		\
	{ PCI_P2PDMA_DENIED,			"denied" },		\
	{ PCI_P2PDMA_NOT_PCI,			"not-pci" },		\
	{ PCI_P2PDMA_PROVIDER_UNREACHABLE,	"provider-unreachable" }, \
	{ PCI_P2PDMA_MUST_BOUNCE,		"must-bounce" },	\
	{ PCI_P2PDMA_POLICY_SWITCH,		"policy-switch" },	\
	{ PCI_P2PDMA_POLICY_HOST,		"policy-host" },	\
	{ PCI_P2PDMA_FABRIC_BLOCKED,		"fabric-blocked" },	\
	{ PCI_P2PDMA_HOST_BRIDGE_UNTRUSTED,	"host-bridge-untrusted" }, \
	{ PCI_P2PDMA_WINDOW_UNRESERVED,		"window-unreserved" },	\
	{ PCI_P2PDMA_UNMAPPABLE,		"unmappable" }

#define p2pdma_trace_causes						\
	{ P2PDMA_BY_CONFIG_WRITE,		"config-write" },	\
	{ P2PDMA_BY_POLICY,			"policy" },		\
	{ P2PDMA_BY_DEVICE_ADDED,		"device-added" },	\
	{ P2PDMA_BY_DEVICE_GOING,		"device-going" },	\
	{ P2PDMA_BY_DEVICE_REMOVED,		"device-removed" },	\
	{ P2PDMA_BY_PROVIDER_GOING,		"provider-going" },	\
	{ P2PDMA_BY_PROVIDER_REMOVED,		"provider-removed" },	\
	{ P2PDMA_BY_POWER,			"power" }

/* Programs that read records get the number of each word from these. */
TRACE_DEFINE_ENUM(DMA_BIDIRECTIONAL);
TRACE_DEFINE_ENUM(DMA_TO_DEVICE);
TRACE_DEFINE_ENUM(DMA_FROM_DEVICE);
TRACE_DEFINE_ENUM(PCI_P2PDMA_MAP_NOT_SUPPORTED);
TRACE_DEFINE_ENUM(PCI_P2PDMA_MAP_BUS_ADDR);
TRACE_DEFINE_ENUM(PCI_P2PDMA_MAP_THRU_HOST_BRIDGE);
TRACE_DEFINE_ENUM(PCI_P2PDMA_DIRECT);
TRACE_DEFINE_ENUM(PCI_P2PDMA_SAME_FUNCTION);
TRACE_DEFINE_ENUM(PCI_P2PDMA_NO_COMMON_PORT);
TRACE_DEFINE_ENUM(PCI_P2PDMA_CONVENTIONAL_PCI);
TRACE_DEFINE_ENUM(PCI_P2PDMA_UNTRUSTED_CLIENT);
TRACE_DEFINE_ENUM(PCI_P2PDMA_VIRTUALISED);
TRACE_DEFINE_ENUM(PCI_P2PDMA_ACS_REQUEST);
TRACE_DEFINE_ENUM(PCI_P2PDMA_ACS_COMPLETION);
TRACE_DEFINE_ENUM(PCI_P2PDMA_MULTIFUNCTION);
TRACE_DEFINE_ENUM(PCI_P2PDMA_CLIENT_ATS);
TRACE_DEFINE_ENUM(PCI_P2PDMA_PAYLOAD_SIZE);
TRACE_DEFINE_ENUM(PCI_P2PDMA_TAG_WIDTH);
TRACE_DEFINE_ENUM(PCI_P2PDMA_DMA_MASK);
TRACE_DEFINE_ENUM(PCI_P2PDMA_POLICY_OFF);
TRACE_DEFINE_ENUM(PCI_P2PDMA_DENIED);
TRACE_DEFINE_ENUM(PCI_P2PDMA_NOT_PCI);
TRACE_DEFINE_ENUM(PCI_P2PDMA_PROVIDER_UNREACHABLE);
TRACE_DEFINE_ENUM(PCI_P2PDMA_MUST_BOUNCE);
TRACE_DEFINE_ENUM(PCI_P2PDMA_POLICY_SWITCH);
TRACE_DEFINE_ENUM(PCI_P2PDMA_POLICY_HOST);
TRACE_DEFINE_ENUM(PCI_P2PDMA_FABRIC_BLOCKED);
TRACE_DEFINE_ENUM(PCI_P2PDMA_HOST_BRIDGE_UNTRUSTED);
TRACE_DEFINE_ENUM(PCI_P2PDMA_WINDOW_UNRESERVED);
TRACE_DEFINE_ENUM(PCI_P2PDMA_UNMAPPABLE);
TRACE_DEFINE_ENUM(P2PDMA_BY_CONFIG_WRITE);
TRACE_DEFINE_ENUM(P2PDMA_BY_POLICY);
TRACE_DEFINE_ENUM(P2PDMA_BY_DEVICE_ADDED);
TRACE_DEFINE_ENUM(P2PDMA_BY_DEVICE_GOING);
TRACE_DEFINE_ENUM(P2PDMA_BY_DEVICE_REMOVED);
TRACE_DEFINE_ENUM(P2PDMA_BY_PROVIDER_GOING);
TRACE_DEFINE_ENUM(P2PDMA_BY_PROVIDER_REMOVED);
TRACE_DEFINE_ENUM(P2PDMA_BY_POWER);

TRACE_EVENT(p2pdma_route,
	TP_PROTO(struct p2pdma_provider *provider, struct device *dev,
		 enum dma_data_direction dir,
		 const struct pci_p2pdma_route *route),
	TP_ARGS(provider, dev, dir, route),
	TP_STRUCT__entry(
		__string(client, dev_name(dev))
		__string(provider, dev_name(provider->owner))
		__field(int, bar)
		__field(int, dir)
		__field(int, verdict)
		__field(int, reason)
		__array(char, bridge, P2PDMA_BDF_LEN)
		__field(int, distance)
	),
	TP_fast_assign(
		__assign_str(client);
		__assign_str(provider);
		__entry->bar = to_p2pdma_mem(provider)->bar;
		__entry->dir = dir;
		__entry->verdict = route->type;
		__entry->reason = route->reason;
		p2pdma_route_bridge(route, __entry->bridge);
		__entry->distance = route->distance;
	),
	TP_printk("client=%s provider=%s bar=%d dir=%s verdict=%s reason=%s bridge=%s distance=%d",
		  __get_str(client), __get_str(provider), __entry->bar,
		  __print_symbolic(__entry->dir, p2pdma_trace_dirs),
		  __print_symbolic(__entry->verdict, p2pdma_trace_verdicts),
		  __print_symbolic(__entry->reason, p2pdma_trace_reasons),
		  __entry->bridge, __entry->distance)
);

TRACE_EVENT(p2pdma_map_sg,
	TP_PROTO(struct device *dev, enum dma_data_direction dir,
		 const struct pci_p2pdma_tally *tally),
	TP_ARGS(dev, dir, tally),
	TP_STRUCT__entry(
		__string(client, dev_name(dev))
		__field(int, dir)
		__field(unsigned int, ram)
		__field(unsigned int, bus)
		__field(unsigned int, host)
		__field(u64, ram_bytes)
		__field(u64, bus_bytes)
		__field(u64, host_bytes)
	),
	TP_fast_assign(
		__assign_str(client);
		__entry->dir = dir;
		__entry->ram = tally->ram;
		__entry->bus = tally->bus;
		__entry->host = tally->host;
		__entry->ram_bytes = tally->ram_bytes;
		__entry->bus_bytes = tally->bus_bytes;
		__entry->host_bytes = tally->host_bytes;
	),
	TP_printk("client=%s dir=%s ram=%u bus=%u host=%u ram_bytes=%llu bus_bytes=%llu host_bytes=%llu",
		  __get_str(client),
		  __print_symbolic(__entry->dir, p2pdma_trace_dirs),
		  __entry->ram, __entry->bus, __entry->host,
		  __entry->ram_bytes, __entry->bus_bytes, __entry->host_bytes)
);

TRACE_EVENT(p2pdma_refused,
	TP_PROTO(struct p2pdma_provider *provider, struct device *dev,
		 enum dma_data_direction dir, enum pci_p2pdma_reason reason),
	TP_ARGS(provider, dev, dir, reason),
	TP_STRUCT__entry(
		__string(client, dev_name(dev))
		__string(provider, dev_name(provider->owner))
		__field(int, bar)
		__field(int, dir)
		__field(int, reason)
	),
	TP_fast_assign(
		__assign_str(client);
		__assign_str(provider);
		__entry->bar = to_p2pdma_mem(provider)->bar;
		__entry->dir = dir;
		__entry->reason = reason;
	),
	TP_printk("client=%s provider=%s bar=%d dir=%s reason=%s",
		  __get_str(client), __get_str(provider), __entry->bar,
		  __print_symbolic(__entry->dir, p2pdma_trace_dirs),
		  __print_symbolic(__entry->reason, p2pdma_trace_reasons))
);

TRACE_EVENT(p2pdma_invalidate,
	TP_PROTO(enum p2pdma_cause cause, int generation),
	TP_ARGS(cause, generation),
	TP_STRUCT__entry(
		__field(int, cause)
		__field(int, generation)
	),
	TP_fast_assign(
		__entry->cause = cause;
		__entry->generation = generation;
	),
	TP_printk("cause=%s generation=%d",
		  __print_symbolic(__entry->cause, p2pdma_trace_causes),
		  __entry->generation)
);

DECLARE_EVENT_CLASS(p2pdma_range,
	TP_PROTO(const struct p2pdma_range *range),
	TP_ARGS(range),
	TP_STRUCT__entry(
		__string(provider, dev_name(range->provider->owner))
		__field(int, bar)
		__field(u64, cpu)
		__field(u64, bus)
		__field(u64, size)
	),
	TP_fast_assign(
		__assign_str(provider);
		__entry->bar = to_p2pdma_mem(range->provider)->bar;
		__entry->cpu = range->start;
		__entry->bus = range->start + range->provider->bus_offset;
		__entry->size = range->last - range->start + 1;
	),
	TP_printk("provider=%s bar=%d cpu=%#llx bus=%#llx size=%llu",
		  __get_str(provider), __entry->bar, __entry->cpu,
		  __entry->bus, __entry->size)
);

DEFINE_EVENT(p2pdma_range, p2pdma_provider_add,
	TP_PROTO(const struct p2pdma_range *range),
	TP_ARGS(range)
);

DEFINE_EVENT(p2pdma_range, p2pdma_provider_remove,
	TP_PROTO(const struct p2pdma_range *range),
	TP_ARGS(range)
);

#endif /* DRIVERS_PCI_P2PDMA_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH ../../drivers/pci/p2pdma
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
