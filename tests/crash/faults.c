// Faults of the disk and steps of the clock, for one program that runs under this library
// (LD_PRELOAD), switched on and off while it runs.
//
// SLUICE_FAULTS names a file of `struct Switches`, which the test writes and this maps;
// SLUICE_FAULTS_DIR the directory below which files are hit. Nothing of the machine is touched, so
// that tests can run side by side, and in a container. faults.py is the test's end.
//
// Only calls of libc's functions are seen: RocksDB writes and reads its files through them, and
// everybody reads the clock through them. io_uring, which carries the network, is not touched.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct Switches {
  _Atomic int64_t change_errno;   // what changes to files fail with; 0: they do not
  _Atomic int64_t read_errno;     // what reads fail with; 0: they do not
  _Atomic int64_t hold_syncs;     // not 0: fsync and fdatasync do not come back until it is
  _Atomic int64_t wall_ahead_ns;  // added to the wall clock
};

static struct Switches* switches;
static char directory[4096];
static size_t directory_size;

__attribute__((constructor)) static void Attach(void) {
  const char* const file = getenv("SLUICE_FAULTS");
  const char* const below = getenv("SLUICE_FAULTS_DIR");
  if (file == NULL || below == NULL) return;
  const int fd = open(file, O_RDONLY | O_CLOEXEC);
  if (fd < 0) abort();
  void* const mapped = mmap(NULL, sizeof(struct Switches), PROT_READ, MAP_SHARED, fd, 0);
  if (mapped == MAP_FAILED || realpath(below, directory) == NULL) abort();
  close(fd);
  directory_size = strlen(directory);
  switches = mapped;
}

static int Below(const char* path) {
  return strncmp(path, directory, directory_size) == 0 &&
         (path[directory_size] == '/' || path[directory_size] == '\0');
}

static int OfFile(int fd) {
  char link[64];
  char path[4096];
  snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
  const ssize_t size = readlink(link, path, sizeof(path) - 1);
  if (size < 0) return 0;
  path[size] = '\0';
  return Below(path);
}

// 0, or the errno that the call is to fail with.
static int ChangeFails(void) { return switches == NULL ? 0 : (int)switches->change_errno; }
static int ReadFails(void) { return switches == NULL ? 0 : (int)switches->read_errno; }

static void* RealOf(const char* name) {
  void* const real = dlsym(RTLD_NEXT, name);
  if (real == NULL) abort();
  return real;
}
// Looked up once for each function; which thread does it does not matter.
#define CALL_REAL(name, ...)                       \
  ({                                               \
    static _Atomic(void*) real;                    \
    if (real == NULL) real = RealOf(#name);        \
    ((__typeof__(&name))(void*)real)(__VA_ARGS__); \
  })

#define FAIL_CHANGE_OF(condition)    \
  do {                               \
    const int error = ChangeFails(); \
    if (error != 0 && (condition)) { \
      errno = error;                 \
      return -1;                     \
    }                                \
  } while (0)

// ---- Changes

ssize_t write(int fd, const void* bytes, size_t size) {
  FAIL_CHANGE_OF(OfFile(fd));
  return CALL_REAL(write, fd, bytes, size);
}

ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset) {
  FAIL_CHANGE_OF(OfFile(fd));
  return CALL_REAL(pwrite, fd, bytes, size, offset);
}

ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t offset) {
  FAIL_CHANGE_OF(OfFile(fd));
  return CALL_REAL(pwrite64, fd, bytes, size, offset);
}

int ftruncate(int fd, off_t size) {
  FAIL_CHANGE_OF(OfFile(fd));
  return CALL_REAL(ftruncate, fd, size);
}

int fallocate(int fd, int mode, off_t offset, off_t size) {
  FAIL_CHANGE_OF(OfFile(fd));
  return CALL_REAL(fallocate, fd, mode, offset, size);
}

static void AwaitSyncs(int fd) {
  if (switches == NULL || switches->hold_syncs == 0 || !OfFile(fd)) return;
  const struct timespec moment = {.tv_nsec = 5000000};
  while (switches->hold_syncs != 0) nanosleep(&moment, NULL);
}

int fsync(int fd) {
  AwaitSyncs(fd);
  FAIL_CHANGE_OF(OfFile(fd));
  return CALL_REAL(fsync, fd);
}

int fdatasync(int fd) {
  AwaitSyncs(fd);
  FAIL_CHANGE_OF(OfFile(fd));
  return CALL_REAL(fdatasync, fd);
}

int rename(const char* from, const char* to) {
  FAIL_CHANGE_OF(Below(to));
  return CALL_REAL(rename, from, to);
}

int unlink(const char* path) {
  // Space can be given back on a full disk.
  if (ChangeFails() != ENOSPC) FAIL_CHANGE_OF(Below(path));
  return CALL_REAL(unlink, path);
}

int mkdir(const char* path, mode_t mode) {
  FAIL_CHANGE_OF(Below(path));
  return CALL_REAL(mkdir, path, mode);
}

static int Changes(int flags) { return (flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)) != 0; }

int open(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  FAIL_CHANGE_OF(Changes(flags) && Below(path));
  return CALL_REAL(open, path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  FAIL_CHANGE_OF(Changes(flags) && Below(path));
  return CALL_REAL(open64, path, flags, mode);
}

// ---- Reads

ssize_t pread(int fd, void* bytes, size_t size, off_t offset) {
  const int error = ReadFails();
  if (error != 0 && OfFile(fd)) {
    errno = error;
    return -1;
  }
  return CALL_REAL(pread, fd, bytes, size, offset);
}

ssize_t pread64(int fd, void* bytes, size_t size, off64_t offset) {
  const int error = ReadFails();
  if (error != 0 && OfFile(fd)) {
    errno = error;
    return -1;
  }
  return CALL_REAL(pread64, fd, bytes, size, offset);
}

// ---- The wall clock

static int64_t Ahead(void) { return switches == NULL ? 0 : switches->wall_ahead_ns; }

int clock_gettime(clockid_t clock, struct timespec* now) {
  const int result = CALL_REAL(clock_gettime, clock, now);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
    const int64_t ns = (int64_t)now->tv_sec * 1000000000 + now->tv_nsec + Ahead();
    now->tv_sec = ns / 1000000000;
    now->tv_nsec = ns % 1000000000;
  }
  return result;
}

int gettimeofday(struct timeval* restrict now, void* restrict zone) {
  (void)zone;
  struct timespec precise;
  if (clock_gettime(CLOCK_REALTIME, &precise) != 0) return -1;
  now->tv_sec = precise.tv_sec;
  now->tv_usec = precise.tv_nsec / 1000;
  return 0;
}

time_t time(time_t* now) {
  struct timespec precise;
  clock_gettime(CLOCK_REALTIME, &precise);
  if (now != NULL) *now = precise.tv_sec;
  return precise.tv_sec;
}
