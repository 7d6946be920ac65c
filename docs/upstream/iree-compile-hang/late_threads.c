// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/* Delays threads of iree-compile at the two points that matter, as a busy
   machine may; it changes nothing else.
   1. The main thread loses its processor after each task that it queues, until
   the spec is opened (at most 50 ms).
   2. A worker that is woken while the spec is read gets a processor 200 ms
   later. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

static atomic_int opened;

static int is_main(void) { return gettid() == getpid(); }

int open(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  int mode = (flags & O_CREAT) ? va_arg(rest, int) : 0;
  va_end(rest);
  if (strstr(path, "spec.mlir")) {
    opened = 1;
    usleep(10000);
  }
  return ((int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open"))(
      path, flags, mode);
}

int pthread_cond_signal(pthread_cond_t *condition) {
  int result = ((int (*)(pthread_cond_t *))dlsym(
      RTLD_NEXT, "pthread_cond_signal"))(condition);
  for (int step = 0; is_main() && !opened && step < 50; step++) {
    usleep(1000);
  }
  return result;
}

int pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex) {
  int result = ((int (*)(pthread_cond_t *, pthread_mutex_t *))dlsym(
      RTLD_NEXT, "pthread_cond_wait"))(condition, mutex);
  if (!is_main() && opened) {
    pthread_mutex_unlock(mutex);
    usleep(200000);
    pthread_mutex_lock(mutex);
  }
  return result;
}
