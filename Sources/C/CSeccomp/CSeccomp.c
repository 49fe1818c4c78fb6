#define _GNU_SOURCE 1
#include "CSeccomp.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int csandbox_become(gid_t group, uid_t user) {
    if (setgroups(0, NULL) != 0) return errno;
    if (setresgid(group, group, group) != 0) return errno;
    if (setresuid(user, user, user) != 0) return errno;
    return 0;
}

int csandbox_drop_capabilities(void) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
    memset(data, 0, sizeof data);
    return syscall(SYS_capset, &header, data) == 0 ? 0 : errno;
}

bool csandbox_can_become_root(void) { return setresuid(-1, 0, -1) == 0; }

int csandbox_close_from(unsigned first) { return syscall(SYS_close_range, first, ~0u, 0) == 0 ? 0 : errno; }

int csandbox_set_no_new_privileges(void) { return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? 0 : errno; }

int csandbox_set_not_dumpable(void) { return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : errno; }

int csandbox_die_with_parent(void) { return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 ? 0 : errno; }

// The header of Debian 12 ends with ABI 2, so the later members and bits are spelt out (Documentation/userspace-api/
// landlock.rst): the kernel takes the size of the structure that its ABI knows.
struct ruleset_attributes {
    uint64_t files;
    uint64_t network;
    uint64_t scopes;
};

int csandbox_deny_with_landlock(void) {
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 0) return -errno;
    struct ruleset_attributes attributes = {.files = (1u << 13) - 1};
    size_t size = offsetof(struct ruleset_attributes, network);
    if (abi >= 2) attributes.files |= 1u << 13; // linking across directories
    if (abi >= 3) attributes.files |= 1u << 14; // truncation
    if (abi >= 4) {
        attributes.network = 3; // TCP bind and connect
        size = offsetof(struct ruleset_attributes, scopes);
    }
    if (abi >= 5) attributes.files |= 1u << 15; // ioctl on devices
    if (abi >= 6) {
        attributes.scopes = 3; // abstract sockets and signals
        size = sizeof attributes;
    }
    long ruleset = syscall(SYS_landlock_create_ruleset, &attributes, size, 0);
    if (ruleset < 0) return -errno;
    int result = syscall(SYS_landlock_restrict_self, ruleset, 0) == 0 ? (int)abi : -errno;
    close((int)ruleset);
    return result;
}

bool csandbox_has_address_sanitizer(void) {
#if defined(__SANITIZE_ADDRESS__)
    return true;
#elif __has_feature(address_sanitizer)
    return true;
#else
    return false;
#endif
}

int csandbox_filter_system_calls(const struct csandbox_rule *rules, int count) {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (!filter) return ENOMEM;
    int status = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    // Calls of another architecture's table (32-bit on 64-bit) must not slip through: they are killed as well.
    if (status == 0) status = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    for (int index = 0; status == 0 && index < count; index++) {
        const struct csandbox_rule *rule = &rules[index];
        int number = seccomp_syscall_resolve_name(rule->name);
        if (number < 0) continue;
        uint32_t action = rule->error == 0 ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(rule->error);
        if (rule->argument < 0) {
            status = seccomp_rule_add(filter, action, number, 0);
        } else {
            struct scmp_arg_cmp comparison = {(unsigned)rule->argument, SCMP_CMP_MASKED_EQ, rule->mask, rule->value};
            status = seccomp_rule_add_array(filter, action, number, 1, &comparison);
        }
    }
    if (status == 0) status = seccomp_load(filter);
    seccomp_release(filter);
    return -status;
}
