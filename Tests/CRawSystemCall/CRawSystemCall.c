#define _GNU_SOURCE 1
#include "CRawSystemCall.h"

#include <sys/syscall.h>
#include <unistd.h>

long craw_tgkill(int process, int signal) { return syscall(SYS_tgkill, process, process, signal); }
