// Nothing of it is called: the library is loaded before the C library (LD_PRELOAD).
