#pragma once

/// syscall() is variadic, and the functions behind some attacks are hidden from Swift.
/// Sends `signal` to the main thread of another process.
long craw_tgkill(int process, int signal);

/// Makes this process see a kernel without Landlock, for good. 0, or -1 with errno set.
int craw_hide_landlock(void);
