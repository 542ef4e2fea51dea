/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* graph_teardown.c - builds a large graph and throws it away, over and over.
 * Shows: freeing a great many blocks at once in an order that has nothing to do with how they were made.
 *   same      the thread that built the graph frees it
 *   helper    another thread frees it while the next one is built */
#include "workload.h"

enum { NODE_COUNT = 50000, EDGES_PER_NODE = 3, LABEL_LOW = 4, LABEL_HIGH = 6 };

enum { SAME, HELPER };

struct node {
    uint32_t edge_count;
    uint32_t edge_capacity;
    struct node **edges;
    void *label;
};

struct graph {
    uint32_t order[NODE_COUNT]; /* in which it is freed */
    struct node *nodes[NODE_COUNT];
};

static void add_edge(struct worker *worker, struct node *from, struct node *to)
{
    if (from->edge_count == from->edge_capacity) {
        from->edge_capacity = from->edge_capacity == 0 ? 2 : from->edge_capacity * 2;
        from->edges = realloc(from->edges, from->edge_capacity * sizeof *from->edges);
        if (from->edges == NULL)
            workload_fail("out of memory");
        worker->operations++;
    }
    from->edges[from->edge_count++] = to;
}

static struct graph *graph_new(struct worker *worker)
{
    struct graph *graph = malloc(sizeof *graph);
    if (graph == NULL)
        workload_fail("out of memory");
    for (uint32_t i = 0; i < NODE_COUNT; i++) {
        struct node *node = calloc(1, sizeof *node);
        if (node == NULL)
            workload_fail("out of memory");
        worker->operations++;
        node->label = block_new(worker, random_size(worker, LABEL_LOW, LABEL_HIGH));
        graph->nodes[i] = node;
        uint32_t other = random_below(worker, i + 1);
        graph->order[i] = graph->order[other];
        graph->order[other] = i;
    }
    for (uint32_t i = 0; i < NODE_COUNT * EDGES_PER_NODE; i++)
        add_edge(worker, graph->nodes[random_below(worker, NODE_COUNT)],
                 graph->nodes[random_below(worker, NODE_COUNT)]);
    return graph;
}

static void *graph_free(void *argument)
{
    struct graph *graph = argument;
    uint64_t edge_count = 0;
    for (uint32_t i = 0; i < NODE_COUNT; i++) {
        struct node *node = graph->nodes[graph->order[i]];
        edge_count += node->edge_count;
        block_free(node->label);
        free(node->edges);
        free(node);
    }
    free(graph);
    if (edge_count != NODE_COUNT * EDGES_PER_NODE)
        workload_fail("the graph lost edges");
    return NULL;
}

static void body(struct worker *worker)
{
    pthread_t helper;
    bool is_helping = false;
    while (worker_next(worker)) {
        struct graph *graph = graph_new(worker);
        if (workload.mode == SAME) {
            graph_free(graph);
            continue;
        }
        if (is_helping)
            pthread_join(helper, NULL);
        thread_start(&helper, graph_free, graph);
        is_helping = true;
    }
    if (is_helping)
        pthread_join(helper, NULL);
}

int main(int argc, char **argv)
{
    workload_begin("graph_teardown", "same|helper", argc, argv);
    workload_iterations(40);
    workload_run(body);
    return workload_end();
}
