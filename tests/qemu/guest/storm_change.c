// SPDX-License-Identifier: GPL-2.0
/* What changes the fabric in a storm, and what looks at it meanwhile. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storm.h"

#define DEVICES		"/sys/bus/pci/devices/"
#define DRIVER		"/sys/bus/pci/drivers/nvme/"
#define POLICY		"/sys/kernel/p2pdma/policy"
#define TRACING		"/sys/kernel/tracing/"
#define MAX_PORTS	16
#define MAX_READ	0x10000		/* bytes of each file */

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

static const char * const policies[] = {
	"auto", "auto", "auto", "off", "auto,window", "auto,trust=pci:1b36:000c",
	"auto,trust=pci:1b36:000c,window", "auto,deny=pci:1b36:0010",
	"auto,loopback=pci:1b36:0010",
};

/* Control registers: nothing; RR and CR; these with UF and SV, as with an IOMMU; with TB;
 * with DT; RR alone.
 */
static const unsigned int controls[] = { 0, 0x0c, 0x1d, 0x1f, 0x5d, 0x04 };

static void pause_up_to(unsigned int ms)
{
	usleep(1000 * (1 + storm_below(ms)));
}

static void write_count(struct tally *tally, const char *path, const char *text)
{
	storm_count(tally, file_write(path, text, strlen(text)));
}

static const struct drive *drive_number(const struct storm *storm, unsigned int i)
{
	return i < storm->n_clients ? &storm->clients[i] :
				      &storm->providers[i - storm->n_clients];
}

static const struct drive *any_client(const struct storm *storm)
{
	return &storm->clients[storm_below(storm->n_clients)];
}

static const struct drive *any_drive(const struct storm *storm)
{
	return drive_number(storm, storm_below(storm->n_clients + storm->n_providers));
}

static void change_policy(const struct storm *storm, struct tally *tally)
{
	(void)storm;
	write_count(tally, POLICY, policies[storm_below(ARRAY_SIZE(policies))]);
	pause_up_to(200);
}

/* The ports that have ACS, and what it is when nobody has changed it. */
static struct port {
	char pci[NAME_LEN];
	unsigned int control;
} ports[MAX_PORTS];
static unsigned int n_ports;

void storm_prepare(void)
{
	DIR *dir = opendir(DEVICES);
	struct dirent *entry;

	n_ports = 0;
	while (dir && n_ports < MAX_PORTS && (entry = readdir(dir))) {
		struct port *port = &ports[n_ports];

		if (strlen(entry->d_name) >= NAME_LEN ||
		    pci_read_acs(entry->d_name, &port->control))
			continue;
		memcpy(port->pci, entry->d_name, strlen(entry->d_name) + 1);
		n_ports++;
	}
	if (dir)
		closedir(dir);
}

static void change_acs(const struct storm *storm, struct tally *tally)
{
	(void)storm;
	if (n_ports)
		storm_count(tally, pci_write_acs(ports[storm_below(n_ports)].pci,
						 controls[storm_below(ARRAY_SIZE(controls))]));
	pause_up_to(300);
}

/* What only leads to a change, and is not counted as one. */
static void write_only(const char *path, const char *text)
{
	file_write(path, text, strlen(text));
}

static void change_driver(const struct storm *storm, struct tally *tally)
{
	const struct drive *drive = any_drive(storm);

	write_count(tally, DRIVER "unbind", drive->pci);
	pause_up_to(200);
	write_only(DRIVER "bind", drive->pci);
	pause_up_to(1000);
}

/*
 * Not the one with virtual functions: in the plain kernel writing sriov_numvfs takes the
 * lock that the removal of a device holds while it waits for the file.
 */
static void change_presence(const struct storm *storm, struct tally *tally)
{
	const struct drive *drive;
	char path[128];

	do
		drive = any_drive(storm);
	while (!strcmp(drive->serial, storm->functions.serial));
	snprintf(path, sizeof(path), DEVICES "%s/remove", drive->pci);
	write_count(tally, path, "1");
	pause_up_to(200);
	write_only("/sys/bus/pci/rescan", "1");
	pause_up_to(2000);
}

/* Write the addresses of all drives that are in one IOMMU group with @drive to a file. */
static void group_write(const struct storm *storm, const struct drive *drive, const char *path)
{
	char link[128], group[256], other[256];
	unsigned int i;
	ssize_t n, m;

	snprintf(link, sizeof(link), DEVICES "%s/iommu_group", drive->pci);
	n = readlink(link, group, sizeof(group));
	for (i = 0; i < storm->n_clients + storm->n_providers; i++) {
		snprintf(link, sizeof(link), DEVICES "%s/iommu_group", drive_number(storm, i)->pci);
		m = readlink(link, other, sizeof(other));
		if (n > 0 && n == m && !memcmp(group, other, n))
			write_only(path, drive_number(storm, i)->pci);
	}
}

static void change_domain(const struct storm *storm, struct tally *tally)
{
	static const char * const types[] = { "identity", "DMA", "DMA-FQ", "auto" };
	const struct drive *drive = any_client(storm);
	char path[128];

	/* none of the group may have a driver */
	group_write(storm, drive, DRIVER "unbind");
	snprintf(path, sizeof(path), DEVICES "%s/iommu_group/type", drive->pci);
	write_count(tally, path, types[storm_below(ARRAY_SIZE(types))]);
	group_write(storm, drive, DRIVER "bind");
	pause_up_to(2000);
}

