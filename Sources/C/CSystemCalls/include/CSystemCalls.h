#pragma once

#include <stdbool.h>
#include <spawn.h>
#include <stddef.h>

// Each of these exists because the declaration is hidden from Swift: the platform's module of the C library is built
// without _GNU_SOURCE, and <sys/eventfd.h> is not part of it.

/// A pipe whose ends are closed on exec and whose reading end does not block. 0, or -1 with errno set.
int csystemcalls_pipe(int descriptors[2]);

/// A non-blocking event counter that is closed on exec. A descriptor, or -1 with errno set.
int csystemcalls_event_counter(void);

/// A file that has no name and lives in memory, closed on exec. A descriptor for reading and writing, or -1 with errno set.
int csystemcalls_memory_file(void);

/// Begins to write `size` bytes of a file from `offset` on to the disk, and waits for none of them. Only a hint.
void csystemcalls_begin_writing(int descriptor, long long offset, long long size);

// Whether writes go past the page cache (O_DIRECT). -1 with errno where the file system cannot.
int csystemcalls_bypass_cache(int descriptor, bool bypasses);

/// Makes the spawned process close every descriptor from `first` on. 0 or an error number.
int csystemcalls_add_close_from(posix_spawn_file_actions_t *actions, int first);

/// The size of a regular file, or -1 with errno set (EINVAL where it is not a regular file). Asks the kernel by fstat
/// itself: the C library's function goes through newfstatat, which takes paths and is therefore kept out of sandboxes.
long long csystemcalls_regular_file_size(int descriptor);

/// Makes this process, when a fault or an abort ends it, exit with `status` where the last call that failed found no
/// memory (ENOMEM), and die of the signal otherwise. 0, or -1 with errno set. For a process of one thread. C, because a
/// signal handler may run no Swift. Not with AddressSanitizer, which has handlers of its own.
int csystemcalls_exit_for_memory(int status);

/// Forgets the last failed call of this thread. Swift's errno is not to be relied on across statements.
void csystemcalls_forget_error(void);

/// Calls `found` with the path of the program (an empty text) and of every loaded library, and its GNU build ID; the ID
/// is empty where it has none. <link.h> is not part of the platform's module.
void csystemcalls_each_object(
    void (*found)(void *context, const char *path, const unsigned char *build_id, size_t size), void *context);
