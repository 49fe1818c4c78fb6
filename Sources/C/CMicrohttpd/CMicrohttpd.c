#define _GNU_SOURCE
#include "CMicrohttpd.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

// The logger takes a va_list, so the text is made here. MHD hands over one context pointer with it: the options, which
// the caller keeps alive as long as the daemon.
static void forward_log(void *context, const char *format, va_list arguments) {
    const struct portcullis_mhd_options *options = context;
    char message[1024];
    vsnprintf(message, sizeof message, format, arguments);
    options->log(options->context, message);
}

struct MHD_Daemon *portcullis_mhd_start(const struct portcullis_mhd_options *options) {
    struct MHD_OptionItem items[12];
    int count = 0;
#define OPTION(name, number, pointer) \
    items[count++] = (struct MHD_OptionItem){name, (intptr_t)(number), (void *)(pointer)}
    // First, so that a complaint about the options that follow is heard.
    OPTION(MHD_OPTION_EXTERNAL_LOGGER, forward_log, options);
    OPTION(MHD_OPTION_NOTIFY_COMPLETED, options->completed, options->context);
    OPTION(MHD_OPTION_NOTIFY_CONNECTION, options->connection, options->context);
    OPTION(MHD_OPTION_URI_LOG_CALLBACK, options->target, options->context);
    OPTION(MHD_OPTION_CONNECTION_LIMIT, options->connection_limit, NULL);
    OPTION(MHD_OPTION_CONNECTION_TIMEOUT, options->idle_timeout_seconds, NULL);
    OPTION(MHD_OPTION_CONNECTION_MEMORY_LIMIT, options->connection_memory_bytes, NULL);
    // A pool of one is refused with a warning.
    if (options->threads > 1) OPTION(MHD_OPTION_THREAD_POOL_SIZE, options->threads, NULL);
    OPTION(MHD_OPTION_END, 0, NULL);
#undef OPTION
    return MHD_start_daemon(options->flags, 0, NULL, NULL, options->handler, options->context, MHD_OPTION_ARRAY, items,
                            MHD_OPTION_END);
}

int portcullis_mhd_descriptor(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info ? info->connect_fd : -1;
}

void *portcullis_mhd_socket_context(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

size_t portcullis_mhd_header_bytes(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    return info ? info->header_size : 0;
}

unsigned int portcullis_mhd_status(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_HTTP_STATUS);
    return info ? info->http_status : 0;
}

int portcullis_accept(int socket, struct sockaddr *address, socklen_t *size) {
    return accept4(socket, address, size, SOCK_NONBLOCK | SOCK_CLOEXEC);
}