static void change_functions(const struct storm *storm, struct tally *tally)
{
	char path[128];

	if (!storm->functions.pci[0]) {
		sleep(1);
		return;
	}
	/* they are to be there, and need no driver */
	snprintf(path, sizeof(path), DEVICES "%s/sriov_drivers_autoprobe", storm->functions.pci);
	write_only(path, "0");
	snprintf(path, sizeof(path), DEVICES "%s/sriov_numvfs", storm->functions.pci);
	write_count(tally, path, storm_below(2) ? "1" : "2");
	pause_up_to(500);
	write_only(path, "0");
	pause_up_to(1000);
}

static void change_tracing(const struct storm *storm, struct tally *tally)
{
	char *text;
	int fd;

	(void)storm;
	write_count(tally, TRACING "events/p2pdma/enable", "1");
	pause_up_to(500);
	if (!file_read(TRACING "trace", &text))
		free(text);
	write_only(TRACING "events/p2pdma/enable", "0");
	/* opened for writing, it is emptied */
	fd = open(TRACING "trace", O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
	pause_up_to(500);
}

/* What is not read: files that wait, that take minutes, or through which the reader does
 * something to a device.
 */
static bool is_left_out(const char *path, const char *name)
{
	static const char * const names[] = {
		"trace_pipe", "trace_pipe_raw", "kmemleak", "rom", "snapshot", "dump",
		"per_cpu", "free_buffer", "vpd",
		/* its reader takes the lock that a probe holds while it removes the file */
		"waiting_for_supplier",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(name, names[i]))
			return true;
	if (!strncmp(name, "resource", 8) && strcmp(name, "resource"))
		return true;
	/* the readers of link/ follow a pointer that is NULL once function 0 is removed */
	return strstr(path, "/tracing/") || strstr(path, "/link/");
}

static const struct storm *reader_storm;
static struct tally *reader_tally;

static int read_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	static char buffer[4096];
	size_t total = 0;
	ssize_t n = 1;
	int fd;

	(void)st;
	if (reader_storm->over)
		return 1;
	if (type != FTW_F || is_left_out(path, path + where->base))
		return 0;
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return 0;
	while (n > 0 && total < MAX_READ) {
		n = read(fd, buffer, sizeof(buffer));
		total += n > 0 ? n : 0;
	}
	close(fd);
	reader_tally->rounds++;
	return 0;
}

/* Asked by writing, and read on the same descriptor. */
static void ask_path(const struct drive *client, const struct drive *provider)
{
	char pair[2 * NAME_LEN + 2], answer[4096];
	int fd = open("/sys/kernel/debug/p2pdma/path", O_RDWR | O_CLOEXEC);

	snprintf(pair, sizeof(pair), "%s %s", client->pci, provider->pci);
	if (fd < 0)
		return;
	if (write(fd, pair, strlen(pair)) > 0)
		while (read(fd, answer, sizeof(answer)) > 0)
			continue;
	close(fd);
}

static void read_everything(const struct storm *storm, struct tally *tally)
{
	static const char * const roots[] = {
		"/sys/kernel/p2pdma", "/sys/kernel/debug/p2pdma", "/sys/devices/pci0000:00",
		"/sys/devices/pci0000:40",
		"/sys/kernel/p2pdma", "/sys/kernel/debug/p2pdma", "/sys/kernel/iommu_groups",
		"/sys/kernel/debug",
	};
	unsigned int i;

	reader_storm = storm;
	reader_tally = tally;
	for (i = 0; i < ARRAY_SIZE(roots) && !storm->over; i++)
		nftw(roots[i], read_one, 16, FTW_PHYS);
	if (!storm->over)
		ask_path(any_drive(storm), any_drive(storm));
}

const struct storm_change storm_changes[] = {
	{ "policy", change_policy },
	{ "acs", change_acs },
	{ "unbind, bind", change_driver },
	{ "remove, rescan", change_presence },
	{ "IOMMU domain", change_domain },
	{ "virtual functions", change_functions },
	{ "tracing", change_tracing },
	{ "files read", read_everything },
};

const size_t storm_n_changes = ARRAY_SIZE(storm_changes);

/*
 * Undo it, but for the types of IOMMU domains. Devices that are bound or there already do
 * not mind.
 */
void storm_calm(const struct storm *storm)
{
	unsigned int i;
	char path[128];

	write_only("/sys/bus/pci/rescan", "1");
	for (i = 0; i < storm->n_clients + storm->n_providers; i++)
		write_only(DRIVER "bind", drive_number(storm, i)->pci);
	if (storm->functions.pci[0]) {
		snprintf(path, sizeof(path), DEVICES "%s/sriov_numvfs", storm->functions.pci);
		write_only(path, "0");
	}
	write_only(POLICY, "auto");
	write_only(TRACING "events/p2pdma/enable", "0");
	for (i = 0; i < n_ports; i++)
		pci_write_acs(ports[i].pci, ports[i].control);
}

/* All drives have been probed just now, as after boot. */
void storm_rebind(const struct storm *storm)
{
	unsigned int i;

	storm_leave(storm);
	for (i = 0; i < storm->n_clients + storm->n_providers; i++)
		write_only(DRIVER "bind", drive_number(storm, i)->pci);
}

/* Nothing drives them any more. */
void storm_leave(const struct storm *storm)
{
	unsigned int i;

	for (i = 0; i < storm->n_clients + storm->n_providers; i++)
		write_only(DRIVER "unbind", drive_number(storm, i)->pci);
}
