/* Load on two faces of ETSI GS QKD 014 V1.1.1: each client is a thread with a keep-alive connection to either face, and
 * asks for keys as master at one (clause 5.2), then for the same keys by their identifiers as slave at the other
 * (clause 5.3), over mutual TLS 1.3. Keys are compared octet by octet.
 *
 * live_client CLIENTS SECONDS KEYS BOTH_WAYS HOST CA  PORT SAE CERTIFICATE KEY  PORT SAE CERTIFICATE KEY
 *
 * Prints "go" when all are connected and warm, then a JSON object. BOTH_WAYS 1 = every second client has the second SAE
 * as master. Whose certificate it is that the server shows is not looked at, only who signed it. An answer is read as both servers of the benchmark write it: without white space, `key_ID` before `key`.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST_KEYS = 128, ID = 36, LARGEST = 1 << 20, WARM_UP = 5, MOST_PAIRS = 1 << 20 };

typedef struct {
    const char *port, *sae;
    SSL_CTX *context;
} Face;

typedef struct {
    const Face *face;
    SSL *tls;
    char *answer; /* the body of the last one, ended by 0 */
} Connection;

typedef struct {
    Connection master, slave;
    pthread_t thread;
    long pairs, errors;
    float *times; /* microseconds of each pair */
} Client;

static const char *host;
static int keys;
static double span;
static pthread_barrier_t warm;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static void give_up(const char *why) {
    fprintf(stderr, "live_client: %s\n", why);
    exit(1);
}

static SSL_CTX *context(const char *ca, const char *certificate, const char *key) {
    SSL_CTX *made = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(made, TLS1_3_VERSION);
    SSL_CTX_set_verify(made, SSL_VERIFY_PEER, NULL);
    if (SSL_CTX_load_verify_locations(made, ca, NULL) != 1) give_up("no such CA file");
    if (SSL_CTX_use_certificate_chain_file(made, certificate) != 1) give_up("no such certificate");
    if (SSL_CTX_use_PrivateKey_file(made, key, SSL_FILETYPE_PEM) != 1) give_up("no such key");
    return made;
}

static int dial(Connection *c) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    if (c->tls) {
        close(SSL_get_fd(c->tls));
        SSL_free(c->tls);
    }
    c->tls = SSL_new(c->face->context);
    if (getaddrinfo(host, c->face->port, &hints, &found)) return 0;
    int fd = socket(found->ai_family, SOCK_STREAM, 0), one = 1;
    int done = connect(fd, found->ai_addr, found->ai_addrlen) == 0;
    freeaddrinfo(found);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    SSL_set_fd(c->tls, fd);
    return done && SSL_connect(c->tls) == 1;
}

/* Ask and read one answer; its status, 0 when the connection is of no more use. */
static int ask(Connection *c, const char *request, int size) {
    int have = 0, need = LARGEST - 1;
    if (SSL_write(c->tls, request, size) != size) return 0;
    char *body = NULL, *field;
    while (have < need) {
        int got = SSL_read(c->tls, c->answer + have, need - have);
        if (got <= 0) return 0;
        have += got;
        c->answer[have] = 0;
        if (!body && (body = strstr(c->answer, "\r\n\r\n"))) {
            body += 4;
            if (!(field = strcasestr(c->answer, "\ncontent-length:")) || field > body) return 0;
            need = body - c->answer + atoi(field + 16);
            if (need >= LARGEST) return 0;
        }
    }
    int status = atoi(c->answer + 9);
    memmove(c->answer, body, have - (body - c->answer) + 1);
    return status;
}

/* Find the next key of a body from `at` on: its identifier and its octets in base64. */
static const char *next_key(const char *at, const char **id, const char **key, int *size) {
    if (!at || !(at = strstr(at, "\"key_ID\":\"")) || !(*id = at + 10, at = strstr(*id + ID, "\"key\":\""))) return NULL;
    *key = at + 7;
    at = strchr(*key, '"');
    if (at) *size = at - *key;
    return at;
}

static int are_same(const char *got, const char *fetched) {
    const char *id, *other_id, *key, *other;
    int size = 0, other_size = 0, found = 0;
    while ((got = next_key(got, &id, &key, &size))) {
        fetched = next_key(fetched, &other_id, &other, &other_size);
        if (!fetched || !size || size != other_size || memcmp(id, other_id, ID) || memcmp(key, other, size)) return 0;
        found++;
    }
    return found == keys && !next_key(fetched, &id, &key, &size);
}

