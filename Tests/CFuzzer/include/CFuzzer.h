#pragma once

#include <stddef.h>
#include <stdint.h>

// libFuzzer's driver is there only in a build with `-sanitize=fuzzer`, and a reference that may stay unresolved cannot be
// written in Swift.

/// Whether this build has the driver.
int cfuzzer_is_available(void);

/// Runs libFuzzer with its own options; returns its exit status. To be called only where it is available.
int cfuzzer_run(int count, char *_Nonnull *_Nonnull arguments, int (*_Nonnull input)(const uint8_t *_Nullable, size_t));
