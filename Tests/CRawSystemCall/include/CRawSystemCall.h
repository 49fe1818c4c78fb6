#pragma once

/// syscall() is variadic, and the functions behind some attacks are hidden from Swift.
/// Sends `signal` to the main thread of another process.
long craw_tgkill(int process, int signal);
