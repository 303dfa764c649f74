/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IKAT_PROBE_H
#define IKAT_PROBE_H

#define _GNU_SOURCE
#include <stdint.h>
#include <time.h>

int serve(int argc, char **argv);
int check(int argc, char **argv);
int run(int argc, char **argv);
int get(int argc, char **argv);
int floor_time(int argc, char **argv);

static inline int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

#endif
