/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The oracle: where does a DMA address lead?
 *
 * It walks a memory request through a software fabric as hardware would, port by
 * port, and for a read walks the completion back.  What it knows of the fabric it
 * reads from configuration space; of the root complex and the IOMMU it knows what
 * no configuration space tells.  It shares no code with the route decision: each
 * checks the other.
 *
 * The rules are those of the PCI Express Base Specification: routing of memory
 * requests by address and of completions by requester ID, and "Access Control
 * Services".
 */
#ifndef P2PDMA_KUNIT_ORACLE_H
#define P2PDMA_KUNIT_ORACLE_H

#include <linux/dma-direction.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>

#include "fabric.h"

/**
 * enum oracle_outcome - how a walk ends
 * @ORACLE_LANDED: in a BAR; for a read the data came back too
 * @ORACLE_RAM: in RAM
 * @ORACLE_ACS_VIOLATION: a port drops it as ACS tells it to
 * @ORACLE_UNSUPPORTED: nobody takes it
 * @ORACLE_BLOCKED: something on the way may not or does not pass it on
 * @ORACLE_IOMMU_FAULT: the IOMMU has no such mapping, or it does not allow this
 * @ORACLE_MALFORMED: a packet with more data than its receiver takes
 * @ORACLE_UNEXPECTED: a completion with a tag that the client has not sent
 */
enum oracle_outcome {
	ORACLE_LANDED,
	ORACLE_RAM,
	ORACLE_ACS_VIOLATION,
	ORACLE_UNSUPPORTED,
	ORACLE_BLOCKED,
	ORACLE_IOMMU_FAULT,
	ORACLE_MALFORMED,
	ORACLE_UNEXPECTED,
};

/**
 * enum oracle_siblings - the way of requests and completions among functions of one device
 * @ORACLE_SIBLINGS_AS_DRAWN: they leave the device where the picture says apart
 * @ORACLE_SIBLINGS_APART: they leave it
 * @ORACLE_SIBLINGS_TOGETHER: they stay inside, as far as ACS lets them
 */
enum oracle_siblings {
	ORACLE_SIBLINGS_AS_DRAWN,
	ORACLE_SIBLINGS_APART,
	ORACLE_SIBLINGS_TOGETHER,
};

/**
 * struct oracle_request - a memory request
 * @client: the function that sends it
 * @dma: the address it sends, a PCI bus address or an IOVA
 * @read: a read; else a write
 * @translated: its address type is "translated", as from the client's own ATC, and @dma
 *	is the CPU physical address that the IOMMU has answered
 * @peer_only: stop at the root complex; nothing is asked of an IOMMU
 * @any_size: links carry everything: nothing is too large, and no tag too wide
 * @siblings: what is assumed of devices with several functions
 * @impostor: its requester ID is @requester rather than the client's
 * @requester: bus number, device and function
 * @mapped_to: unless 0, the CPU physical address that @dma is translated to at the
 *	root complex, whatever is mapped there
 */
struct oracle_request {
	struct pci_dev *client;
	u64 dma;
	bool read;
	bool translated;
	bool peer_only;
	bool any_size;
	enum oracle_siblings siblings;
	bool impostor;
	u16 requester;
	phys_addr_t mapped_to;
};

/* An IOVA for @mapped_to: below all windows, as IOVAs are outside of them. */
#define ORACLE_SOME_IOVA SZ_4K

/**
 * struct oracle_answer - where a request went
 * @outcome: how it ended
 * @domain: PCI domain of the function where it landed or stopped; -1 for a root
 *	complex
 * @bus: its bus number
 * @devfn: its device and function number
 * @bar: where it landed: number of the BAR
 * @offset: bytes from the start of the BAR; or the physical address of RAM
 * @extent: so many bytes from the address on fare alike
 * @completion: it was the completion that stopped
 * @turned: ACS sent the request, or the completion, up where it would have crossed
 * @turned_bus: bus number of the port or function that did
 * @turned_devfn: its device and function number
 * @root: the request passed a root complex
 * @iommu: the request was translated there
 * @why: what happened where it stopped
 */
struct oracle_answer {
	enum oracle_outcome outcome;
	int domain;
	u8 bus;
	u8 devfn;
	int bar;
	u64 offset;
	u64 extent;
	bool completion;
	bool turned;
	u8 turned_bus;
	u8 turned_devfn;
	bool root;
	bool iommu;
	const char *why;
};

struct oracle;

struct oracle *oracle_read(struct fabric *fabric);
void oracle_free(struct oracle *oracle);
void oracle_walk(struct oracle *oracle, const struct oracle_request *request,
		 struct oracle_answer *answer);
bool oracle_locate(struct oracle *oracle, phys_addr_t phys,
		   struct oracle_answer *where);
void oracle_describe(const struct oracle_answer *answer, char *text,
		     size_t size);

void oracle_expect(struct fabric *fabric, struct pci_dev *client,
		   dma_addr_t dma, size_t size, enum dma_data_direction dir,
		   phys_addr_t phys);
void oracle_expect_sg(struct fabric *fabric, struct pci_dev *client,
		      struct scatterlist *sgl, int orig_nents, int nents,
		      enum dma_data_direction dir);
bool oracle_crosses(struct oracle *oracle, struct pci_dev *client,
		    struct pci_dev *provider, phys_addr_t phys,
		    enum dma_data_direction dir, struct oracle_answer *answer);
bool oracle_carried(struct oracle *oracle, struct pci_dev *client,
		    struct pci_dev *provider, phys_addr_t phys, bool read,
		    struct oracle_answer *answer);
bool oracle_has_ats(struct oracle *oracle, struct pci_dev *client);
bool oracle_walk_sent(struct oracle *oracle,
		      const struct oracle_request *request,
		      struct oracle_answer *answer);
bool oracle_unproven(struct oracle *oracle, struct pci_dev *client,
		     struct pci_dev *provider);
bool oracle_deliberate(struct oracle *oracle, struct pci_dev *client,
		       struct pci_dev *provider);
enum oracle_outcome oracle_outcome(struct fabric *fabric,
				   struct pci_dev *client, u64 dma, bool read,
				   struct oracle_answer *answer);

#endif /* P2PDMA_KUNIT_ORACLE_H */
