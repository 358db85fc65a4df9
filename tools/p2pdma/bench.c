// SPDX-License-Identifier: GPL-2.0
/*
 * p2pdma bench: how fast a drive moves data to and from peer memory, beside the same
 * copy staged through RAM, of which the CPU does the half between RAM and peer memory.
 * One I/O at a time. Data are compared first, and a pair that moves wrong data is not
 * timed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "out.h"
#include "pairs.h"

#define SMALL		4096	/* bytes of an I/O whose latency is taken */
#define MAX_SAMPLES	1000000

struct figures {
	bool measured;
	double bytes_per_second;
	double median;		/* microseconds */
	double worst;		/* 99th percentile */
};

struct run {
	const struct pair *pair;
	struct figures peer;
	struct figures staged;
	char *note;
};

struct copy {
	const struct target *target;
	struct peer peer;
	void *ram;
	enum direction dir;
	bool staged;
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* One copy between drive and peer memory. */
static bool copy_once(const struct copy *copy, uint64_t offset, size_t len)
{
	void *peer = copy->peer.memory;
	void *buffer = copy->staged ? copy->ram : peer;
	off_t at = copy->target->start + offset;
	ssize_t n;

	if (copy->dir == DIR_WRITE) {
		n = pread(copy->target->fd, buffer, len, at);
		if (copy->staged && n == (ssize_t)len)
			memcpy(peer, copy->ram, len);
	} else {
		if (copy->staged)
			memcpy(copy->ram, peer, len);
		n = pwrite(copy->target->fd, buffer, len, at);
	}
	return n == (ssize_t)len;
}

static int compare_doubles(const void *one, const void *other)
{
	double a = *(const double *)one, b = *(const double *)other;

	return (a > b) - (a < b);
}

/* False, with errno, if an I/O failed. */
static bool measure(const struct copy *copy, uint64_t size, double seconds,
		    struct figures *figures)
{
	size_t big = copy->peer.size < CHUNK ? copy->peer.size : CHUNK, n = 0;
	double *samples = xcalloc(MAX_SAMPLES, sizeof(*samples)), begin, t;
	uint64_t offset = 0, bytes = 0, step = 0;
	bool good = true;

	if (big > size)
		big = size;
	begin = now();
	do {
		good = copy_once(copy, offset, big);
		bytes += big;
		offset += big;
		if (offset + big > size)
			offset = 0;
		t = now();
	} while (good && !move_stopped() && t - begin < seconds);
	figures->bytes_per_second = bytes / (t - begin);

