// SPDX-License-Identifier: GPL-2.0
/*
 * Sets up the file systems, carries out /orders, powers off. An order is a line:
 *
 *   drives SERIAL...           wait for these drives, report where they are
 *   policy TEXT                write TEXT (may be empty) to the policy, read it
 *                              back; {SERIAL} stands for a drive's PCI address
 *   routes                     report every drive's p2pdma_routes
 *   counters                   report every drive's p2pdma_counters
 *   move CLIENT PROVIDER N     move N bytes each way and compare them
 *   spoil CLIENT PROVIDER N    the same, and damage the data before comparing
 *   bio CLIENT PROVIDER N      the same as move, with bios built in the kernel
 *   unbind CLIENT PROVIDER N   N times, unbind the driver of PROVIDER while CLIENT
 *                              reads its memory, compare what was moved, and bind
 *                              it again
 *   unplug CLIENT PROVIDER N   the same, but PROVIDER is unplugged, and plugged in again,
 *                              by whoever reads the reports: see unbind.c
 *   sleep CLIENT PROVIDER N    the same, but all devices are suspended and resumed
 *   dmabuf EXPORTER IMPORTER N N times, take memory of EXPORTER back while IMPORTER
 *                              writes it; PCI addresses
 *   storm SECONDS SEED PROVIDERS CLIENTS DRIVE
 *                              see storm.c
 *   kexec                      start /kexec/kernel with /kexec/initramfs
 *   same ONE OTHER N           compare the first N bytes of two drives
 *   sum DRIVE                  report a checksum of a whole drive
 *   mount DRIVE FOLDER         mount the ext2 file system of a drive
 *   umount FOLDER              unmount it
 *   list FOLDER                report the names there, and the room that is left
 *   disk NAME BLOCK            from then on NAME is a drive: the one /dev/BLOCK
 *   stack NAME KIND MEMBER...  make a stacked device of drives: linear, striped,
 *                              crypt, raid0 or raid1; NAME is a drive then
 *   unstack NAME               take it apart again
 *   acs PORT CONTROL           write a port's ACS control register
 *   log TEXT                   report the lines of the kernel's log with TEXT
 *   mode PATH                  report a file's permission bits
 *   read PATH                  report the lines of a file
 *   write PATH TEXT            write TEXT to a file
 *   ask PATH TEXT              the same, and report the lines that are then read
 *                              on the same descriptor; {SERIAL} as above
 *   module PATH                load a kernel module
 *   say TEXT                   put TEXT into the kernel's log, as an error
 *   taint                      report the kernel's taint flags
 *   run PROGRAM ARG...         run it, report its output and status
 *   each PATH PROGRAM ARG...   run it for each line of a file that has four words, with
 *                              the first two as further arguments
 *   nobody PROGRAM ARG...      the same without privileges
 *   start PROGRAM ARG...       run it in the background
 *   finish                     end that, and report as for run
 *
 * In PATH, ARG and what is written {SERIAL} stands for a drive's PCI address, and
 * {SERIAL.block} for the name of its block device.
 *
 * The step in a report is the number of the line, from 1. Reports are "drive",
 * "policy", "route", "counters", "move", "kexec", "loaded", "unbind", "dmabuf", "same",
 * "sum", "acs", "log", "mode" and "taint" as ordered; "progress", "tally", "failed",
 * "refused", "routes" and "left" of a storm; "entry" for each name in a folder, and "room"
 * for what is left there; "line" for each line of a file, and "file" for what became of
 * it; "out" for parts of what a program printed, and "ran" for how it ended; "start" and
 * "done" at both ends; "kmsg" for each warning in the kernel's log; "trouble" where an
 * order could not be carried out.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "guest.h"

#define POLICY	"/sys/kernel/p2pdma/policy"

static void chomp(char *text)
{
	text[strcspn(text, "\n")] = '\0';
}

static void order_policy(unsigned int step, const char *wanted)
{
	char *text = drives_expand(wanted), *line, *now = NULL;
	int error, read_error;

	/* a newline at its end, as echo writes it; also makes "" a write */
	line = text ? malloc(strlen(text) + 2) : NULL;
	if (!line) {
		report_trouble(step, "out of memory");
		free(text);
		return;
	}
	sprintf(line, "%s\n", text);
	error = file_write(POLICY, line, strlen(line));
	read_error = file_read(POLICY, &now);
	if (now)
		chomp(now);
	report_begin("policy", step);
	report_text("wrote", text);
	report_errno(error);
	report_text("policy", read_error ? "" : now);
	report_number("read_errno", read_error);
	report_end();
	free(now);
	free(line);
	free(text);
}

