// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lspci.h"
#include "source.h"
#include "sysfs.h"
#include "util.h"

#define FILE_MAX	(256UL << 20)	/* of an archive */
#define ENTRIES_MAX	500000
#define DEPTH_MAX	64		/* bridges below each other */

/* Configuration space, PCI Local Bus and PCI Express Base Specification. */
#define REG_STATUS	0x06
#define STATUS_CAPS	0x10
#define REG_CLASS	0x08
#define REG_HEADER	0x0e
#define REG_BAR		0x10
#define REG_SECONDARY	0x19
#define REG_SUBORDINATE	0x1a
#define REG_SUBSYSTEM	0x2c
#define REG_CAPS	0x34
#define CAP_EXPRESS	0x10

static enum source kind;
static char *folder;		/* that files are unpacked in */
static bool truncated;

/*
 * A tree in a folder of its own
 */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void remove_folder(void)
{
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/*
 * A process that removes the folder if a signal ends this one: then the other end of its pipe
 * is closed. It keeps nothing else open, and is in a session of its own.
 */
static void guard_folder(void)
{
	int ends[2];
	char byte;

	if (pipe2(ends, O_CLOEXEC))
		return;
	if (!fork()) {
		setsid();
		dup2(ends[0], STDIN_FILENO);
		closefrom(STDIN_FILENO + 1);
		if (!read(STDIN_FILENO, &byte, 1))
			remove_folder();
		_exit(STATUS_OK);
	}
	close(ends[0]);
}

static void make_folder(void)
{
	const char *where = getenv("TMPDIR");
	sigset_t all, old;

	folder = xasprintf("%s/p2pdma-XXXXXX", where && *where ? where : "/tmp");
	/* the guard leaves them blocked */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &old);
	if (!mkdtemp(folder))
		die("no folder can be made in %s: %s", where && *where ? where : "/tmp",
		    strerror(errno));
	atexit(remove_folder);
	guard_folder();
	sigprocmask(SIG_SETMASK, &old, NULL);
}

bool source_good_path(const char *path)
{
	static const char * const tops[] = { "sys/", "proc/", "boot/" };
	const char *at = path;
	bool known = false;
	size_t i, len;

	for (i = 0; i < ARRAY_SIZE(tops); i++)
		known |= !strncmp(path, tops[i], strlen(tops[i]));
	if (!known || strlen(path) > PATH_MAX / 4)
		return false;
	for (; *at; at += len + (at[len] == '/')) {
		len = strcspn(at, "/");
		if (!len || len > NAME_MAX || (at[len] == '/' && !at[len + 1]) ||
		    (len == 1 && *at == '.') || (len == 2 && !strncmp(at, "..", 2)))
			return false;
		for (i = 0; i < len; i++)
			if (at[i] < ' ' || at[i] > '~')
				return false;
	}
	return true;
}

/*
 * ".." only at the beginning, and no more often than there are folders above. The folder
 * that the link is in has no link in its path, so that these are the folders that they
 * look like; the rest goes down, or by another such link.
 */
bool source_good_link(const char *path, const char *target)
{
	size_t depth = 0, up = 0, len;
	const char *at;
	char *rest;
	bool good;

	for (at = path; *at; at++)
		depth += *at == '/';
	for (at = target; !strncmp(at, "../", 3); at += 3)
		up++;
	if (up > depth || !*at || *at == '/')
		return false;
	/* the rest as a path; which top folder it is in does not matter */
	rest = xasprintf("sys/%s", at);
	len = strlen(rest);
	if (rest[len - 1] == '/')
		rest[len - 1] = '\0';
	good = source_good_path(rest);
	free(rest);
	return good;
}

