/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What several suites have in common: the fabrics that most tests need, lists of
 * RAM and of three providers' memory, and mappings that fail at one point after
 * the other.
 */
#ifndef P2PDMA_KUNIT_FABRIC_COMMON_H
#define P2PDMA_KUNIT_FABRIC_COMMON_H

#include "fabric_sg.h"

unsigned int fabric_references(struct pci_dev *pdev);
void fabric_expect_held(struct kunit *test, struct pci_dev *pdev,
			unsigned int most);
bool fabric_user_is_large(unsigned long addr);
struct fabric *fabric_switch_on(struct kunit *test, const char *host);
struct fabric *fabric_switch(struct kunit *test);
struct fabric *fabric_untrusted(struct kunit *test);

/*
 * Mixed lists.
 */

/* What an entry is of: RAM, or memory across the switch or the host bridge. */
enum mixed_kind {
	MIXED_RAM,
	MIXED_ACROSS,
	MIXED_BESIDE,
	MIXED_FAR,
	MIXED_NR_KINDS
};

/**
 * struct mixed_list - a list that has been mapped, and unmapped if that went well
 * @error: what mapping returned
 * @count: its entries
 * @of: how many of them are of each kind
 * @nents: its DMA segments, if it was mapped
 * @what: for messages: which list of the round it is
 */
struct mixed_list {
	int error;
	int count;
	int of[MIXED_NR_KINDS];
	int nents;
	unsigned int what;
};

/**
 * typedef mixed_settled_fn - checks the state after a list was unmapped or refused
 * @test: the test
 * @list: the list
 * @data: of the suite
 */
typedef void (*mixed_settled_fn)(struct kunit *test,
				 const struct mixed_list *list, void *data);

struct fabric *fabric_mixed(struct kunit *test);
void mixed_add(struct fabric_sg *sg, enum mixed_kind kind, int index);
void mixed_small_lists(struct fabric *fabric, mixed_settled_fn settled,
		       void *data);
void mixed_random_lists(struct fabric *fabric, int lists, u64 seed,
			mixed_settled_fn settled, void *data);
struct fabric_sg *mixed_six(struct fabric *fabric);
void mixed_again(struct fabric *fabric, mixed_settled_fn settled, void *data);
void mixed_edges(struct fabric *fabric, mixed_settled_fn settled, void *data);
void mixed_kinds(struct fabric *fabric, mixed_settled_fn settled, void *data);
void mixed_crossing(struct fabric *fabric, mixed_settled_fn settled,
		    void *data);
void mixed_providers_gone(struct fabric *fabric, mixed_settled_fn settled,
			  void *data);
struct fabric *fabric_giants(struct kunit *test);
void giant_lists(struct fabric *fabric, bool merged, mixed_settled_fn settled,
		 void *data);

/*
 * Failures.
 */

/**
 * struct fabric_failing - a way to make a mapping fail
 * @arm: make step number @step (from 0) of the next mapping fail
 * @disarm: make no step fail any more; returns false if there was no such step
 * @settled: checks the state after the mapping failed, or was unmapped
 * @errors: where not every failing step fails the mapping: the errors that it may
 *	return, ended by 0, which it may return too
 */
struct fabric_failing {
	void (*arm)(void *data, int step);
	bool (*disarm)(void *data);
	void (*settled)(struct kunit *test, void *data);
	const int *errors;
};

/* The error of a step; 0 if mapping goes well without it. */
typedef int (*fabric_error_fn)(int step);

int fabric_fail_steps(struct fabric_sg *sg, struct pci_dev *client,
		      enum dma_data_direction dir,
		      const struct fabric_failing *failing,
		      fabric_error_fn error, void *data);
void fabric_fail_begin(struct kunit *test, bool sleeping, bool pages);
void fabric_fail_nth(int step);
bool fabric_failed_nth(void);
int fabric_fail_allocations(struct fabric_sg *sg, struct pci_dev *client,
			    const int *errors,
			    void (*settled)(struct kunit *test, void *data),
			    void *data);

/*
 * Bounce buffers.
 */

void fabric_bounce_buffers(struct kunit *test);
void fabric_bounce_full(struct fabric *fabric, struct pci_dev *client);
void fabric_must_bounce(struct fabric *fabric, struct pci_dev *client,
			bool must);
void fabric_hide_ram(struct fabric *fabric, struct pci_dev *client,
		     phys_addr_t phys, size_t size);

/*
 * The kernel log.
 */

u64 fabric_log_now(void);
int fabric_log_count(u64 since, const char *text, const char *more);
void fabric_expect_logged(struct kunit *test, u64 since, int times,
			  const char *text, const char *more, int line);

/*
 * Expect @times messages since @since that contain @text, and @more unless it is
 * NULL.
 */
#define expect_logged(test, since, times, text, more) \
	fabric_expect_logged(test, since, times, text, more, __LINE__)

#endif /* P2PDMA_KUNIT_FABRIC_COMMON_H */
