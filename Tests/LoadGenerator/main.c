// Clients that send the same kind of request one after the other, each on a connection of its own, to 127.0.0.1 only:
//
//   LoadGenerator PORT KEY CLIENTS SECONDS upload BYTES     every body is different
//   LoadGenerator PORT KEY CLIENTS SECONDS get PATH
//   LoadGenerator PORT KEY CLIENTS SECONDS form TYPE FILE...    by POST in a form
//   LoadGenerator PORT KEY CLIENTS SECONDS again TYPE FILE...   the same, with the files' own bytes each time
//   LoadGenerator PORT KEY CLIENTS SECONDS put TYPE FILE...     by PUT to a name of its own
//
// SECONDS may be SECONDS@RATE: so many requests a second of all clients together, however long the answers take, as far as
// there are clients left to send them.
//
// The bytes of form and put are different each time, though the pictures are not: a JPEG gets a comment, what is no picture
// another beginning. Prints one JSON object: answers as expected and others, per second, and the times of
// those that were as expected, in milliseconds.
#define _GNU_SOURCE 1
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define BOUNDARY "load-generator-boundary"

enum { MAXIMUM_CLIENTS = 1024, MAXIMUM_BYTES = 1 << 24, LATENCIES = 1 << 20, UNIQUE_BYTES = 38 };

struct file {
    const char *bytes;
    size_t size;
    int is_jpeg;
};

static int port, clients;
static const char *key, *kind, *what;
static struct file *files;
static int file_count;
static size_t body_size;
static double begun, deadline, rate;
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

static int send_all(int s, struct iovec *parts, int count) {
    while (count > 0) {
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
        ssize_t sent = sendmsg(s, &message, MSG_NOSIGNAL);
        if (sent <= 0) return -1;
        while (count > 0 && (size_t)sent >= parts->iov_len) {
            sent -= parts->iov_len;
            parts++, count--;
        }
        if (count > 0) {
            parts->iov_base = (char *)parts->iov_base + sent;
            parts->iov_len -= sent;
        }
    }
    return 0;
}

static struct file opened(const char *path) {
    struct stat status;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0 || fstat(descriptor, &status) != 0 || status.st_size < UNIQUE_BYTES) {
        fprintf(stderr, "LoadGenerator: %s cannot be read, or is too small\n", path);
        exit(2);
    }
    char *bytes = mmap(NULL, status.st_size, PROT_READ, MAP_SHARED | MAP_POPULATE, descriptor, 0);
    if (bytes == MAP_FAILED) abort();
    close(descriptor);
    return (struct file){bytes, status.st_size, memcmp(bytes, "\xff\xd8\xff", 3) == 0};
}

// What comes before the rest of the file, so that its bytes are its own: `prefix` has room for UNIQUE_BYTES. Gives where the
// rest begins.
static size_t distinguish(struct file file, char *prefix, size_t *prefix_size) {
    if (strcmp(kind, "again") == 0) return *prefix_size = 0;
    char tag[33];
    snprintf(tag, sizeof tag, "%016llx%016x", (unsigned long long)atomic_fetch_add(&sequence, 1), (unsigned)getpid());
    // Start of image, then a comment of 34 bytes with its length.
    size_t head = file.is_jpeg ? 6 : 0;
    memcpy(prefix, "\xff\xd8\xff\xfe\x00\x22", head);
    memcpy(prefix + head, tag, 32);
    *prefix_size = head + 32;
    return file.is_jpeg ? 2 : 32;
}

