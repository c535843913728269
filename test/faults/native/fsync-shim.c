/*
 * LD_PRELOAD for redis-server: after each fsync or fdatasync that succeeded, writes the length that is durable now beside
 * an append-only file, as <file>.synced. Killing the server and cutting the file to that length is a power cut:
 * `kill -9` alone loses nothing, because the kernel keeps what was written.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void note(int fd, off_t length) {
  char link[64], file[4096], note[4200], digits[32];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t size = readlink(link, file, sizeof file - 1);
  if (size <= 0) return;
  file[size] = 0;
  if (!strstr(file, ".aof")) return;
  snprintf(note, sizeof note, "%s.synced", file);
  int out = open(note, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (out < 0) return;
  int count = snprintf(digits, sizeof digits, "%lld", (long long)length);
  if (write(out, digits, count) < 0) { /* the next one tells */ }
  close(out);
}

/* The length is read before: what is appended while the disk works is not durable yet. */
static int synced(const char *name, int fd) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
  struct stat before;
  int known = fstat(fd, &before) == 0;
  int result = real(fd);
  if (result == 0 && known) note(fd, before.st_size);
  return result;
}

int fsync(int fd) { return synced("fsync", fd); }
int fdatasync(int fd) { return synced("fdatasync", fd); }
