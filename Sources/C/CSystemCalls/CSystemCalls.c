#define _GNU_SOURCE 1
#include "CSystemCalls.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
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
