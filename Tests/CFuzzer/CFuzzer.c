#include "CFuzzer.h"

__attribute__((weak)) int LLVMFuzzerRunDriver(int *, char ***, int (*)(const uint8_t *, size_t));

int cfuzzer_is_available(void) { return LLVMFuzzerRunDriver != NULL; }

int cfuzzer_run(int count, char **arguments, int (*input)(const uint8_t *, size_t)) {
    return LLVMFuzzerRunDriver(&count, &arguments, input);
}
