// SPDX-License-Identifier: GPL-2.0
/*
 * A storm: several processes move data between drives and peer memory and compare every
 * byte, while others change all that routes rest on and read every file.  Then all is
 * put back, and what is left behind is counted.
 *
 * Each process draws from a sequence of its own, which follows from the seed and its
 * number; what comes of it also depends on who runs when.
 *
 * Only this process reports; the others count in memory that it shares with them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "storm.h"

#define MOVERS		4
#define MAX_TALLIES	(MOVERS + 16)
#define MORE_SECONDS	120	/* that a storm may last until each change has been made */
#define TRIES		5	/* after which nobody waits for a change any more */
#define END_SECONDS	300	/* in which a process has to see that the storm is over */
#define MAX_REFUSALS	256
#define MAX_LEAKS	40	/* lines */
#define KMEMLEAK	"/sys/kernel/debug/kmemleak"
#define DMA_DEBUG	"/sys/kernel/debug/dma-api/"

static __u64 random_state;

__u64 storm_mix(__u64 x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

__u64 storm_random(void)
{
	random_state += 0x9e3779b97f4a7c15ULL;
	return storm_mix(random_state);
}

unsigned int storm_below(unsigned int n)
{
	return storm_random() % n;
}

/* One more turn, or the error that it ended with. */
void storm_count(struct tally *tally, int error)
{
	if (error > 0)
		tally->errors[error < STORM_ERRNOS ? error : STORM_ERRNOS - 1]++;
	else
		tally->rounds++;
}

/*
 * Reasons of refusals, as the counters of the clients tell them.  A device that is removed
 * takes its counters along, so they are read all the time, and what grows is added up.
 */
static struct refusal {
	char pair[2 * NAME_LEN];	/* client and provider */
	char reason[NAME_LEN];
	unsigned long last, total;
} refusals[MAX_REFUSALS];

static void refusal_seen(const char *pair, const char *reason, unsigned long now)
{
	struct refusal *r = refusals;

	while (r < refusals + MAX_REFUSALS && r->reason[0] &&
	       (strcmp(r->pair, pair) || strcmp(r->reason, reason)))
		r++;
	if (r == refusals + MAX_REFUSALS)
		return;
	snprintf(r->pair, sizeof(r->pair), "%s", pair);
	snprintf(r->reason, sizeof(r->reason), "%s", reason);
	r->total += now >= r->last ? now - r->last : now;
	r->last = now;
}

static void refusals_in(const char *client, char *line)
{
	char pair[2 * NAME_LEN], reasons[1024], provider[NAME_LEN];
	char *word, *rest, *number;

	if (sscanf(line, "%31s %*u %*u %*u %*u %*u %*u %1023s", provider, reasons) != 2)
		return;
	snprintf(pair, sizeof(pair), "%.31s %.31s", client, provider);
	for (word = strtok_r(reasons, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
		number = strchr(word, '=');
		if (!number)
			continue;
		*number++ = '\0';
		refusal_seen(pair, word, strtoul(number, NULL, 10));
	}
}

static void refusals_look(const struct storm *storm)
{
	char path[128], *text, *line, *rest;
	unsigned int i;

	for (i = 0; i < storm->n_clients; i++) {
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/p2pdma_counters",
			 storm->clients[i].pci);
		if (file_read(path, &text))
			continue;
		for (line = strtok_r(text, "\n", &rest); line;
		     line = strtok_r(NULL, "\n", &rest))
			refusals_in(storm->clients[i].pci, line);
		free(text);
	}
}

static void report_refusals(unsigned int step)
{
	struct refusal *r, *other;

	for (r = refusals; r < refusals + MAX_REFUSALS && r->reason[0]; r++) {
		for (other = r + 1; other < refusals + MAX_REFUSALS && other->reason[0]; other++) {
			if (strcmp(r->reason, other->reason))
				continue;
			r->total += other->total;
			other->total = 0;
		}
		if (!r->total)
			continue;
		report_begin("refused", step);
		report_text("reason", r->reason);
		report_number("count", r->total);
		report_end();
	}
}

/* What has to be the same before and after. */
struct state {
	long dma_entries;
	long pool[STORM_DRIVES];	/* bytes that are free */
};

static long file_number(const char *path)
{
	char number[NAME_LEN];

	return file_read_word(path, number, sizeof(number)) ? -1 : atol(number);
}

static long dma_entries(void)
{
	long total = file_number(DMA_DEBUG "nr_total_entries");
	long unused = file_number(DMA_DEBUG "num_free_entries");

	return total < 0 || unused < 0 ? -1 : total - unused;
}

/* As the storm has left them, or as they are after a probe. */
static void pools_read(const struct storm *storm, struct state *state)
{
	char path[128];
	unsigned int i;

	for (i = 0; i < storm->n_providers; i++) {
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/p2pmem/available",
			 storm->providers[i].pci);
		state->pool[i] = file_number(path);
	}
}

