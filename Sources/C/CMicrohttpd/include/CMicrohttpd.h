// libmicrohttpd, and what Swift cannot call: its functions with variable arguments, and accept4.
#ifndef PORTCULLIS_CMICROHTTPD_H
#define PORTCULLIS_CMICROHTTPD_H

#include <microhttpd.h>
#include <stddef.h>
#include <sys/socket.h>

// Takes one formatted message, which ends with a line feed and is valid only during the call.
typedef void (*portcullis_mhd_log)(void *context, const char *message);

struct portcullis_mhd_options {
    unsigned int flags;
    unsigned int threads;
    unsigned int connection_limit;
    unsigned int idle_timeout_seconds;
    size_t connection_memory_bytes;
    MHD_AccessHandlerCallback handler;
    MHD_RequestCompletedCallback completed;
    MHD_NotifyConnectionCallback connection;
    // Called with the request target as it came, before anything is decoded; gives the request's context.
    void *(*target)(void *context, const char *target, struct MHD_Connection *connection);
    portcullis_mhd_log log;
    // Passed to every callback; must outlive the daemon.
    void *context;
};

// MHD_start_daemon. NULL when the daemon could not be started; the reason went to `log`.
struct MHD_Daemon *portcullis_mhd_start(const struct portcullis_mhd_options *options);

// MHD_get_connection_info, one function for each kind of answer.
int portcullis_mhd_descriptor(struct MHD_Connection *connection);
void *portcullis_mhd_socket_context(struct MHD_Connection *connection);
// The bytes of the request line and the header section, 0 before they are complete.
size_t portcullis_mhd_header_bytes(struct MHD_Connection *connection);
// The status of the queued response, 0 without one.
unsigned int portcullis_mhd_status(struct MHD_Connection *connection);

// accept4 for a non-blocking connection that no child process inherits: the C library shows it only to programs that
// define _GNU_SOURCE, which Swift's view of it does not.
int portcullis_accept(int socket, struct sockaddr *address, socklen_t *size);

#endif
