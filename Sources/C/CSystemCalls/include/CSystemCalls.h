#pragma once

#include <spawn.h>

// Each of these exists because the declaration is hidden from Swift: the platform's module of the C library is built
// without _GNU_SOURCE, and <sys/eventfd.h> is not part of it.

/// A pipe whose ends are closed on exec and whose reading end does not block. 0, or -1 with errno set.
int csystemcalls_pipe(int descriptors[2]);

/// A non-blocking event counter that is closed on exec. A descriptor, or -1 with errno set.
int csystemcalls_event_counter(void);

/// Makes the spawned process close every descriptor from `first` on. 0 or an error number.
int csystemcalls_add_close_from(posix_spawn_file_actions_t *actions, int first);

/// The size of a regular file, or -1 with errno set (EINVAL where it is not a regular file). Asks the kernel by fstat
/// itself: the C library's function goes through newfstatat, which takes paths and is therefore kept out of sandboxes.
long long csystemcalls_regular_file_size(int descriptor);
