// SPDX-License-Identifier: GPL-2.0
/*
 * Programs run in the guest. What they print is kept in files and reported when they
 * have ended: "out" reports with a part of stdout or stderr each, then "ran".
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest.h"

#define MAX_WORDS	64
#define PART		2000	/* bytes of output in a report; each may become six */
#define NOBODY		65534

struct program {
	pid_t pid;
	unsigned int step;	/* that started it */
	const char *out, *err;	/* where its output is kept */
};

static struct program background = { .out = "/bg.out", .err = "/bg.err" };

/* Words are separated by blanks; '...' holds blanks together. */
static unsigned int split(char *text, char *words[MAX_WORDS])
{
	unsigned int n = 0;

	while (n < MAX_WORDS - 1) {
		text += strspn(text, " ");
		if (!*text)
			break;
		if (*text == '\'') {
			words[n++] = ++text;
			text += strcspn(text, "'");
		} else {
			words[n++] = text;
			text += strcspn(text, " ");
		}
		if (*text)
			*text++ = '\0';
	}
	words[n] = NULL;
	return n;
}

static void redirect(const char *path, int fd)
{
	int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (file < 0)
		_exit(126);
	dup2(file, fd);
	close(file);
}

static bool start(unsigned int step, const char *line, bool as_nobody,
		  struct program *program)
{
	char *text = drives_expand(line), *words[MAX_WORDS];

	program->step = step;
	if (!text || !split(text, words)) {
		report_trouble(step, "nothing to run");
		free(text);
		return false;
	}
	program->pid = fork();
	if (!program->pid) {
		int null = open("/dev/null", O_RDONLY);

		dup2(null, STDIN_FILENO);
		redirect(program->out, STDOUT_FILENO);
		redirect(program->err, STDERR_FILENO);
		if (as_nobody && (setgid(NOBODY) || setuid(NOBODY)))
			_exit(125);
		setenv("PATH", "/bin", 1);
		setenv("LC_ALL", "C", 1);
		setenv("P2PDMA_PCI_IDS", "/share/pci.ids", 1);
		execvp(words[0], words);
		dprintf(STDERR_FILENO, "%s: %s\n", words[0], strerror(errno));
		_exit(127);
	}
	free(text);
	return program->pid > 0;
}

static void report_output(unsigned int step, const char *stream,
			  const char *path)
{
	char *text, part[PART + 1];
	size_t at, len;

	if (file_read(path, &text))
		return;
	len = strlen(text);
	for (at = 0; at < len; at += PART) {
		snprintf(part, sizeof(part), "%s", text + at);
		report_begin("out", step);
		report_text("stream", stream);
		report_text("text", part);
		report_end();
	}
	free(text);
}

static void finish(unsigned int step, struct program *program)
{
	int status = 0;

	waitpid(program->pid, &status, 0);
	report_output(step, "stdout", program->out);
	report_output(step, "stderr", program->err);
	report_begin("ran", step);
	report_number("status", WIFEXITED(status) ? WEXITSTATUS(status) :
						    -WTERMSIG(status));
	report_end();
	program->pid = 0;
}

/* Run it to its end. */
void run_program(unsigned int step, const char *line, bool as_nobody)
{
	struct program program = { .out = "/run.out", .err = "/run.err" };

	if (start(step, line, as_nobody, &program))
		finish(step, &program);
}

/* Start it, and go on; one at a time. */
void run_background(unsigned int step, const char *line)
{
	if (background.pid)
		report_trouble(step, "something runs in the background already");
	else if (start(step, line, false, &background))
		usleep(500000);		/* so that it is ready for what follows */
}

/* End that with SIGINT, as ^C does, and report what it printed. */
void run_finish(unsigned int step)
{
	if (!background.pid) {
		report_trouble(step, "nothing runs in the background");
		return;
	}
	usleep(300000);
	kill(background.pid, SIGINT);
	finish(step, &background);
}
