// Clients that send the same kind of request one after the other, each on a connection of its own, to 127.0.0.1 only:
//
//   LoadGenerator PORT KEY CLIENTS SECONDS upload BYTES     every body is different
//   LoadGenerator PORT KEY CLIENTS SECONDS get PATH
//
// Prints one JSON object: answers as expected and others, per second, and the times of an answer in milliseconds.
#define _GNU_SOURCE 1
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAXIMUM_CLIENTS = 1024, MAXIMUM_BYTES = 1 << 24, LATENCIES = 1 << 20 };

static int port, clients;
static const char *key, *kind, *what;
static size_t body_size;
static double deadline;
static _Atomic uint64_t sequence;
static _Atomic size_t good, bad, samples;
static float latency[LATENCIES];

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec * 1e-9;
}

static int connected(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    if (s < 0 || connect(s, (struct sockaddr *)&address, sizeof address) != 0) {
        perror("LoadGenerator: connect");
        exit(2);
    }
    setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return s;
}

static int send_all(int s, const char *bytes, size_t count) {
    while (count > 0) {
        ssize_t sent = send(s, bytes, count, MSG_NOSIGNAL);
        if (sent <= 0) return -1;
        bytes += sent;
        count -= sent;
    }
    return 0;
}

// Reads one answer with a Content-Length; its status, or -1.
static int answer(int s, char *buffer, size_t capacity) {
    size_t filled = 0;
    char *end = NULL;
    while (end == NULL) {
        if (filled + 1 >= capacity) return -1;
        ssize_t count = recv(s, buffer + filled, capacity - 1 - filled, 0);
        if (count <= 0) return -1;
        filled += count;
        buffer[filled] = 0;
        end = strstr(buffer, "\r\n\r\n");
    }
    *end = 0;
    int status = atoi(buffer + 9);
    char *length = strcasestr(buffer, "\r\ncontent-length:");
    if (length == NULL) return -1;
    size_t rest = strtoull(length + 17, NULL, 10), here = buffer + filled - (end + 4);
    while (here < rest) {
        ssize_t count = recv(s, buffer, capacity, 0);
        if (count <= 0) return -1;
        here += count;
    }
    return status;
}

static void *client(void *unused) {
    (void)unused;
    int uploads = strcmp(kind, "upload") == 0, s = connected();
    char *request = malloc(2048 + body_size), *buffer = malloc(1 << 18);
    if (request == NULL || buffer == NULL) abort();
    while (now() < deadline) {
        int head = snprintf(
            request, 2048, "%s %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Length: %zu\r\n\r\n",
            uploads ? "POST" : "GET", uploads ? "/v1/uploads?filename=load.bin" : what, key, body_size);
        if (uploads) {
            uint64_t number = atomic_fetch_add(&sequence, 1);
            memset(request + head, 'x', body_size);
            snprintf(request + head, body_size, "%llu %d", (unsigned long long)number, (int)getpid());
        }
        double start = now();
        int status = send_all(s, request, head + body_size) == 0 ? answer(s, buffer, 1 << 18) : -1;
        double time = now() - start;
        if (status == (uploads ? 201 : 200)) {
            atomic_fetch_add(&good, 1);
        } else {
            if (atomic_fetch_add(&bad, 1) == 0) fprintf(stderr, "LoadGenerator: the first other answer: %d\n", status);
            if (status < 0) {
                close(s);
                s = connected();
            }
        }
        size_t index = atomic_fetch_add(&samples, 1);
        if (index < LATENCIES) latency[index] = (float)(time * 1000);
    }
    return NULL;
}

static int ascending(const void *left, const void *right) {
    float a = *(const float *)left, b = *(const float *)right;
    return (a > b) - (a < b);
}

int main(int count, char **arguments) {
    if (count != 7) {
        fprintf(stderr, "usage: LoadGenerator PORT KEY CLIENTS SECONDS (upload BYTES | get PATH)\n");
        return 64;
    }
    port = atoi(arguments[1]);
    key = arguments[2];
    clients = atoi(arguments[3]);
    kind = arguments[5];
    what = arguments[6];
    if (strcmp(kind, "upload") == 0) body_size = strtoull(what, NULL, 10);
    if (clients < 1 || clients > MAXIMUM_CLIENTS || body_size > MAXIMUM_BYTES) return 64;
    pthread_t threads[MAXIMUM_CLIENTS];
    double start = now();
    deadline = start + atof(arguments[4]);
    for (int index = 0; index < clients; index++) {
        if (pthread_create(&threads[index], NULL, client, NULL) != 0) abort();
    }
    for (int index = 0; index < clients; index++) pthread_join(threads[index], NULL);
    double seconds = now() - start;
    size_t measured = samples < LATENCIES ? samples : LATENCIES;
    qsort(latency, measured, sizeof *latency, ascending);
    printf(
        "{\"answers\": %zu, \"others\": %zu, \"per_second\": %.1f, \"p50_ms\": %.3f, \"p99_ms\": %.3f}\n", (size_t)good,
        (size_t)bad, good / seconds, measured ? latency[measured / 2] : 0, measured ? latency[measured * 99 / 100] : 0);
    return bad == 0 ? 0 : 1;
}
