// Makes chosen system calls of a running program fail, to see what it does then. It is loaded with LD_PRELOAD into the
// unchanged program, and told what to do through a file that FAULT_CONTROL names and that is mapped here.
#define _GNU_SOURCE 1
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
#include <sys/types.h>
#include <unistd.h>

enum { WRITE = 1, SYNC = 2, RENAME = 4, LINK = 8, CREATE = 16, UNLINK = 32 };
enum { SPOOL = 1, BLOBS = 2, DATABASE = 4, STAGING = 8 };

// Little-endian 32-bit words, in this order. The test writes the first five.
struct control {
    _Atomic int32_t operations;  // which calls, 0 for none
    _Atomic int32_t places;      // on which files
    _Atomic int32_t error;       // errno; 0: writes are short instead
    _Atomic int32_t after;       // bytes that may still be written before it begins
    _Atomic int32_t remaining;   // how many calls are affected, -1 for all
    _Atomic int32_t hits;        // how many were
    _Atomic int32_t syncs;       // fsync and fdatasync, affected or not
};

static struct control *control;

static void *next(const char *name) {
    void *function = dlsym(RTLD_NEXT, name);
    if (function == NULL) {
        fprintf(stderr, "FaultInjection: there is no %s to go on to\n", name);
        abort();
    }
    return function;
}

__attribute__((constructor)) static void start(void) {
    const char *path = getenv("FAULT_CONTROL");
    // The workers inherit the environment and are not meant.
    if (path == NULL || strcmp(program_invocation_short_name, "portcullis") != 0) return;
    int (*open_file)(const char *, int, ...) = next("open");
    int descriptor = open_file(path, O_RDWR | O_CLOEXEC);
    void *map = descriptor < 0 ? MAP_FAILED
                               : mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (map == MAP_FAILED) {
        fprintf(stderr, "FaultInjection: %s cannot be mapped\n", path);
        abort();
    }
    close(descriptor);
    control = map;
}

static int place_of(const char *path) {
    if (strstr(path, "/spool") != NULL) return SPOOL;
    if (strstr(path, "/blobs") != NULL) return BLOBS;
    if (strstr(path, "/staging") != NULL) return STAGING;
    if (strstr(path, "portcullis.db") != NULL) return DATABASE;
    return 0;
}

static int place_of_descriptor(int descriptor) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return place_of(path);
}

static int takes(int operation, int place) {
    if (control == NULL || (atomic_load(&control->operations) & operation) == 0) return 0;
    if ((atomic_load(&control->places) & place) == 0) return 0;
    int32_t remaining = atomic_load(&control->remaining);
    while (remaining > 0 && !atomic_compare_exchange_weak(&control->remaining, &remaining, remaining - 1)) {}
    if (remaining == 0) return 0;
    atomic_fetch_add(&control->hits, 1);
    return 1;
}

static int fails(int operation, int place) {
    if (!takes(operation, place)) return 0;
    errno = atomic_load(&control->error);
    return 1;
}

// How many bytes a write may write: all, fewer, or none (-1).
static ssize_t allowed(int descriptor, size_t count) {
    if (control == NULL || (atomic_load(&control->operations) & WRITE) == 0 || count == 0) return (ssize_t)count;
    int place = place_of_descriptor(descriptor);
    if ((atomic_load(&control->places) & place) == 0) return (ssize_t)count;
    int32_t after = atomic_load(&control->after);
    if (after > 0) {
        atomic_fetch_sub(&control->after, (int32_t)count);
        return (ssize_t)(count < (size_t)after ? count : (size_t)after);
    }
    if (!takes(WRITE, place)) return (ssize_t)count;
    errno = atomic_load(&control->error);
    if (errno != 0) return -1;
    return (ssize_t)(count > 1 ? count / 2 : 1);
}

ssize_t write(int descriptor, const void *bytes, size_t count) {
    static ssize_t (*real)(int, const void *, size_t);
    if (real == NULL) real = next("write");
    ssize_t part = allowed(descriptor, count);
    return part < 0 ? -1 : real(descriptor, bytes, (size_t)part);
}

ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t offset) {
    static ssize_t (*real)(int, const void *, size_t, off_t);
    if (real == NULL) real = next("pwrite");
    ssize_t part = allowed(descriptor, count);
    return part < 0 ? -1 : real(descriptor, bytes, (size_t)part, offset);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off64_t offset) {
    static ssize_t (*real)(int, const void *, size_t, off64_t);
    if (real == NULL) real = next("pwrite64");
    ssize_t part = allowed(descriptor, count);
    return part < 0 ? -1 : real(descriptor, bytes, (size_t)part, offset);
}

static int sync_through(int (*real)(int), int descriptor) {
    if (control == NULL) return real(descriptor);
    atomic_fetch_add(&control->syncs, 1);
    if ((atomic_load(&control->operations) & SYNC) == 0) return real(descriptor);
    return fails(SYNC, place_of_descriptor(descriptor)) ? -1 : real(descriptor);
}

int fsync(int descriptor) {
    static int (*real)(int);
    if (real == NULL) real = next("fsync");
    return sync_through(real, descriptor);
}

int fdatasync(int descriptor) {
    static int (*real)(int);
    if (real == NULL) real = next("fdatasync");
    return sync_through(real, descriptor);
}

int rename(const char *old, const char *new) {
    static int (*real)(const char *, const char *);
    if (real == NULL) real = next("rename");
    return fails(RENAME, place_of(new)) ? -1 : real(old, new);
}

int link(const char *old, const char *new) {
    static int (*real)(const char *, const char *);
    if (real == NULL) real = next("link");
    return fails(LINK, place_of(new)) ? -1 : real(old, new);
}

int unlink(const char *path) {
    static int (*real)(const char *);
    if (real == NULL) real = next("unlink");
    return fails(UNLINK, place_of(path)) ? -1 : real(path);
}

#define OPEN(name)                                                         \
    int name(const char *path, int flags, ...) {                           \
        static int (*real)(const char *, int, ...);                        \
        if (real == NULL) real = next(#name);                              \
        mode_t mode = 0;                                                   \
        if (flags & (O_CREAT | O_TMPFILE)) {                               \
            va_list arguments;                                             \
            va_start(arguments, flags);                                    \
            mode = va_arg(arguments, mode_t);                              \
            va_end(arguments);                                             \
        }                                                                  \
        if ((flags & O_CREAT) && fails(CREATE, place_of(path))) return -1; \
        return real(path, flags, mode);                                    \
    }

OPEN(open)
OPEN(open64)
