// The target is a header; a target of SwiftPM needs a source, and this one has the compiler check the header's assertions.
#include "CONNXRuntime.h"
