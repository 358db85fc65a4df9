// SPDX-License-Identifier: GPL-2.0
/*
 * p2pdma watch: the kernel's events as they happen, read from a trace instance that is
 * removed at the end. See Documentation/ABI/testing/tracefs-p2pdma.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <tracefs.h>
#include <unistd.h>

#include "commands.h"
#include "json.h"
#include "near.h"
#include "out.h"

#define SYSTEM	"p2pdma"

static const char * const events[] = {
	"route", "map_sg", "refused", "invalidate", "provider_add",
	"provider_remove",
};

static struct {
	unsigned long long seconds, count;
	bool json;
	unsigned long long seen;
	struct tracefs_instance *instance;
	struct tep_handle *tep;
} watch;

static sig_atomic_t stopping;

enum { OPT_SECONDS = 0x100, OPT_COUNT };

static const struct option own_options[] = {
	{ "seconds", required_argument, NULL, OPT_SECONDS },
	{ "count", required_argument, NULL, OPT_COUNT },
	{}
};

static void take(int val, const char *arg)
{
	if (val == OPT_SECONDS)
		watch.seconds = args_number("--seconds", arg, 1, 1000000);
	if (val == OPT_COUNT)
		watch.count = args_number("--count", arg, 1, 1000000000);
}

static void stop(int sig)
{
	(void)sig;
	__atomic_store_n(&stopping, 1, __ATOMIC_RELAXED);
	tracefs_iterate_stop(watch.instance);
}

static bool stopped(void)
{
	return __atomic_load_n(&stopping, __ATOMIC_RELAXED);
}

void watch_fields(struct json_object *object, char *text)
{
	struct json_object *fields = json_object_in(object, "fields");
	char *word, *value;

	while ((word = strsep(&text, " "))) {
		value = strchr(word, '=');
		if (!value)
			continue;
		*value++ = '\0';
		json_text(fields, word, value);
	}
}

static enum style event_style(const char *name, const char *text)
{
	if (strstr(name, "refused") || strstr(text, "verdict=not-supported"))
		return STYLE_BAD;
	if (strstr(text, "verdict=through-host-bridge"))
		return STYLE_FAIR;
	return STYLE_PLAIN;
}

static int show(struct tep_event *event, struct tep_record *record, int cpu,
		void *context)
{
	const char *name = event->name;
	struct json_object *object;
	struct trace_seq seq;
	double seconds = record->ts / 1e9;

	(void)cpu;
	(void)context;
	if (!strncmp(name, SYSTEM "_", strlen(SYSTEM) + 1))
		name += strlen(SYSTEM) + 1;
	trace_seq_init(&seq);
	tep_print_event(watch.tep, &seq, record, "%s", TEP_PRINT_INFO);
	trace_seq_terminate(&seq);
	make_plain(seq.buffer);
	if (watch.json) {
		object = json_begin_plain("watch");
		json_real(object, "time", seconds, 6);
		json_text(object, "event", name);
		watch_fields(object, seq.buffer);
		json_end_line(object);
	} else {
		enum style style = event_style(name, seq.buffer);

		printf("%14.6f  %s%-15s%s %s\n", seconds, style_on(style), name,
		       style_off(style), seq.buffer);
		fflush(stdout);
	}
	trace_seq_destroy(&seq);
	if (ferror(stdout) || (watch.count && ++watch.seen >= watch.count)) {
		stopping = 1;
		return 1;
	}
	return 0;
}

/* The kernel's buffer was full: say that events are missing. */
static int show_lost(struct tep_event *event, struct tep_record *record, int cpu,
		     void *context)
{
	(void)event;
	(void)cpu;
	(void)context;
	if (record->missed_events > 0)
		complain("%lld events were lost", (long long)record->missed_events);
	else
		complain("events were lost");
	return 0;
}

static void enable(const char *event)
{
	char *name = xasprintf(SYSTEM "_%s", event);

	if (tracefs_event_enable(watch.instance, SYSTEM, name))
		die("the event %s cannot be switched on: %s", name,
		    strerror(errno));
	free(name);
}

