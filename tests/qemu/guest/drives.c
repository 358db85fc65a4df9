// SPDX-License-Identifier: GPL-2.0
/* The drives by their serial numbers, and what the kernel says of them. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest.h"

#define PCI_DEVICES	"/sys/bus/pci/devices"
#define WAIT_SECONDS	60

static struct drive drives[MAX_DRIVES];
static unsigned int n_drives;

const struct drive *drive_find(const char *serial)
{
	unsigned int i;

	for (i = 0; i < n_drives; i++)
		if (!strcmp(drives[i].serial, serial))
			return &drives[i];
	return NULL;
}

/* Another block device, by its name below /dev, which may take its time. */
bool drive_add(const char *name, const char *block)
{
	struct drive *drive = &drives[n_drives];
	char path[NAME_LEN + 8];
	unsigned int waited;

	if (n_drives == MAX_DRIVES || strlen(name) >= NAME_LEN ||
	    strlen(block) >= NAME_LEN)
		return false;
	snprintf(path, sizeof(path), "/dev/%s", block);
	for (waited = 0; access(path, F_OK) && waited < 100; waited++)
		usleep(50000);
	if (access(path, F_OK))
		return false;
	memset(drive, 0, sizeof(*drive));
	memcpy(drive->serial, name, strlen(name));
	memcpy(drive->block, block, strlen(block));
	n_drives++;
	return true;
}

void drive_forget(const char *name)
{
	unsigned int i;

	for (i = 0; i < n_drives; i++)
		if (!strcmp(drives[i].serial, name))
			drives[i] = drives[--n_drives];
}

/* Read from sysfs what belongs to one block device, if it is an NVMe drive. */
static bool drive_read(const char *block, struct drive *drive)
{
	char path[512], target[512];
	const char *pci;
	ssize_t n;

	memset(drive, 0, sizeof(*drive));
	snprintf(path, sizeof(path), "/sys/block/%s/device/serial", block);
	if (file_read_word(path, drive->serial, sizeof(drive->serial)))
		return false;
	snprintf(path, sizeof(path), "/sys/block/%s/device/device", block);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return false;
	target[n] = '\0';
	pci = strrchr(target, '/');
	pci = pci ? pci + 1 : target;
	if (strlen(pci) >= NAME_LEN || strlen(block) >= NAME_LEN)
		return false;
	memcpy(drive->pci, pci, strlen(pci));
	memcpy(drive->block, block, strlen(block));
	snprintf(path, sizeof(path), PCI_DEVICES "/%s/p2pmem/allocate",
		 drive->pci);
	drive->p2pmem = !access(path, F_OK);
	return true;
}

/* All that are there now; finds anew what was found before. */
void drives_scan(void)
{
	DIR *dir = opendir("/sys/block");
	struct dirent *entry;

	n_drives = 0;
	while (dir && n_drives < MAX_DRIVES && (entry = readdir(dir)))
		if (drive_read(entry->d_name, &drives[n_drives]))
			n_drives++;
	if (dir)
		closedir(dir);
}

/*
 * Drives appear when their driver has scanned them, which is after /init has
 * started. Wait for all that are named, then report where they are.
 */
bool drives_wait(unsigned int step, char *serials)
{
	char *wanted[MAX_DRIVES], *word, *rest;
	unsigned int n_wanted = 0, i, waited;
	const char *missing = NULL;

	for (word = strtok_r(serials, " ", &rest);
	     word && n_wanted < MAX_DRIVES; word = strtok_r(NULL, " ", &rest))
		wanted[n_wanted++] = word;

	for (waited = 0; waited < WAIT_SECONDS * 20; waited++) {
		drives_scan();
		missing = NULL;
		for (i = 0; i < n_wanted && !missing; i++)
			if (!drive_find(wanted[i]))
				missing = wanted[i];
		if (!missing)
			break;
		usleep(50000);
	}
	if (missing)
		report_trouble(step, "drive %s did not appear within %d s",
			       missing, WAIT_SECONDS);

	for (i = 0; i < n_drives; i++) {
		report_begin("drive", step);
		report_text("serial", drives[i].serial);
		report_text("pci", drives[i].pci);
		report_text("block", drives[i].block);
		report_flag("p2pmem", drives[i].p2pmem);
		report_end();
	}
	return !missing;
}

