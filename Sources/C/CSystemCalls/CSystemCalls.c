#define _GNU_SOURCE 1
#include "CSystemCalls.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int csystemcalls_pipe(int descriptors[2]) {
    if (pipe2(descriptors, O_CLOEXEC) != 0) return -1;
    if (fcntl(descriptors[0], F_SETFL, O_NONBLOCK) == 0) return 0;
    int number = errno;
    close(descriptors[0]);
    close(descriptors[1]);
    errno = number;
    return -1;
}

int csystemcalls_event_counter(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

int csystemcalls_memory_file(void) { return memfd_create("content", MFD_CLOEXEC); }

void csystemcalls_begin_writing(int descriptor, long long offset, long long size) {
    (void)sync_file_range(descriptor, offset, size, SYNC_FILE_RANGE_WRITE);
}

int csystemcalls_bypass_cache(int descriptor, bool bypasses) {
    int flags = fcntl(descriptor, F_GETFL);
    if (flags < 0) return -1;
    return fcntl(descriptor, F_SETFL, bypasses ? flags | O_DIRECT : flags & ~O_DIRECT);
}

int csystemcalls_add_close_from(posix_spawn_file_actions_t *actions, int first) {
    return posix_spawn_file_actions_addclosefrom_np(actions, first);
}

long long csystemcalls_regular_file_size(int descriptor) {
    struct stat status;
    if (syscall(SYS_fstat, descriptor, &status) != 0) return -1;
    if (!S_ISREG(status.st_mode)) {
        errno = EINVAL;
        return -1;
    }
    return status.st_size;
}

static int memory_status;

// Only what may be called in a handler, and what the sandbox lets through: errno is the thread's own, and the last that
// failed before a crash for want of memory was the allocation.
static void end_by_signal(int number) {
    if (errno == ENOMEM) _exit(memory_status);
    // The action is the default again. A fault happens once more when this returns; an abort does not.
    if (number == SIGABRT) raise(number);
}

int csystemcalls_exit_for_memory(int status) {
#if !defined(__SANITIZE_ADDRESS__) && !(defined(__has_feature) && __has_feature(address_sanitizer))
    memory_status = status;
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = end_by_signal;
    action.sa_flags = SA_RESETHAND | SA_NODEFER;
    const int signals[] = {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE};
    for (size_t index = 0; index < sizeof signals / sizeof *signals; index++) {
        if (sigaction(signals[index], &action, NULL) != 0) return -1;
    }
#else
    (void)status;
#endif
    return 0;
}

void csystemcalls_forget_error(void) { errno = 0; }

struct object_visit {
    void (*found)(void *, const char *, const unsigned char *, size_t);
    void *context;
};

static int visit_object(struct dl_phdr_info *info, size_t size, void *data) {
    (void)size;
    struct object_visit *visit = data;
    // The kernel's own page is no part of any program.
    if (strncmp(info->dlpi_name, "linux-vdso", 10) == 0) return 0;
    for (int index = 0; index < info->dlpi_phnum; index++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[index];
        if (header->p_type != PT_NOTE) continue;
        const char *note = (const char *)info->dlpi_addr + header->p_vaddr, *end = note + header->p_memsz;
        while ((size_t)(end - note) >= sizeof(ElfW(Nhdr))) {
            const ElfW(Nhdr) *head = (const void *)note;
            const char *name = note + sizeof *head;
            size_t alignment = header->p_align == 8 ? 7 : 3;
            size_t name_size = (head->n_namesz + 3u) & ~(size_t)3, skip = sizeof *head + name_size;
            size_t described = (skip + alignment) & ~alignment;
            if (described + head->n_descsz > (size_t)(end - note)) break;
            if (head->n_type == NT_GNU_BUILD_ID && head->n_namesz == 4 && memcmp(name, "GNU", 4) == 0) {
                visit->found(visit->context, info->dlpi_name, (const void *)(note + described), head->n_descsz);
                return 0;
            }
            note += (described + head->n_descsz + alignment) & ~alignment;
            if (note > end) break;
        }
    }
    visit->found(visit->context, info->dlpi_name, NULL, 0);
    return 0;
}

void csystemcalls_each_object(
    void (*found)(void *, const char *, const unsigned char *, size_t), void *context) {
    struct object_visit visit = {found, context};
    dl_iterate_phdr(visit_object, &visit);
}
