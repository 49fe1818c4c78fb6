#define _GNU_SOURCE 1
#include "CSystemCalls.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

int csystemcalls_pipe(int descriptors[2]) { return pipe2(descriptors, O_CLOEXEC); }

int csystemcalls_event_counter(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

int csystemcalls_add_close_from(posix_spawn_file_actions_t *actions, int first) {
    return posix_spawn_file_actions_addclosefrom_np(actions, first);
}