// Sends one of the files; 0, or -1 where that failed.
static int send_file(int s, uint64_t number) {
    struct file file = files[number % file_count];
    int is_form = strcmp(kind, "put") != 0;
    char head[2048], part[512] = "", prefix[UNIQUE_BYTES];
    const char *tail = is_form ? "\r\n--" BOUNDARY "--\r\n" : "";
    size_t prefix_size, start = distinguish(file, prefix, &prefix_size);
    if (is_form) {
        snprintf(
            part, sizeof part,
            "--" BOUNDARY "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f%llu\"\r\nContent-Type: %s\r\n\r\n",
            (unsigned long long)number, what);
    }
    size_t body = strlen(part) + prefix_size + file.size - start + strlen(tail);
    char target[64] = "/v1/uploads";
    if (!is_form) snprintf(target, sizeof target, "/%d-%llu", (int)getpid(), (unsigned long long)number);
    int size = snprintf(
        head, sizeof head,
        "%s %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n",
        is_form ? "POST" : "PUT", target, key, is_form ? "multipart/form-data; boundary=" BOUNDARY : what, body);
    struct iovec parts[] = {
        {head, size}, {part, strlen(part)}, {prefix, prefix_size}, {(char *)file.bytes + start, file.size - start},
        {(char *)tail, strlen(tail)},
    };
    return send_all(s, parts, 5);
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

static int send_plain(int s, char *request) {
    int uploads = strcmp(kind, "upload") == 0;
    int head = snprintf(
        request, 2048, "%s %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Length: %zu\r\n\r\n",
        uploads ? "POST" : "GET", uploads ? "/v1/uploads?filename=load.bin" : what, key, body_size);
    if (uploads) {
        uint64_t number = atomic_fetch_add(&sequence, 1);
        memset(request + head, 'x', body_size);
        snprintf(request + head, body_size, "%llu %d", (unsigned long long)number, (int)getpid());
    }
    struct iovec part = {request, head + body_size};
    return send_all(s, &part, 1);
}

// Until it is time for the next request of all; always true.
static int wait_for_turn(void) {
    static _Atomic uint64_t turns;
    if (rate <= 0) return 1;
    double start = begun + atomic_fetch_add(&turns, 1) / rate, left = (start < deadline ? start : deadline) - now();
    if (left > 0) usleep((useconds_t)(left * 1e6));
    return 1;
}

static void *client(void *unused) {
    (void)unused;
    static _Atomic uint64_t requests;
    int s = connected(), expected = strcmp(kind, "get") == 0 ? 200 : 201;
    char *request = malloc(2048 + body_size), *buffer = malloc(1 << 18);
    if (request == NULL || buffer == NULL) abort();
    while (wait_for_turn() && now() < deadline) {
        double start = now();
        int sent = file_count > 0 ? send_file(s, atomic_fetch_add(&requests, 1)) : send_plain(s, request);
        int status = sent == 0 ? answer(s, buffer, 1 << 18) : -1;
        double time = now() - start;
        if (status == expected) {
            atomic_fetch_add(&good, 1);
            size_t index = atomic_fetch_add(&samples, 1);
            if (index < LATENCIES) latency[index] = (float)(time * 1000);
        } else {
            if (atomic_fetch_add(&bad, 1) == 0) fprintf(stderr, "LoadGenerator: the first other answer: %d\n", status);
            if (status < 0) {
                close(s);
                s = connected();
            }
        }
    }
    return NULL;
}

static int ascending(const void *left, const void *right) {
    float a = *(const float *)left, b = *(const float *)right;
    return (a > b) - (a < b);
}

int main(int count, char **arguments) {
    if (count < 7) {
        fprintf(
            stderr, "usage: LoadGenerator PORT KEY CLIENTS SECONDS[@RATE] (upload BYTES | get PATH | form|again|put TYPE FILE...)\n");
        return 64;
    }
    port = atoi(arguments[1]);
    key = arguments[2];
    clients = atoi(arguments[3]);
    kind = arguments[5];
    what = arguments[6];
    if (strcmp(kind, "upload") == 0) body_size = strtoull(what, NULL, 10);
    file_count = count - 7;
    files = calloc(file_count + 1, sizeof *files);
    for (int index = 0; index < file_count; index++) files[index] = opened(arguments[7 + index]);
    if (clients < 1 || clients > MAXIMUM_CLIENTS || body_size > MAXIMUM_BYTES) return 64;
    pthread_t threads[MAXIMUM_CLIENTS];
    char *paced = strchr(arguments[4], '@');
    rate = paced ? atof(paced + 1) : 0;
    begun = now();
    deadline = begun + atof(arguments[4]);
    for (int index = 0; index < clients; index++) {
        if (pthread_create(&threads[index], NULL, client, NULL) != 0) abort();
    }
    for (int index = 0; index < clients; index++) pthread_join(threads[index], NULL);
    double seconds = now() - begun;
    size_t measured = samples < LATENCIES ? samples : LATENCIES;
    qsort(latency, measured, sizeof *latency, ascending);
    printf(
        "{\"answers\": %zu, \"others\": %zu, \"per_second\": %.1f, \"p50_ms\": %.3f, \"p99_ms\": %.3f}\n", (size_t)good,
        (size_t)bad, good / seconds, measured ? latency[measured / 2] : 0, measured ? latency[measured * 99 / 100] : 0);
    return bad == 0 ? 0 : 1;
}