/* Replace each {serial} by the PCI address of that drive, {serial.block} by nvme0n1. */
char *drives_expand(const char *text)
{
	size_t room = strlen(text) * NAME_LEN + 1;
	char *expanded = calloc(1, room), *to = expanded;

	while (expanded && *text) {
		const char *end = *text == '{' ? strchr(text, '}') : NULL;
		const struct drive *drive = NULL;
		bool block = false;

		if (end) {
			char name[NAME_LEN];

			snprintf(name, sizeof(name), "%.*s",
				 (int)(end - text - 1), text + 1);
			block = strchr(name, '.');
			name[strcspn(name, ".")] = '\0';
			drive = drive_find(name);
		}
		if (drive) {
			to += sprintf(to, "%s", block ? drive->block : drive->pci);
			text = end + 1;
		} else {
			*to++ = *text++;
		}
	}
	return expanded;
}

static void report_line(const char *event, unsigned int step,
			const struct drive *client, const char *line, int error)
{
	report_begin(event, step);
	report_text("client", client->serial);
	report_text("line", line);
	report_errno(error);
	report_end();
}

/* Every line of a file that every drive has, as it stands. */
static void report_files(const char *event, unsigned int step, const char *name)
{
	char path[512], *text, *line, *rest;
	unsigned int i;
	int error;

	for (i = 0; i < n_drives; i++) {
		if (!drives[i].pci[0])
			continue;
		snprintf(path, sizeof(path), PCI_DEVICES "/%s/%s",
			 drives[i].pci, name);
		error = file_read(path, &text);
		if (error) {
			report_line(event, step, &drives[i], "", error);
			continue;
		}
		for (line = strtok_r(text, "\n", &rest); line;
		     line = strtok_r(NULL, "\n", &rest))
			report_line(event, step, &drives[i], line, 0);
		free(text);
	}
}

void drives_routes(unsigned int step)
{
	report_files("route", step, "p2pdma_routes");
}

void drives_counters(unsigned int step)
{
	report_files("counters", step, "p2pdma_counters");
}

#define EXT_CAP_START	0x100
#define EXT_CAP_ID_ACS	0x0d
#define ACS_CONTROL	6

/*
 * Find the ACS control register of a port in its sysfs config file, which is left open.
 * The capability list is followed as far as config space goes.
 */
static int acs_open(const char *pci, int flags, int *fd, unsigned int *offset)
{
	unsigned int at = EXT_CAP_START;
	int error = ENOENT;
	__u32 header;
	char path[512];

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/config", pci);
	*fd = open(path, flags | O_CLOEXEC);
	if (*fd < 0)
		return errno;
	while (at >= EXT_CAP_START &&
	       pread(*fd, &header, sizeof(header), at) == sizeof(header)) {
		if ((header & 0xffff) == EXT_CAP_ID_ACS) {
			*offset = at + ACS_CONTROL;
			return 0;
		}
		at = header >> 20;
	}
	close(*fd);
	return error;
}

int pci_read_acs(const char *pci, unsigned int *control)
{
	unsigned int at;
	__u16 value;
	int fd, error = acs_open(pci, O_RDONLY, &fd, &at);

	if (error)
		return error;
	if (pread(fd, &value, sizeof(value), at) != sizeof(value))
		error = EIO;
	else
		*control = value;
	close(fd);
	return error;
}

/* As setpci does it. */
int pci_write_acs(const char *pci, unsigned int control)
{
	__u16 value = control;
	unsigned int at;
	int fd, error = acs_open(pci, O_RDWR, &fd, &at);

	if (error)
		return error;
	if (pwrite(fd, &value, sizeof(value), at) < 0)
		error = errno;
	close(fd);
	return error;
}