static void check_names(int argc, char **argv)
{
	unsigned int j;
	char *hint;
	int i;

	for (i = optind; i < argc; i++) {
		for (j = 0; j < ARRAY_SIZE(events); j++)
			if (!strcmp(argv[i], events[j]))
				break;
		if (j < ARRAY_SIZE(events))
			continue;
		hint = near_matches(argv[i], events, ARRAY_SIZE(events));
		die("there is no event '%s'%s", argv[i], hint);
	}
}

static void open_instance(void)
{
	static const char * const systems[] = { SYSTEM, NULL };
	const char *dir = tracefs_tracing_dir();
	char name[64];
	bool there;

	if (!dir || access(dir, X_OK))
		die("tracefs cannot be reached%s",
		    geteuid() ? "; only root watches events (run it with sudo)" :
				": is it mounted on /sys/kernel/tracing?");
	there = tracefs_dir_exists(NULL, "events/" SYSTEM);
	if (!there && geteuid())
		die("the events cannot be reached; only root watches them (run it with sudo)");
	if (!there)
		die("this kernel has no events of peer-to-peer DMA (%s/events/%s): it does not have the p2pdma project, or was built without tracing",
		    dir, SYSTEM);
	watch.tep = tracefs_local_events_system(dir, systems);
	if (!watch.tep)
		die("the formats of the events cannot be read: %s",
		    strerror(errno));
	snprintf(name, sizeof(name), SYSTEM "-%d", getpid());
	watch.instance = tracefs_instance_create(name);
	if (!watch.instance)
		die("no trace instance can be made: %s", strerror(errno));
}

/* exit() calls it too, so that no instance stays. */
static void close_instance(void)
{
	if (!watch.instance)
		return;
	tracefs_event_disable(watch.instance, SYSTEM, NULL);
	tracefs_instance_destroy(watch.instance);
	tracefs_instance_free(watch.instance);
	tep_free(watch.tep);
	watch.instance = NULL;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static int run(int argc, char **argv, struct options *options)
{
	struct timespec pause = { .tv_nsec = 50 * 1000 * 1000 };
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct sigaction action = { .sa_handler = stop };
	unsigned int i;
	double begin;
	int j;

	args_parse(argc, argv, &watch_command, own_options, take, options);
	if (options->root)
		die("watch takes no other root (%s): events are those of the kernel that runs",
		    options->root);
	watch.json = options->json;
	check_names(argc, argv);
	open_instance();
	atexit(close_instance);
	for (i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &action, NULL);
	tracefs_follow_missed_events(watch.instance, show_lost, NULL);
	if (optind == argc)
		for (i = 0; i < ARRAY_SIZE(events); i++)
			enable(events[i]);
	for (j = optind; j < argc; j++)
		enable(argv[j]);
	if (!options->json && isatty(STDERR_FILENO))
		fprintf(stderr, "watching; ^C ends it\n");

	begin = now();
	while (!stopped() && (!watch.seconds || now() - begin < watch.seconds)) {
		if (tracefs_iterate_raw_events(watch.tep, watch.instance, NULL,
					       0, show, NULL) < 0 && !stopped())
			die("the events cannot be read: %s", strerror(errno));
		if (!stopped())
			nanosleep(&pause, NULL);
	}
	/* events since the last read */
	if (!watch.count)
		tracefs_iterate_raw_events(watch.tep, watch.instance, NULL, 0,
					   show, NULL);
	close_instance();
	return STATUS_OK;
}

const struct command watch_command = {
	.name = "watch",
	.summary = "events as they happen: routes, lists mapped and refused",
	.help =
		"usage: p2pdma watch [--seconds N] [--count N] [EVENT...]\n\n"
		"  EVENT         route, map_sg, refused, invalidate, provider_add or\n"
		"                provider_remove; all of them if none is named\n"
		"  --seconds N   end after N seconds; --count N: after N events\n",
	.run = run,
};
