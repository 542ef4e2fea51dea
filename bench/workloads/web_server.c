/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* web_server.c - workers that answer requests: many short-lived blocks for each, and sessions that live for
 * thousands of requests and are changed by whichever worker comes next.
 * Shows: long-lived small blocks among short-lived ones, growth of buffers, frees across threads. */
#include "workload.h"

enum {
    SESSION_COUNT = 4096,
    ATTRIBUTE_COUNT = 8,
    HEADER_COUNT = 12,
    PART_COUNT = 24,
    REQUESTS_PER_ITERATION = 100,
    REQUESTS_PER_RENEWAL = 50, /* one in so many ends its session */
};

struct session {
    pthread_mutex_t lock;
    char *attributes[ATTRIBUTE_COUNT];
    void *user;
};

static struct session *sessions[SESSION_COUNT];
static pthread_mutex_t table_locks[64];

struct part {
    struct part *next;
    void *name;
    void *value;
};

struct request {
    void *headers[HEADER_COUNT];
    struct part *parts;
    char *body;
    size_t body_size;
    void *response;
};

static struct session *session_new(struct worker *worker)
{
    struct session *session = malloc(sizeof *session);
    if (session == NULL)
        workload_fail("out of memory");
    worker->operations++;
    pthread_mutex_init(&session->lock, NULL);
    session->user = block_new(worker, 200);
    for (size_t i = 0; i < ATTRIBUTE_COUNT; i++)
        session->attributes[i] = block_new(worker, random_size(worker, 4, 9));
    return session;
}

static void session_free(struct session *session)
{
    for (size_t i = 0; i < ATTRIBUTE_COUNT; i++)
        block_free(session->attributes[i]);
    block_free(session->user);
    pthread_mutex_destroy(&session->lock);
    free(session);
}

/* A tenth of the sessions gets nine tenths of the requests. */
static void use_session(struct worker *worker)
{
    bool is_hot = random_below(worker, 10) != 0;
    uint32_t index = random_below(worker, is_hot ? SESSION_COUNT / 10 : SESSION_COUNT);
    pthread_mutex_t *lock = &table_locks[index % 64];
    pthread_mutex_lock(lock);
    struct session *session = sessions[index];
    char **attribute = &session->attributes[random_below(worker, ATTRIBUTE_COUNT)];
    block_free(*attribute);
    *attribute = block_new(worker, random_size(worker, 4, 9));
    if (random_below(worker, REQUESTS_PER_RENEWAL) == 0) {
        session_free(session);
        sessions[index] = session_new(worker);
    }
    pthread_mutex_unlock(lock);
}

static void read_body(struct worker *worker, struct request *request)
{
    size_t limit = random_size(worker, 9, 15);
    request->body_size = 0;
    request->body = NULL;
    do {
        request->body_size = request->body_size == 0 ? 512 : request->body_size * 2;
        request->body = realloc(request->body, request->body_size);
        if (request->body == NULL)
            workload_fail("out of memory");
        memset(request->body + request->body_size / 2, 'x', request->body_size / 2);
        worker->operations++;
    } while (request->body_size < limit);
}

static void parse(struct worker *worker, struct request *request)
{
    request->parts = NULL;
    for (size_t i = 0; i < PART_COUNT; i++) {
        struct part *part = malloc(sizeof *part);
        if (part == NULL)
            workload_fail("out of memory");
        worker->operations++;
        part->name = block_new(worker, random_size(worker, 4, 6));
        part->value = block_new(worker, random_size(worker, 4, 8));
        part->next = request->parts;
        request->parts = part;
    }
}

static void request_free(struct request *request)
{
    for (struct part *part = request->parts, *next; part != NULL; part = next) {
        next = part->next;
        block_free(part->name);
        block_free(part->value);
        free(part);
    }
    if (request->body[request->body_size - 1] != 'x')
        workload_fail("a body lost its end");
    free(request->body);
    for (size_t i = 0; i < HEADER_COUNT; i++)
        block_free(request->headers[i]);
    block_free(request->response);
    free(request);
}

static void answer(struct worker *worker)
{
    struct request *request = malloc(sizeof *request);
    if (request == NULL)
        workload_fail("out of memory");
    worker->operations++;
    for (size_t i = 0; i < HEADER_COUNT; i++)
        request->headers[i] = block_new(worker, random_size(worker, 4, 8));
    read_body(worker, request);
    parse(worker, request);
    use_session(worker);
    request->response = block_new(worker, random_size(worker, 10, 16));
    request_free(request);
}

static void body(struct worker *worker)
{
    while (worker_next(worker))
        for (int i = 0; i < REQUESTS_PER_ITERATION; i++)
            answer(worker);
}

int main(int argc, char **argv)
{
    workload_begin("web_server", NULL, argc, argv);
    workload_iterations(3000);
    for (size_t i = 0; i < sizeof table_locks / sizeof *table_locks; i++)
        pthread_mutex_init(&table_locks[i], NULL);
    workers[0].random = workload.seed | 1;
    for (size_t i = 0; i < SESSION_COUNT; i++)
        sessions[i] = session_new(&workers[0]);
    workload_run(body);
    for (size_t i = 0; i < SESSION_COUNT; i++)
        session_free(sessions[i]);
    return workload_end();
}