static void order_move(unsigned int step, char *args, enum move_how how)
{
	const struct drive *client, *provider;
	char *rest, *c, *p, *n;

	c = strtok_r(args, " ", &rest);
	p = strtok_r(NULL, " ", &rest);
	n = strtok_r(NULL, " ", &rest);
	client = c ? drive_find(c) : NULL;
	provider = p ? drive_find(p) : NULL;
	if (!client || !provider || !n) {
		report_trouble(step, "move: CLIENT and PROVIDER must be drives, N a number");
		return;
	}
	move(step, client, provider, strtoul(n, NULL, 0), how);
}

static void order_dmabuf(unsigned int step, char *args)
{
	char *rest, *exporter, *importer, *n;

	exporter = strtok_r(args, " ", &rest);
	importer = strtok_r(NULL, " ", &rest);
	n = strtok_r(NULL, " ", &rest);
	if (n)
		dmabuf_revoke(step, exporter, importer, strtoul(n, NULL, 0));
	else
		report_trouble(step, "dmabuf: EXPORTER, IMPORTER and N are needed");
}

static void order_same(unsigned int step, char *args)
{
	const struct drive *one, *other;
	char *rest, *a, *b, *n;

	a = strtok_r(args, " ", &rest);
	b = strtok_r(NULL, " ", &rest);
	n = strtok_r(NULL, " ", &rest);
	one = a ? drive_find(a) : NULL;
	other = b ? drive_find(b) : NULL;
	if (!one || !other || !n) {
		report_trouble(step, "same: ONE and OTHER must be drives, N a number");
		return;
	}
	compare_drives(step, one, other, strtoul(n, NULL, 0));
}

static void order_sum(unsigned int step, const char *name)
{
	const struct drive *drive = drive_find(name);

	if (drive)
		sum_drive(step, drive);
	else
		report_trouble(step, "sum: there is no drive %s", name);
}

static void order_disk(unsigned int step, char *args)
{
	char *rest, *name, *block;

	name = strtok_r(args, " ", &rest);
	block = strtok_r(NULL, " ", &rest);
	if (!name || !block || !drive_add(name, block))
		report_trouble(step, "disk: there is no /dev/%s",
			       block ? block : "");
}

static void order_acs(unsigned int step, char *args)
{
	char *rest, *pci, *control;

	pci = strtok_r(args, " ", &rest);
	control = strtok_r(NULL, " ", &rest);
	if (!pci || !control) {
		report_trouble(step, "acs: bad arguments");
		return;
	}
	report_begin("acs", step);
	report_text("pci", pci);
	report_errno(pci_write_acs(pci, strtoul(control, NULL, 0)));
	report_end();
}

static void order_mode(unsigned int step, const char *text)
{
	char *path = drives_expand(text);
	struct stat st = {};
	int error;

	error = path && !stat(path, &st) ? 0 : errno;
	report_begin("mode", step);
	report_text("path", path ? path : "");
	report_number("mode", st.st_mode & 07777);
	report_errno(error);
	report_end();
	free(path);
}

static void report_lines(unsigned int step, char *text)
{
	char *line, *rest;

	for (line = strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		report_begin("line", step);
		report_text("text", line);
		report_end();
	}
}

static void report_file(unsigned int step, const char *path, int error)
{
	report_begin("file", step);
	report_text("path", path);
	report_errno(error);
	report_end();
}