static int fetch(Client *c) {
    static const char *one = "GET /api/v1/keys/%s/dec_keys?key_ID=%.36s HTTP/1.1\r\nHost: %s:%s\r\n\r\n";
    static const char *many = "POST /api/v1/keys/%s/dec_keys HTTP/1.1\r\nHost: %s:%s\r\n"
                              "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s";
    char request[16384], body[8192] = "{\"key_IDs\":[";
    const char *at = c->master.answer, *id = NULL, *key, *peer = c->master.face->sae, *port = c->slave.face->port;
    int size, used = strlen(body);
    if (keys == 1) {
        if (!next_key(at, &id, &key, &size)) return 0;
        size = snprintf(request, sizeof request, one, peer, id, host, port);
    } else {
        for (int i = 0; i < keys && (at = next_key(at, &id, &key, &size)); i++)
            used += sprintf(body + used, "%s{\"key_ID\":\"%.36s\"}", i ? "," : "", id);
        used += sprintf(body + used, "]}");
        size = snprintf(request, sizeof request, many, peer, host, port, used, body);
    }
    return ask(&c->slave, request, size);
}

static int pair(Client *c) {
    char request[512];
    int size = snprintf(request, sizeof request,
                        "GET /api/v1/keys/%s/enc_keys?number=%d HTTP/1.1\r\nHost: %s:%s\r\n\r\n",
                        c->slave.face->sae, keys, host, c->master.face->port);
    int status = ask(&c->master, request, size);
    if (status == 200) status = fetch(c);
    if (status == 200 && are_same(c->master.answer, c->slave.answer)) return 1;
    if (status == 200) give_up("the two ends have got different keys");
    if (!status && !(dial(&c->master) && dial(&c->slave))) give_up("the server refuses connections");
    return 0;
}

static void *work(void *of) {
    Client *c = of;
    if (!dial(&c->master) || !dial(&c->slave)) give_up("no TLS connection");
    for (int i = 0; i < WARM_UP; i++) pair(c);
    pthread_barrier_wait(&warm);
    double end = now() + span, began;
    while ((began = now()) < end) {
        int is_good = pair(c);
        if (is_good && c->pairs < MOST_PAIRS) c->times[c->pairs++] = (now() - began) * 1e6;
        c->errors += !is_good;
    }
    return NULL;
}

static int by_size(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

int main(int count, char **given) {
    if (count != 15) give_up("see the head of live_client.c");
    int clients = atoi(given[1]), both = atoi(given[4]);
    Face faces[2];
    span = atof(given[2]), keys = atoi(given[3]), host = given[5];
    if (clients < 1 || keys < 1 || keys > MOST_KEYS) give_up("too many or too few");
    signal(SIGPIPE, SIG_IGN);
    for (int i = 0; i < 2; i++) {
        char **of = given + 7 + 4 * i;
        faces[i] = (Face){of[0], of[1], context(given[6], of[2], of[3])};
    }
    Client *all = calloc(clients, sizeof *all);
    pthread_barrier_init(&warm, NULL, clients + 1);
    for (int i = 0; i < clients; i++) {
        int turned = both && i % 2;
        all[i].master = (Connection){&faces[turned], NULL, malloc(LARGEST)};
        all[i].slave = (Connection){&faces[!turned], NULL, malloc(LARGEST)};
        all[i].times = malloc(MOST_PAIRS * sizeof(float)); /* touched as far as used */
        pthread_create(&all[i].thread, NULL, work, &all[i]);
    }
    pthread_barrier_wait(&warm);
    puts("go");
    fflush(stdout);
    double began = now();
    long pairs = 0, errors = 0;
    for (int i = 0; i < clients; i++) {
        pthread_join(all[i].thread, NULL);
        pairs += all[i].pairs, errors += all[i].errors;
    }
    double taken = now() - began;
    float *times = malloc((pairs + 1) * sizeof(float)), *end = times;
    for (int i = 0; i < clients; end += all[i++].pairs) memcpy(end, all[i].times, all[i].pairs * sizeof(float));
    qsort(times, pairs, sizeof(float), by_size);
    times[pairs] = 0;
    printf("{\"pairs\":%ld,\"errors\":%ld,\"seconds\":%.6f,\"median\":%.1f,\"p99\":%.1f}\n", pairs, errors, taken,
           times[pairs / 2], times[pairs * 99 / 100]);
    return 0;
}
