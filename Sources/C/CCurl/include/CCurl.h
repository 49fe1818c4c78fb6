// libcurl, and what Swift cannot call: curl_easy_setopt and curl_easy_getinfo, whose arguments vary. One function for each
// type that an option or an answer has.
#ifndef PORTCULLIS_CCURL_H
#define PORTCULLIS_CCURL_H

#include <curl/curl.h>
#include <stddef.h>

// curl_global_init with everything; its constant is an expression that Swift does not import.
CURLcode portcullis_curl_global_init(void);

CURLcode portcullis_curl_set_number(CURL *handle, CURLoption option, long value);
// libcurl copies the text. NULL puts the option back to its default.
CURLcode portcullis_curl_set_text(CURL *handle, CURLoption option, const char *value);
// A list stays the caller's, and must live as long as the transfer.
CURLcode portcullis_curl_set_list(CURL *handle, CURLoption option, struct curl_slist *value);
// The bytes to send; they are copied.
CURLcode portcullis_curl_set_body(CURL *handle, const void *bytes, size_t count);
// At least CURL_ERROR_SIZE bytes, which live as long as the handle.
CURLcode portcullis_curl_set_error_buffer(CURL *handle, char *buffer);

typedef size_t (*portcullis_curl_receive)(char *bytes, size_t size, size_t count, void *context);
typedef size_t (*portcullis_curl_supply)(char *buffer, size_t size, size_t count, void *context);
typedef int (*portcullis_curl_progress)(
    void *context, curl_off_t download_total, curl_off_t downloaded, curl_off_t upload_total, curl_off_t uploaded);
typedef int (*portcullis_curl_trace)(CURL *handle, curl_infotype type, char *bytes, size_t count, void *context);
typedef curl_socket_t (*portcullis_curl_open_socket)(
    void *context, curlsocktype purpose, struct curl_sockaddr *address);

// Each callback with its context, which must outlive the transfer.
CURLcode portcullis_curl_on_body(CURL *handle, portcullis_curl_receive callback, void *context);
CURLcode portcullis_curl_on_header(CURL *handle, portcullis_curl_receive callback, void *context);
CURLcode portcullis_curl_on_read(CURL *handle, portcullis_curl_supply callback, void *context);
CURLcode portcullis_curl_on_progress(CURL *handle, portcullis_curl_progress callback, void *context);
CURLcode portcullis_curl_on_socket(CURL *handle, portcullis_curl_open_socket callback, void *context);

// Called with what goes over the connection, credentials among it.
CURLcode portcullis_curl_on_trace(CURL *handle, portcullis_curl_trace callback, void *context);

CURLcode portcullis_curl_get_number(CURL *handle, CURLINFO info, long *value);

// A close-on-exec socket for an address that libcurl is about to connect to; CURL_SOCKET_BAD without one.
curl_socket_t portcullis_curl_socket(const struct curl_sockaddr *address);

#endif