static void order_read(unsigned int step, const char *args)
{
	char *path = drives_expand(args), *text;
	int error = path ? file_read(path, &text) : ENOMEM;

	report_file(step, args, error);
	if (!error) {
		report_lines(step, text);
		free(text);
	}
	free(path);
}

/* Write to a file; with @ask, read on the same descriptor whatever came of it. */
static void order_write(unsigned int step, const char *args, bool ask)
{
	char *path = drives_expand(args), *text, answer[16384];
	size_t len = 0;
	ssize_t n = 1;
	int fd, error = 0;

	text = path ? strchr(path, ' ') : NULL;
	if (!text) {
		report_trouble(step, "PATH and TEXT are needed");
		free(path);
		return;
	}
	*text++ = '\0';
	fd = open(path, (ask ? O_RDWR : O_WRONLY) | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		error = errno;
	report_file(step, path, error);
	while (fd >= 0 && ask && n > 0 && len < sizeof(answer) - 1) {
		/* in small pieces, to see that they fit together */
		n = read(fd, answer + len, len + 100 < sizeof(answer) ? 100 :
			 sizeof(answer) - 1 - len);
		if (n > 0)
			len += n;
	}
	if (n < 0)
		report_trouble(step, "%s: %s", path, strerror(errno));
	answer[len] = '\0';
	report_lines(step, answer);
	if (fd >= 0)
		close(fd);
	free(path);
}

static void order_module(unsigned int step, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
		report_trouble(step, "%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
}

static void order_each(unsigned int step, char *args)
{
	char *program = args + strcspn(args, " "), *text = NULL, *line, *rest;
	char one[NAME_LEN], other[NAME_LEN], run[512];
	int error;

	if (*program)
		*program++ = '\0';
	error = file_read(args, &text);
	if (error)
		report_trouble(step, "%s: %s", args, strerror(error));
	for (line = error ? NULL : strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		if (sscanf(line, "%63s %63s %*s %*s", one, other) != 2)
			continue;
		snprintf(run, sizeof(run), "%s %s %s", program, one, other);
		run_program(step, run, false);
	}
	free(text);
}

/* What is in /kexec takes over, with the command line of now, and orders of its own. */
static void order_kexec(unsigned int step)
{
	int kernel = open("/kexec/kernel", O_RDONLY | O_CLOEXEC);
	int initramfs = open("/kexec/initramfs", O_RDONLY | O_CLOEXEC);
	char *text = NULL;
	int error = file_read("/proc/cmdline", &text);

	if (!error) {
		chomp(text);
		if (syscall(SYS_kexec_file_load, kernel, initramfs, strlen(text) + 1, text, 0))
			error = errno;
	}
	if (error) {
		report_trouble(step, "kexec: %s", strerror(error));
		free(text);
		return;
	}
	report_begin("kexec", step);
	report_end();
	sync();
	reboot(RB_KEXEC);
	report_trouble(step, "kexec: %s", strerror(errno));
}

static void order_say(unsigned int step, const char *text)
{
	char record[512];
	int len = snprintf(record, sizeof(record), "<3>%s\n", text);

	if (file_write("/dev/kmsg", record, len))
		report_trouble(step, "/dev/kmsg cannot be written");
}

static void order_taint(unsigned int step)
{
	char word[NAME_LEN] = "";
	int error;

	error = file_read_word("/proc/sys/kernel/tainted", word, sizeof(word));
	report_begin("taint", step);
	report_number("taint", strtoll(word, NULL, 10));
	report_errno(error);
	report_end();
}

static void carry_out(unsigned int step, char *line)
{
	char *args = line + strcspn(line, " ");

	if (*args)
		*args++ = '\0';
	if (!strcmp(line, "drives"))
		drives_wait(step, args);
	else if (!strcmp(line, "policy"))
		order_policy(step, args);
	else if (!strcmp(line, "routes"))
		drives_routes(step);
	else if (!strcmp(line, "counters"))
		drives_counters(step);
	else if (!strcmp(line, "read"))
		order_read(step, args);
	else if (!strcmp(line, "write"))
		order_write(step, args, false);
	else if (!strcmp(line, "ask"))
		order_write(step, args, true);
	else if (!strcmp(line, "move"))
		order_move(step, args, MOVE_USER);
	else if (!strcmp(line, "spoil"))
		order_move(step, args, MOVE_SPOIL);
	else if (!strcmp(line, "bio"))
		order_move(step, args, MOVE_KERNEL);
	else if (!strcmp(line, "unbind"))
		under_load(step, args, LOAD_UNBIND);
	else if (!strcmp(line, "unplug"))
		under_load(step, args, LOAD_UNPLUG);
	else if (!strcmp(line, "sleep"))
		under_load(step, args, LOAD_SLEEP);
	else if (!strcmp(line, "dmabuf"))
		order_dmabuf(step, args);
	else if (!strcmp(line, "storm"))
		storm_run(step, args);
	else if (!strcmp(line, "kexec"))
		order_kexec(step);
	else if (!strcmp(line, "same"))
		order_same(step, args);
	else if (!strcmp(line, "sum"))
		order_sum(step, args);
	else if (!strcmp(line, "mount"))
		filesystem_mount(step, args);
	else if (!strcmp(line, "umount"))
		filesystem_unmount(step, args);
	else if (!strcmp(line, "list"))
		filesystem_list(step, args);
	else if (!strcmp(line, "disk"))
		order_disk(step, args);
	else if (!strcmp(line, "stack"))
		stack_make(step, args);
	else if (!strcmp(line, "unstack"))
		stack_remove(step, args);
	else if (!strcmp(line, "acs"))
		order_acs(step, args);
	else if (!strcmp(line, "log"))
		kmsg_search(step, args);
	else if (!strcmp(line, "mode"))
		order_mode(step, args);
	else if (!strcmp(line, "each"))
		order_each(step, args);
	else if (!strcmp(line, "module"))
		order_module(step, args);
	else if (!strcmp(line, "say"))
		order_say(step, args);
	else if (!strcmp(line, "taint"))
		order_taint(step);
	else if (!strcmp(line, "run"))
		run_program(step, args, false);
	else if (!strcmp(line, "nobody"))
		run_program(step, args, true);
	else if (!strcmp(line, "start"))
		run_background(step, args);
	else if (!strcmp(line, "finish"))
		run_finish(step);
	else
		report_trouble(step, "unknown order %s", line);
}

static void report_start(void)
{
	struct utsname uts;
	char *text = NULL;

	uname(&uts);
	report_begin("start", 0);
	report_text("release", uts.release);
	report_text("version", uts.version);
	if (!file_read("/proc/cmdline", &text)) {
		chomp(text);
		report_text("cmdline", text);
		free(text);
	}
	/* the policy of the command line, before any order */
	if (!file_read(POLICY, &text)) {
		chomp(text);
		report_text("policy", text);
		free(text);
	}
	report_end();
}

static void run_orders(void)
{
	unsigned int step = 0;
	char *line = NULL;
	size_t size = 0;
	FILE *orders;

	report_start();
	kmsg_report_new(step);
	orders = fopen("/orders", "re");
	if (!orders) {
		report_trouble(step, "/orders: %s", strerror(errno));
		return;
	}
	while (getline(&line, &size, orders) >= 0) {
		chomp(line);
		carry_out(++step, line);
		kmsg_report_new(step);
	}
	free(line);
	fclose(orders);
	report_begin("done", step);
	report_end();
}

int main(void)
{
	unsigned int tries;

	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	mkdir("/dev", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	/* for the programs that are run; not every kernel has them */
	mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL);

	for (tries = 0; tries < 200 && !report_open(); tries++)
		usleep(50000);
	if (tries < 200)
		run_orders();
	sync();
	reboot(RB_POWER_OFF);
	return 1;	/* not reached; PID 1 must not return */
}