	begin = now();
	while (good && !move_stopped() && n < MAX_SAMPLES && now() - begin < seconds) {
		/* offsets far from each other, in the same order in each run */
		step = step * 6364136223846793005ULL + 1442695040888963407ULL;
		offset = (step >> 33) % (size / SMALL) * SMALL;
		t = now();
		good = copy_once(copy, offset, SMALL);
		samples[n++] = (now() - t) * 1e6;
	}
	if (good && n) {
		qsort(samples, n, sizeof(*samples), compare_doubles);
		figures->median = samples[n / 2];
		figures->worst = samples[n - 1 - n / 100];
		figures->measured = true;
	}
	free(samples);
	return good;
}

static void run_pair(const struct pairs *pairs, struct run *run)
{
	const struct pair *pair = run->pair;
	struct copy copy = { .target = pair->target, .dir = pair->dir };
	struct outcome outcome;
	uint64_t size;

	if (!pair->target) {
		run->note = xstrdup(pair->why);
		return;
	}
	size = pairs->size < pair->target->size ? pairs->size :
						  pair->target->size;
	move_data(pair->target, pair->provider->dev, pair->dir,
		  size < CHUNK ? size : CHUNK, &outcome);
	if (outcome.measured != MEASURED_EQUAL) {
		run->note = xasprintf("not timed: %s%s%s",
				      measured_text(outcome.measured),
				      outcome.note ? "; " : "",
				      outcome.note ? outcome.note : "");
		free(outcome.note);
		return;
	}
	free(outcome.note);
	if (!peer_map(pair->provider->dev, size < CHUNK ? size : CHUNK,
		      &copy.peer, &run->note))
		return;
	if (posix_memalign(&copy.ram, 4096, CHUNK))
		die("out of memory");
	if (!measure(&copy, size, pairs->seconds, &run->peer))
		run->note = xasprintf("I/O with peer memory: %s", strerror(errno));
	copy.staged = true;
	if (!measure(&copy, size, pairs->seconds, &run->staged) && !run->note)
		run->note = xasprintf("I/O with RAM: %s", strerror(errno));
	free(copy.ram);
	peer_unmap(&copy.peer);
}

static void add_figures(struct table *table, const struct figures *figures)
{
	if (!figures->measured) {
		table_add(table, "-", STYLE_FAINT);
		table_add(table, "-", STYLE_FAINT);
		return;
	}
	table_addf(table, STYLE_PLAIN, "%.1f",
		   figures->bytes_per_second / (1 << 20));
	table_addf(table, STYLE_PLAIN, "%.0f/%.0f", figures->median,
		   figures->worst);
}

static void print_runs(const struct pairs *pairs, const struct run *runs,
		       unsigned int width)
{
	static const char * const heads[] = {
		"client", "provider", "dir", "kernel", "peer MiB/s", "us",
		"RAM MiB/s", "us",
	};
	char **remarks = xcalloc(pairs->n, sizeof(*remarks));
	struct table table;
	size_t i;

	table_init(&table, ARRAY_SIZE(heads));
	for (i = 0; i < ARRAY_SIZE(heads); i++)
		table_add(&table, heads[i], STYLE_HEAD);
	for (i = 0; i < pairs->n; i++) {
		const struct pair *pair = runs[i].pair;

		table_add(&table, dev_short(pairs->m, pair->client), STYLE_PLAIN);
		table_add(&table, dev_short(pairs->m, pair->provider->dev),
			  STYLE_PLAIN);
		table_add(&table, direction_name(pair->dir), STYLE_PLAIN);
		table_add(&table, pair->route ?
			  verdict_short(pair->route->verdict[pair->dir]) : "-",
			  STYLE_PLAIN);
		add_figures(&table, &runs[i].peer);
		add_figures(&table, &runs[i].staged);
	}
	table_print(&table, 0, 0, 0);
	for (i = 0; i < pairs->n; i++)
		remarks[i] = runs[i].note;
	pairs_print_remarks(pairs, remarks, width);
	free(remarks);
	putchar('\n');
	out_paragraph("One I/O at a time: 1 MiB for MiB/s, 4 KiB for the latency (median/99th percentile). RAM: the drive moves data to or from RAM, and the CPU copies between RAM and the peer memory. Figures do not show whether all data are right; p2pdma verify does.",
		      0, 0, width);
}

static void json_figures(struct json_object *object, const char *name,
			 const struct figures *figures)
{
	struct json_object *member;

	if (!figures->measured) {
		json_text(object, name, NULL);
		return;
	}
	member = json_object_in(object, name);
	json_real(member, "bytes_per_second", figures->bytes_per_second, 3);
	json_real(member, "latency_median", figures->median, 3);
	json_real(member, "latency_99", figures->worst, 3);
}

static void bench_json(const struct pairs *pairs, const struct run *runs)
{
	struct json_object *out = json_begin("bench", pairs->m), *array, *item;
	size_t i;

	json_number(out, "size", pairs->size);
	json_real(out, "seconds", pairs->seconds, 3);
	array = json_array_in(out, "results");
	for (i = 0; i < pairs->n; i++) {
		item = json_item(array);
		json_pair(item, runs[i].pair);
		json_figures(item, "peer", &runs[i].peer);
		json_figures(item, "staged", &runs[i].staged);
		json_text(item, "note", runs[i].note);
	}
	json_end(out);
}

static int run(int argc, char **argv, struct options *options)
{
	int status = STATUS_OK;
	struct pairs pairs;
	struct run *runs;
	size_t i;

	pairs_find(argc, argv, &bench_command, options, &pairs);
	runs = xcalloc(pairs.n, sizeof(*runs));
	for (i = 0; i < pairs.n; i++) {
		progress("%zu of %zu: %s -> %s, %s, %.0f s", i + 1, pairs.n,
			 pairs.list[i].client->bdf,
			 pairs.list[i].provider->dev->bdf,
			 direction_name(pairs.list[i].dir), 4 * pairs.seconds);
		runs[i].pair = &pairs.list[i];
		run_pair(&pairs, &runs[i]);
		if (!runs[i].peer.measured)
			status = STATUS_FAILED;
	}
	progress(NULL);
	if (!targets_put_back(&pairs.targets))
		status = STATUS_FAILED;
	if (options->json)
		bench_json(&pairs, runs);
	else
		print_runs(&pairs, runs, options->width);
	for (i = 0; i < pairs.n; i++)
		free(runs[i].note);
	free(runs);
	pairs_close(&pairs);
	return status;
}

const struct command bench_command = {
	.name = "bench",
	.summary = "throughput and latency, beside the same copy staged through RAM",
	.help =
		"usage: p2pdma bench [CLIENT PROVIDER] [OPTION...]\n\n"
		"  --file FILE, --destructive DEV, --direction D, --size N    as for verify\n"
		"  --seconds N   for each figure (default 1)\n\n"
		"Exit status: 0 if all was timed, else 2. Reads of the peer memory need --file or\n"
		"--destructive; --direction write leaves them out.\n",
	.run = run,
};
