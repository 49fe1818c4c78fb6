#pragma once

#include <stddef.h>
#include <sys/types.h>

// SCM_RIGHTS needs the CMSG_* macros, which Swift cannot call. Everything else about the channel is in Swift.

/// Sends one datagram, with a descriptor attached unless `descriptor` is negative. Never blocks and never raises
/// SIGPIPE; repeats when interrupted. The bytes sent, or -1 with errno set.
ssize_t cdescriptor_send(int socket, const void *bytes, size_t count, int descriptor);

/// Receives one datagram and at most one descriptor (-1 where none came); a datagram or ancillary data that does not
/// fit is an error (EMSGSIZE), and whatever descriptors came with it are closed. Blocks; repeats when interrupted.
/// The bytes received, 0 at the end, or -1 with errno set.
ssize_t cdescriptor_receive(int socket, void *bytes, size_t count, int *descriptor);

/// Receives one datagram without waiting; descriptors that a peer attached are discarded by the kernel, because there
/// is no room for them. EMSGSIZE for a longer datagram. As above otherwise.
ssize_t cdescriptor_receive_plain(int socket, void *bytes, size_t count);
