/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* graph_teardown.c - builds a large graph and throws it away, over and over.
 * Shows: freeing a great many blocks at once in an order that has nothing to do with how they were made.
 *   same      the thread that built the graph frees it
 *   helper    another thread frees it while the next one is built
 * --size-mib says how large a graph is, about; 2048 for a heap that no cache and few address translations hold.
 * Prints "held_seconds": how long the thread that builds had to wait for, or do, the freeing. Whether a helper
 * is worth it is the question which that and "seconds" answer together. */
#include "workload.h"

enum { NODE_COUNT = 50000, NODE_BYTES = 130, EDGES_PER_NODE = 3, LABEL_LOW = 4, LABEL_HIGH = 6 };

enum { SAME, HELPER };

struct node {
    uint32_t edge_count;
    uint32_t edge_capacity;
    struct node **edges;
    void *label;
};

struct graph {
    uint32_t *order; /* in which it is freed */
    struct node **nodes;
};

static uint32_t node_count = NODE_COUNT;
static double held_seconds; /* of the first thread */

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
    graph->order = malloc(node_count * sizeof *graph->order);
    graph->nodes = malloc(node_count * sizeof *graph->nodes);
    if (graph->order == NULL || graph->nodes == NULL)
        workload_fail("out of memory");
    for (uint32_t i = 0; i < node_count; i++) {
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
    for (uint32_t i = 0; i < node_count * EDGES_PER_NODE; i++)
        add_edge(worker, graph->nodes[random_below(worker, node_count)],
                 graph->nodes[random_below(worker, node_count)]);
    return graph;
}

static void *graph_free(void *argument)
{
    struct graph *graph = argument;
    uint64_t edge_count = 0;
    for (uint32_t i = 0; i < node_count; i++) {
        struct node *node = graph->nodes[graph->order[i]];
        edge_count += node->edge_count;
        block_free(node->label);
        free(node->edges);
        free(node);
    }
    free(graph->nodes);
    free(graph->order);
    free(graph);
    if (edge_count != node_count * EDGES_PER_NODE)
        workload_fail("the graph lost edges");
    return NULL;
}

static void body(struct worker *worker)
{
    pthread_t helper;
    bool is_helping = false;
    while (worker_next(worker)) {
        struct graph *graph = graph_new(worker);
        double begin = seconds_now();
        if (workload.mode == SAME) {
            graph_free(graph);
        } else {
            if (is_helping)
                pthread_join(helper, NULL);
            thread_start(&helper, graph_free, graph);
            is_helping = true;
        }
        if (worker->index == 0)
            held_seconds += seconds_now() - begin;
    }
    if (is_helping)
        pthread_join(helper, NULL);
}

int main(int argc, char **argv)
{
    workload.has_size = true;
    workload_begin("graph_teardown", "same|helper", argc, argv);
    workload_iterations(40);
    if (workload.size_mib > UINT32_MAX / EDGES_PER_NODE / (1 << 20) * NODE_BYTES)
        workload_fail("--size-mib is more than node numbers hold");
    if (workload.size_mib > 0)
        node_count = (uint32_t)(workload.size_mib * (1 << 20) / NODE_BYTES);
    workload_run(body);
    printf("held_seconds %.6f\n", held_seconds);
    return workload_end();
}
