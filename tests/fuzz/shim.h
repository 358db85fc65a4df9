/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What drivers/pci/p2pdma/policy.c uses of the kernel, besides what the command's shim
 * has (tools/p2pdma/kernel/shim.h), for building that file into a program that feeds it.
 * Each kernel header that it includes is made to include this one; see scripts/fuzz-input.
 */
#ifndef P2PDMA_FUZZ_SHIM_H
#define P2PDMA_FUZZ_SHIM_H

#include <stdlib.h>

#include "../../tools/p2pdma/kernel/shim.h"

#undef pci_warn
#undef pr_warn

#define __init
#define __initdata
#define __rcu
#define __printf(a, b)		__attribute__((format(printf, a, b)))
#define COMMAND_LINE_SIZE	2048
#define PAGE_SIZE		4096UL
#define U8_MAX			UINT8_MAX
#define U16_MAX			UINT16_MAX
#ifndef INT_MAX
#define INT_MAX			__INT_MAX__
#endif

/* text */

/* as in the kernel, where a no-break space of Latin-1 counts too */
static inline bool shim_isspace(unsigned char c)
{
	return (c >= '\t' && c <= '\r') || c == ' ' || c == 0xa0;
}

static inline bool shim_isxdigit(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
	       (c >= 'A' && c <= 'F');
}

#define isxdigit(c)	shim_isxdigit(c)

static inline int hex_to_bin(unsigned char c)
{
	return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

static inline size_t str_has_prefix(const char *text, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(text, prefix, len) ? 0 : len;
}

static inline int match_string(const char * const *array, size_t n,
			       const char *text)
{
	size_t i;

	for (i = 0; i < n && array[i]; i++)
		if (!strcmp(array[i], text))
			return i;
	return -EINVAL;
}

static inline char *strim(char *text)
{
	size_t len = strlen(text);

	while (len && shim_isspace(text[len - 1]))
		text[--len] = '\0';
	while (shim_isspace(*text))
		text++;
	return text;
}

static inline void seq_buf_init(struct seq_buf *s, char *buffer, size_t size)
{
	s->buffer = buffer;
	s->size = size;
	s->len = 0;
}

#define seq_buf_puts(s, text)	seq_buf_printf(s, "%s", text)

static inline const char *seq_buf_str(struct seq_buf *s)
{
	if (s->size)
		s->buffer[s->len < s->size ? s->len : s->size - 1] = '\0';
	return s->buffer;
}

/* memory, which may be refused */

bool fuzz_refuses(void);

typedef unsigned int gfp_t;

#define GFP_KERNEL		0
#define __GFP_NOFAIL		1
#define kmalloc(size, gfp)	(fuzz_refuses() ? NULL : malloc(size))
#define kzalloc(size, gfp)	(fuzz_refuses() ? NULL : calloc(1, size))
#define kvzalloc(size, gfp) \
	(!((gfp) & __GFP_NOFAIL) && fuzz_refuses() ? NULL : calloc(1, size))
#define krealloc_array(p, n, size, gfp) \
	(fuzz_refuses() ? NULL : reallocarray(p, n, size))
#define kstrdup(text, gfp)	(fuzz_refuses() ? NULL : strdup(text))
#define kfree(p)		free(p)
#define struct_size(p, member, n)	(sizeof(*(p)) + (n) * sizeof(*(p)->member))

#define MAX_ERRNO	4095
#define ERR_PTR(error)	((void *)(intptr_t)(error))
#define PTR_ERR(p)	((int)(intptr_t)(p))
#define IS_ERR(p)	((uintptr_t)(p) >= (uintptr_t)-MAX_ERRNO)

/* There is one thread: locks and grace periods are nothing. */

#define DEFINE_MUTEX(name)	int name
#define guard(kind)		shim_unused
#define scoped_guard(kind, lock) \
	for (bool __once = ((void)(lock), true); __once; __once = false)
#define shim_unused(lock)	((void)(lock))
#define lockdep_assert_held(lock)	((void)(lock))
#define lockdep_is_held(lock)		((void)(lock), true)
#define RCU_INITIALIZER(p)		(p)
#define rcu_dereference(p)		(p)
#define rcu_dereference_protected(p, condition)	((void)(condition), (p))
#define rcu_replace_pointer(p, new, condition) ({	\
	__typeof__(p) __old = (p);			\
							\
	(void)(condition);				\
	(p) = (new);					\
	__old;						\
})
#define call_rcu(head, fn)	((fn)(head))
#define kvfree_rcu(p, member)	free(p)

/* the machine, and who hears of it */

void fuzz_log(const char *format, ...) __printf(1, 2);
struct pci_dev *fuzz_next_device(struct pci_dev *from);

#define pr_err(...)		fuzz_log(__VA_ARGS__)
#define pr_warn(...)		fuzz_log(__VA_ARGS__)
#define pr_info(...)		fuzz_log(__VA_ARGS__)
#define pci_warn(pdev, ...)	fuzz_log(__VA_ARGS__)
#define dev_warn(dev, ...)	fuzz_log(__VA_ARGS__)
#define for_each_pci_dev(pdev)	while ((pdev = fuzz_next_device(pdev)))
#define pci_dev_put(pdev)	((void)(pdev))
#define subsystem_vendor	vendor
#define subsystem_device	device
#define TAINT_USER		0
#define LOCKDEP_STILL_OK	0
#define add_taint(flag, lockdep)	((void)0)
#define LOCKDOWN_PCI_ACCESS	0
#define security_locked_down(what)	fuzz_locked_down
extern int fuzz_locked_down;

/* what has been warned of, by number: here once for every number */
#undef xa_store
#undef xa_load
#define xa_load(xa, key)		((void)(xa), (void)(key), NULL)
#define xa_store(xa, key, entry, gfp)	((void)(xa), (void)(key), (void)(entry))

#undef KUNIT_STATIC_STUB_REDIRECT
#define KUNIT_STATIC_STUB_REDIRECT(name, ...)	((void)0)
#define __setup(text, fn)	int (*const fuzz_##fn)(char *) = fn
#define arch_initcall(fn)	int (*const fuzz_##fn)(void) = fn
#define late_initcall(fn)	int (*const fuzz_##fn)(void) = fn

#endif
