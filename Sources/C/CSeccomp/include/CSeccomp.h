#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

// Shims, each for what Swift cannot call: prctl, syscall and seccomp_rule_add are variadic, landlock and capset have
// no function in the C library, and the set*id functions are hidden without _GNU_SOURCE.
// Every function returns 0 or an errno value, unless it says otherwise.

/// Clears the supplementary groups and takes this group and user as real, effective and saved ones.
int csandbox_become(gid_t group, uid_t user);

/// Drops all capabilities, effective, permitted and inheritable.
int csandbox_drop_capabilities(void);

/// Whether user 0 can be had back (it must not).
bool csandbox_can_become_root(void);

/// Closes every descriptor from `first` on.
int csandbox_close_from(unsigned first);

int csandbox_set_no_new_privileges(void);

/// Refuses ptrace and core dumps.
int csandbox_set_not_dumpable(void);

/// SIGKILL when the thread that started this process ends.
int csandbox_die_with_parent(void);

/// Denies all that Landlock can: files, and with newer kernels TCP, abstract sockets and signals.
/// The ABI version (1 or more), or a negated errno value, -ENOSYS or -EOPNOTSUPP where there is no Landlock.
int csandbox_deny_with_landlock(void);

/// Whether this program is instrumented by AddressSanitizer.
bool csandbox_has_address_sanitizer(void);

/// What a rule compares an argument with.
struct csandbox_rule {
    /// The system call's name. One that this architecture lacks is passed over.
    const char *name;
    /// Index of the argument, or -1 where the call is allowed with any.
    int argument;
    /// The rule holds where (argument & mask) == value.
    uint64_t mask;
    uint64_t value;
    /// 0 where the call is allowed, or the errno value with which it fails without being made.
    int error;
};

/// Kills the process at every system call but those that a rule names, in all threads.
int csandbox_filter_system_calls(const struct csandbox_rule *rules, int count);