static void report_left(unsigned int step, const char *what, long before, long after)
{
	report_begin("left", step);
	report_text("what", what);
	report_number("before", before);
	report_number("after", after);
	report_end();
}

static void report_states(unsigned int step, const struct storm *storm, const struct state *before,
			  const struct state *after)
{
	unsigned int i;
	char what[128];

	report_left(step, "DMA mappings (entries of DMA-API debug)", before->dma_entries,
		    after->dma_entries);
	for (i = 0; i < storm->n_providers; i++) {
		snprintf(what, sizeof(what), "bytes free in the pool of %s",
			 storm->providers[i].serial);
		report_left(step, what, before->pool[i], after->pool[i]);
	}
}

static long cache_entries(void)
{
	char *text, *at;
	long n = 0;

	if (file_read("/sys/kernel/debug/p2pdma/cache", &text))
		return -1;
	for (at = text; (at = strstr(at, "\nentry ")); at++)
		n++;
	free(text);
	return n;
}

/* An object counts when it is some seconds old, and an orphan when two scans say so. */
static long leaks(unsigned int step)
{
	char *text, *line, *rest;
	unsigned int lines = 0;
	long n = 0;

	sleep(6);
	if (file_write(KMEMLEAK, "scan", 4) || file_write(KMEMLEAK, "scan", 4) ||
	    file_read(KMEMLEAK, &text))
		return -1;
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		n += !strncmp(line, "unreferenced", 12);
		if (lines++ < MAX_LEAKS)
			report_trouble(step, "kmemleak: %s", line);
	}
	free(text);
	return n;
}

static void report_progress(unsigned int step, const struct tally *tallies, long seconds)
{
	unsigned long ios = 0, different = 0;
	unsigned int i;

	for (i = 0; i < MOVERS; i++) {
		ios += tallies[i].writes.seen + tallies[i].reads.seen;
		different += tallies[i].different;
	}
	report_begin("progress", step);
	report_number("seconds", seconds);
	report_number("ios", ios);
	report_number("different", different);
	report_end();
}

static void report_tally(unsigned int step, const char *name, const struct tally *tally)
{
	unsigned int i;

	report_begin("tally", step);
	report_text("name", name);
	report_number("rounds", tally->rounds);
	report_number("writes", tally->writes.seen);
	report_number("reads", tally->reads.seen);
	report_number("damaged_writes", tally->writes.damaged);
	report_number("damaged_reads", tally->reads.damaged);
	report_number("noticed_writes", tally->writes.noticed);
	report_number("noticed_reads", tally->reads.noticed);
	report_number("compared", tally->compared);
	report_number("different", tally->different);
	report_number("unseen", tally->unseen);
	report_end();
	for (i = 0; i < STORM_ERRNOS; i++) {
		if (!tally->errors[i])
			continue;
		report_begin("failed", step);
		report_text("name", name);
		report_number("count", tally->errors[i]);
		report_errno(i);
		report_end();
	}
}

static const char *name_of(unsigned int number)
{
	return number < MOVERS ? "mover" : storm_changes[number - MOVERS].name;
}

/* On a slow machine a change may still be on its way when the time is up. */
static bool is_awaited(const struct tally *tally)
{
	unsigned long failed = 0;
	unsigned int i;

	for (i = 0; i < STORM_ERRNOS; i++)
		failed += tally->errors[i];
	return !tally->rounds && failed < TRIES;
}

static bool goes_on(const struct tally *tallies, long seconds, long wanted)
{
	unsigned int i;

	if (seconds < wanted || seconds >= wanted + MORE_SECONDS)
		return seconds < wanted;
	for (i = MOVERS; i < MOVERS + storm_n_changes; i++)
		if (is_awaited(&tallies[i]))
			return true;
	return false;
}

static pid_t start(const struct storm *storm, struct tally *tallies, unsigned int number)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	random_state = storm_mix(storm->seed * MAX_TALLIES + number + 1);
	if (number < MOVERS) {
		storm_move(storm, &tallies[number], number);
		_exit(!storm->over);
	}
	while (!storm->over)
		storm_changes[number - MOVERS].once(storm, &tallies[number]);
	_exit(0);
}

