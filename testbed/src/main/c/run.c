/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs programs as a container runtime does, and times each from before its exec until it has been waited for. A
 * process this small starts another in a fraction of a millisecond, which a JVM can't.
 */
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_VARIABLES 32

struct job {
	char *program;
	char *input;
	char *netns;
	char *environment[MAX_VARIABLES + 1];
	int stdin_fd, stdout_fd, netns_fd;
	pid_t pid;
	int status;
	int64_t started, ended;
};

static struct job *jobs;
static int count;

static int read_jobs(void)
{
	char *line = NULL;
	size_t size = 0;
	int capacity = 0;
	ssize_t length;

	while ((length = getline(&line, &size, stdin)) > 0) {
		struct job job = { 0 };
		char *field;
		int n = 0;

		line[strcspn(line, "\n")] = 0;
		field = strdup(line);
		job.program = strsep(&field, "\t");
		job.input = strsep(&field, "\t");
		job.netns = strsep(&field, "\t");
		while (field && n < MAX_VARIABLES)
			job.environment[n++] = strsep(&field, "\t");
		if (!job.netns) {
			fprintf(stderr, "ikat-probe: not a job: %s\n", line);
			return -1;
		}
		if (count == capacity) {
			capacity = capacity ? capacity * 2 : 64;
			jobs = realloc(jobs, capacity * sizeof(*jobs));
			if (!jobs)
				return -1;
		}
		jobs[count++] = job;
	}
	free(line);
	return 0;
}

/* Files are opened before the clock starts. */
static int prepare(struct job *job)
{
	job->stdin_fd = open(job->input, O_RDONLY | O_CLOEXEC);
	job->stdout_fd = memfd_create("stdout", MFD_CLOEXEC);
	job->netns_fd = strcmp(job->netns, "-") ? open(job->netns, O_RDONLY | O_CLOEXEC) : -1;
	if (job->stdin_fd < 0 || job->stdout_fd < 0 || (job->netns_fd < 0 && strcmp(job->netns, "-"))) {
		fprintf(stderr, "ikat-probe: %s or %s: %s\n", job->input, job->netns, strerror(errno));
		return -1;
	}
	return 0;
}

static int start(struct job *job)
{
	char *argv[] = { job->program, NULL };

	job->started = now_ns();
	job->pid = vfork();
	if (job->pid == 0) {
		/* Ignored signals stay ignored through exec; the program expects the default. */
		signal(SIGPIPE, SIG_DFL);
		if (job->netns_fd >= 0 && setns(job->netns_fd, CLONE_NEWNET))
			_exit(126);
		dup2(job->stdin_fd, 0);
		dup2(job->stdout_fd, 1);
		execve(job->program, argv, job->environment);
		_exit(127);
	}
	close(job->stdin_fd);
	if (job->netns_fd >= 0)
		close(job->netns_fd);
	return job->pid < 0 ? -1 : 0;
}

static void finish(struct job *job, int status, int64_t now)
{
	job->ended = now;
	job->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void report(void)
{
	static char output[65536];

	for (int i = 0; i < count; i++) {
		ssize_t n = pread(jobs[i].stdout_fd, output, sizeof(output) - 1, 0);

		output[n > 0 ? n : 0] = 0;
		for (char *c = output; *c; c++)
			if (*c == '\n' || *c == '\r')
				*c = ' ';
		printf("%d %d %lld %lld %s\n", i, jobs[i].status, (long long)jobs[i].started,
		       (long long)jobs[i].ended, output);
	}
}

int run(int argc, char **argv)
{
	int parallel = argc == 3 && !strcmp(argv[1], "-p") ? atoi(argv[2]) : 1;
	int next = 0, running = 0;

	if (read_jobs())
		return 1;
	for (int i = 0; i < count; i++)
		if (prepare(&jobs[i]))
			return 1;
	while (next < count || running) {
		int status;
		pid_t pid;

		if (next < count && running < parallel) {
			if (start(&jobs[next++])) {
				perror("ikat-probe: can't start a process");
				return 1;
			}
			running++;
			continue;
		}
		pid = wait(&status);
		int64_t now = now_ns();

		if (pid < 0)
			return 1;
		running--;
		for (int i = 0; i < next; i++)
			if (jobs[i].pid == pid && !jobs[i].ended)
				finish(&jobs[i], status, now);
	}
	report();
	return 0;
}