/* Make the folders above @path, and nothing through a link; false if that cannot be. */
static bool make_above(char *path)
{
	struct stat st;
	char *slash;
	bool good;

	for (slash = strchr(path + strlen(folder) + 1, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		good = !mkdir(path, 0700) ||
		       (!lstat(path, &st) && S_ISDIR(st.st_mode));
		*slash = '/';
		if (!good)
			return false;
	}
	return true;
}

/* Links are made when all files are there: no file is ever made through one. */
struct links {
	char **path;
	char **target;
	size_t n;
	size_t entries;
};

static void make_file(const char *path, const char *data, size_t len)
{
	char *whole = xasprintf("%s/%s", folder, path);
	size_t done = 0;
	ssize_t n = 0;
	int fd = -1;

	if (make_above(whole))
		fd = open(whole, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	/* a path that is there twice: the first counts */
	if (fd >= 0) {
		for (; done < len; done += n) {
			n = write(fd, data + done, len - done);
			if (n <= 0)
				die("%s: %s", whole, strerror(errno));
		}
		close(fd);
	} else if (errno != EEXIST && errno != ENOTDIR && errno != EISDIR) {
		die("%s: %s", whole, strerror(errno));
	}
	free(whole);
}

static char *take_entry(const struct tar_entry *entry, void *context)
{
	const char *path = entry->path;
	struct links *links = context;

	if (!strncmp(path, "./", 2))
		path += 2;
	if (++links->entries > ENTRIES_MAX)
		return xstrdup("it has too many entries");
	if (!source_good_path(path))
		return NULL;
	if (entry->type == TAR_FILE) {
		make_file(path, entry->data, entry->len);
	} else if (source_good_link(path, entry->target)) {
		links->path = xrealloc(links->path, links->n + 1, sizeof(*links->path));
		links->target = xrealloc(links->target, links->n + 1,
					 sizeof(*links->target));
		links->path[links->n] = xstrdup(path);
		links->target[links->n++] = xstrdup(entry->target);
	}
	return NULL;
}

static void make_links(struct links *links)
{
	size_t i;

	for (i = 0; i < links->n; i++) {
		char *whole = xasprintf("%s/%s", folder, links->path[i]);

		if (make_above(whole) && symlink(links->target[i], whole) &&
		    errno != EEXIST)
			die("%s: %s", whole, strerror(errno));
		free(whole);
		free(links->path[i]);
		free(links->target[i]);
	}
	free(links->path);
	free(links->target);
}

/*
 * lspci
 */

/*
 * The bridge that @function is below; NULL on a root bus. Virtual functions may be on a bus
 * that is no bridge's secondary one, but in the range of the bridge of their physical
 * function, the nearest of those whose range it is in.
 */
static const struct lspci_function *bridge_above(const struct lspci *lspci,
						 const struct lspci_function *function)
{
	const struct lspci_function *found = NULL;
	unsigned int i, most = 0;

	for (i = 0; i < lspci->n; i++) {
		const struct lspci_function *bridge = &lspci->list[i];
		unsigned int bus = function->address.bus, secondary;

		secondary = lspci_register(bridge, REG_SECONDARY, 1);
		if (bridge == function || (lspci_register(bridge, REG_HEADER, 1) & 0x7f) != 1 ||
		    bridge->address.domain != function->address.domain ||
		    bridge->address.bus >= bus || secondary <= most || secondary > bus ||
		    (secondary < bus && lspci_register(bridge, REG_SUBORDINATE, 1) < bus))
			continue;
		most = secondary;
		found = bridge;
	}
	return found;
}

/*
 * Its folder, as the kernel would name it. A bridge has a smaller bus number than what is
 * below it, so that this ends.
 */
static char *folder_of(const struct lspci *lspci, const struct lspci_function *function)
{
	const struct lspci_function *above[DEPTH_MAX], *top = function;
	struct text text = {};
	char bdf[ADDRESS_LEN];
	int n = 0;

	for (; function && n < DEPTH_MAX; function = bridge_above(lspci, function)) {
		above[n++] = function;
		top = function;
	}
	text_addf(&text, "sys/devices/pci%04x:%02x", top->address.domain,
		  top->address.bus);
	while (n--) {
		address_text(&above[n]->address, bdf);
		text_addf(&text, "/%s", bdf);
	}
	return text_take(&text);
}

static bool is_express(const struct lspci_function *function)
{
	unsigned int at = lspci_register(function, REG_CAPS, 1) & 0xfc, left = 48;

	if (!(lspci_register(function, REG_STATUS, 2) & STATUS_CAPS))
		return false;
	for (; at >= 0x40 && left; left--) {
		if (lspci_register(function, at, 1) == CAP_EXPRESS)
			return true;
		at = lspci_register(function, at + 1, 1) & 0xfc;
	}
	return false;
}

struct put {
	tar_fn fn;
	void *context;
	const char *folder;
	char *error;
};

static void put(struct put *put, const char *name, const char *data, size_t len)
{
	char *path = xasprintf("%s/%s", put->folder, name);
	struct tar_entry entry = { .path = path, .data = data, .len = len };

	if (!put->error)
		put->error = put->fn(&entry, put->context);
	free(path);
}

[[gnu::format(printf, 3, 4)]]
static void put_text(struct put *out, const char *name, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	put(out, name, text, strlen(text));
}

static void put_link(struct put *put, const char *path, const char *target)
{
	struct tar_entry entry = { .type = TAR_LINK, .path = path, .target = target };

	if (!put->error)
		put->error = put->fn(&entry, put->context);
}

/* Where lspci printed sizes, all BARs are known. */
static void put_bars(struct put *out, const struct lspci_function *function)
{
	struct text text = {};
	bool any = false;
	int i;

	for (i = 0; i < LSPCI_BARS; i++) {
		unsigned long long first = function->first[i], size = function->size[i];

		any |= size;
		text_addf(&text, "0x%016llx 0x%016llx 0x%016x\n", first,
			  size ? first + size - 1 : 0, size ? 0x200 : 0);
	}
	if (any)
		put(out, "resource", text_str(&text), text.len);
	text_free(&text);
}

static void put_function(struct put *out, const struct lspci_function *function)
{
	unsigned int len = function->len;
	char bdf[ADDRESS_LEN], *path, *target;
	const char *at;
	struct text up = {};

	/* without its extended part nothing may be concluded of a function's ACS */
	if (len < LSPCI_CONFIG && len > 64 && is_express(function))
		len = 64;
	put(out, "config", (const char *)function->config, len);
	put_text(out, "vendor", "0x%04x\n", lspci_register(function, 0, 2));
	put_text(out, "device", "0x%04x\n", lspci_register(function, 2, 2));
	put_text(out, "class", "0x%06x\n", lspci_register(function, REG_CLASS, 4) >> 8);
	if (!(lspci_register(function, REG_HEADER, 1) & 0x7f)) {
		put_text(out, "subsystem_vendor", "0x%04x\n",
			 lspci_register(function, REG_SUBSYSTEM, 2));
		put_text(out, "subsystem_device", "0x%04x\n",
			 lspci_register(function, REG_SUBSYSTEM + 2, 2));
	}
	put_text(out, "numa_node", "%d\n", function->numa);
	put_bars(out, function);

	for (at = out->folder; *at; at++)
		if (*at == '/')
			text_add(&up, "../");
	if (*function->driver) {
		path = xasprintf("%s/driver", out->folder);
		target = xasprintf("%sbus/pci/drivers/%s", text_str(&up),
				   function->driver);
		put_link(out, path, target);
		free(path);
		free(target);
	}
	if (function->group >= 0) {
		path = xasprintf("%s/iommu_group", out->folder);
		target = xasprintf("%skernel/iommu_groups/%d", text_str(&up),
				   function->group);
		put_link(out, path, target);
		free(path);
		free(target);
	}
	text_free(&up);
	address_text(&function->address, bdf);
	path = xasprintf("sys/bus/pci/devices/%s", bdf);
	target = xasprintf("../../../%s", out->folder + strlen("sys/"));
	put_link(out, path, target);
	free(path);
	free(target);
}

char *source_lspci(const char *text, tar_fn fn, void *context)
{
	struct put out = { .fn = fn, .context = context };
	unsigned int i, useful = 0;
	struct lspci lspci;

	lspci_parse(text, &lspci);
	truncated = lspci.truncated;
	for (i = 0; i < lspci.n && !out.error; i++) {
		char *place;

		useful += lspci.list[i].len >= 64;
		place = folder_of(&lspci, &lspci.list[i]);
		out.folder = place;
		put_function(&out, &lspci.list[i]);
		free(place);
	}
	lspci_free(&lspci);
	if (!out.error && !useful)
		out.error = xasprintf("it %s lspci -xxxx -D%s",
				      i ? "has no configuration space:" :
				      "is neither an archive of p2pdma collect nor the output of",
				      i ? " prints it, as root" : "");
	return out.error;
}

/*
 * Opening
 */

static char *read_whole(const char *path, size_t *len)
{
	int fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	char *bytes;

	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	bytes = sysfs_read_fd(fd, FILE_MAX, len);
	if (!bytes && errno == EFBIG)
		die("%s: it is larger than %s", path, size_text(FILE_MAX));
	if (!bytes)
		die("%s: %s", path, strerror(errno));
	if (fd != STDIN_FILENO)
		close(fd);
	return bytes;
}

static void open_file(const char *path)
{
	struct links links = {};
	char *data, *error;
	size_t len;

	data = read_whole(path, &len);
	if (len >= 2 && !memcmp(data, "\x1f\x8b", 2))
		die("%s: it is compressed; unpack it with gunzip", path);
	make_folder();
	if (tar_is_one(data, len)) {
		kind = SOURCE_TAR;
		error = tar_read(data, len, take_entry, &links);
	} else {
		kind = SOURCE_LSPCI;
		error = strlen(data) == len ?
			source_lspci(data, take_entry, &links) :
			xstrdup("it is neither an archive of p2pdma collect nor text");
	}
	if (error)
		die("%s: %s", path, error);
	make_links(&links);
	free(data);
	sysfs_set_root(folder);
}

void source_open(const char *path)
{
	struct stat st;
	char *inside;

	if (kind == SOURCE_TAR || kind == SOURCE_LSPCI)
		die("only one file can be looked at");
	sysfs_set_bare(false);
	if (!strcmp(path, "-") || (!stat(path, &st) && !S_ISDIR(st.st_mode))) {
		open_file(path);
		return;
	}
	kind = SOURCE_ROOT;
	sysfs_set_root(path);
	inside = xasprintf("%s/sys/bus/pci", path);
	if (access(inside, F_OK)) {
		free(inside);
		inside = xasprintf("%s/bus/pci", path);
		if (!access(inside, F_OK)) {
			kind = SOURCE_SYS;
			sysfs_set_bare(true);
		}
	}
	free(inside);
}

enum source source_kind(void)
{
	return kind;
}

const char *source_lacks(void)
{
	static const char * const sys[] = {
		"the kernel's release, options and command line, and the CPU: a copied folder sys does not have them",
	};
	static const char * const lspci[] = {
		"names, drivers, IOMMU groups, DMA masks, sizes of BARs (lspci -v prints some of them), whether an IOMMU translates (it is taken not to), the kernel, and the CPU: lspci does not print them",
		"functions after the 4096th, which were left out; and all that lspci does not print",
	};

	switch (kind) {
	case SOURCE_SYS:
		return sys[0];
	case SOURCE_LSPCI:
		return lspci[truncated];
	default:
		return NULL;
	}
}