static long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

/* Where a process is that does not end. */
static void report_hang(unsigned int step, const char *name, pid_t pid)
{
	char path[64], *text = NULL;

	snprintf(path, sizeof(path), "/proc/%d/stack", pid);
	if (file_read(path, &text))
		text = NULL;
	report_trouble(step, "'%s' has not ended %d s after the storm: %s", name, END_SECONDS,
		       text ? text : "");
	free(text);
	kill(pid, SIGKILL);
}

static void end_all(unsigned int step, const pid_t *pids, unsigned int n)
{
	long began = now();
	unsigned int i;
	int status;
	pid_t ended;

	for (i = 0; i < n; i++) {
		while ((ended = waitpid(pids[i], &status, WNOHANG)) == 0 &&
		       now() - began < END_SECONDS)
			usleep(100000);
		if (!ended)
			report_hang(step, name_of(i), pids[i]);
		else if (ended < 0 || status)
			report_trouble(step, "'%s' has died: status %#x", name_of(i), status);
	}
}

static bool parse_drives(char *serials, struct drive *drives, unsigned int *n)
{
	const struct drive *drive;
	char *serial, *rest;

	for (serial = strtok_r(serials, ",", &rest); serial; serial = strtok_r(NULL, ",", &rest)) {
		drive = drive_find(serial);
		if (!drive || *n == STORM_DRIVES)
			return false;
		drives[(*n)++] = *drive;
	}
	return *n;
}

static void wait_for_all(unsigned int step, const struct storm *storm)
{
	char serials[STORM_DRIVES * 2 * NAME_LEN] = "";
	unsigned int i;

	for (i = 0; i < storm->n_clients; i++)
		strcat(strcat(serials, storm->clients[i].serial), " ");
	for (i = 0; i < storm->n_providers; i++)
		strcat(strcat(serials, storm->providers[i].serial), " ");
	drives_wait(step, serials);
	sleep(2);
}

/* All drives just probed, so that it is the same each time. */
static void settle(unsigned int step, const struct storm *storm, struct state *state)
{
	storm_rebind(storm);
	wait_for_all(step, storm);
	state->dma_entries = dma_entries();
}

/*
 * "SECONDS SEED PROVIDERS CLIENTS DRIVE": names with commas between; DRIVE has virtual
 * functions.
 */
void storm_run(unsigned int step, char *args)
{
	unsigned int n = MOVERS + storm_n_changes, i;
	struct state before, after;
	struct tally *tallies;
	const struct drive *functions;
	pid_t pids[MAX_TALLIES];
	struct storm *storm;
	long began, reported = 0, seconds;
	char *word[5] = {}, *rest;

	storm = mmap(NULL, sizeof(*storm), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	tallies = mmap(NULL, MAX_TALLIES * sizeof(*tallies), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < 5; i++)
		word[i] = strtok_r(i ? NULL : args, " ", &rest);
	if (storm == MAP_FAILED || tallies == MAP_FAILED || n > MAX_TALLIES || !word[4] ||
	    !parse_drives(word[2], storm->providers, &storm->n_providers) ||
	    !parse_drives(word[3], storm->clients, &storm->n_clients)) {
		report_trouble(step, "storm: SECONDS SEED PROVIDERS CLIENTS DRIVE");
		return;
	}
	seconds = atol(word[0]);
	storm->seed = strtoul(word[1], NULL, 10);
	functions = drive_find(word[4]);
	if (functions)
		storm->functions = *functions;
	storm_prepare();
	settle(step, storm, &before);
	pools_read(storm, &before);

	for (i = 0; i < n; i++)
		pids[i] = start(storm, tallies, i);
	for (began = now(); goes_on(tallies, now() - began, seconds); usleep(250000)) {
		refusals_look(storm);
		if (now() - began < reported + 5)
			continue;
		reported = now() - began;
		report_progress(step, tallies, reported);
	}
	storm->over = true;
	end_all(step, pids, n);
	refusals_look(storm);
	for (i = 0; i < n; i++)
		report_tally(step, name_of(i), &tallies[i]);
	report_refusals(step);
	report_begin("routes", step);
	report_number("count", cache_entries());
	report_end();

	storm_calm(storm);
	wait_for_all(step, storm);
	pools_read(storm, &after);
	settle(step, storm, &after);
	report_states(step, storm, &before, &after);
	storm_leave(storm);
	report_left(step, "routes in the cache without a provider", 0, cache_entries());
	report_left(step, "leaks that kmemleak finds", 0, leaks(step));
}
