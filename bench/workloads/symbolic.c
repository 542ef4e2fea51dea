/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* symbolic.c - differentiates random formulas and simplifies the result: trees of tiny blocks.
 * Shows: very many short-lived blocks of 8 to 40 bytes in one thread, as in algebra systems, compilers and
 * interpreters. Numbers are blocks of their own, one or three limbs long.
 * The simplified derivative must have the same value modulo 2^64 as the plain one. */
#include "workload.h"

enum { DEPTH = 7, ROUNDS_PER_ITERATION = 20 };

enum kind { NUMBER, VARIABLE, SUM, PRODUCT };

struct node {
    enum kind kind;
    struct node *left, *right;
    uint64_t *number; /* limbs; the first is the value */
};

static struct node *node_new(struct worker *worker, enum kind kind, struct node *l, struct node *r)
{
    struct node *node = malloc(sizeof *node);
    if (node == NULL)
        workload_fail("out of memory");
    worker->operations++;
    *node = (struct node){.kind = kind, .left = l, .right = r};
    return node;
}

/* Small numbers need one limb, which is the smallest block there is. */
static struct node *number_new(struct worker *worker, uint64_t value)
{
    struct node *node = node_new(worker, NUMBER, NULL, NULL);
    size_t limb_count = value >> 32 == 0 ? 1 : 3;
    node->number = malloc(limb_count * sizeof *node->number);
    if (node->number == NULL)
        workload_fail("out of memory");
    worker->operations++;
    *node->number = value;
    return node;
}

static void tree_free(struct node *node)
{
    if (node == NULL)
        return;
    tree_free(node->left);
    tree_free(node->right);
    free(node->number);
    free(node);
}

static struct node *tree_random(struct worker *worker, int depth)
{
    uint32_t chance = random_below(worker, 16);
    if (depth == 0 || chance == 0)
        return chance % 2 == 0 ? number_new(worker, random_next(worker) % 3)
                               : node_new(worker, VARIABLE, NULL, NULL);
    struct node *left = tree_random(worker, depth - 1);
    struct node *right = tree_random(worker, depth - 1);
    return node_new(worker, chance % 2 == 0 ? SUM : PRODUCT, left, right);
}

static struct node *tree_copy(struct worker *worker, const struct node *node)
{
    if (node->kind == NUMBER)
        return number_new(worker, *node->number);
    if (node->kind == VARIABLE)
        return node_new(worker, VARIABLE, NULL, NULL);
    struct node *left = tree_copy(worker, node->left);
    return node_new(worker, node->kind, left, tree_copy(worker, node->right));
}

static struct node *derive(struct worker *worker, const struct node *node)
{
    if (node->kind == NUMBER || node->kind == VARIABLE)
        return number_new(worker, node->kind == VARIABLE);
    struct node *left = derive(worker, node->left);
    struct node *right = derive(worker, node->right);
    if (node->kind == SUM)
        return node_new(worker, SUM, left, right);
    left = node_new(worker, PRODUCT, left, tree_copy(worker, node->right));
    right = node_new(worker, PRODUCT, tree_copy(worker, node->left), right);
    return node_new(worker, SUM, left, right);
}

static bool is_number(const struct node *node, uint64_t value)
{
    return node->kind == NUMBER && *node->number == value;
}

/* Frees node but for its child kept. */
static struct node *keep_child(struct node *node, struct node *kept)
{
    tree_free(kept == node->left ? node->right : node->left);
    free(node);
    return kept;
}

static struct node *simplify(struct worker *worker, struct node *node)
{
    if (node->kind == NUMBER || node->kind == VARIABLE)
        return node;
    node->left = simplify(worker, node->left);
    node->right = simplify(worker, node->right);
    struct node *left = node->left, *right = node->right;
    uint64_t neutral = node->kind == PRODUCT;
    if (left->kind == NUMBER && right->kind == NUMBER) {
        uint64_t a = *left->number, b = *right->number;
        tree_free(node);
        return number_new(worker, neutral ? a * b : a + b);
    }
    if (is_number(right, neutral) || (neutral && is_number(left, 0)))
        return keep_child(node, left);
    if (is_number(left, neutral) || (neutral && is_number(right, 0)))
        return keep_child(node, right);
    return node;
}

static uint64_t evaluate(const struct node *node, uint64_t x)
{
    switch (node->kind) {
    case NUMBER:
        return *node->number;
    case VARIABLE:
        return x;
    case SUM:
        return evaluate(node->left, x) + evaluate(node->right, x);
    default:
        return evaluate(node->left, x) * evaluate(node->right, x);
    }
}

static void body(struct worker *worker)
{
    while (worker_next(worker))
        for (int i = 0; i < ROUNDS_PER_ITERATION; i++) {
            struct node *formula = tree_random(worker, DEPTH);
            struct node *derived = derive(worker, formula);
            uint64_t x = random_next(worker), expected = evaluate(derived, x);
            derived = simplify(worker, derived);
            if (evaluate(derived, x) != expected)
                workload_fail("a formula changed its value");
            tree_free(derived);
            tree_free(formula);
        }
}

int main(int argc, char **argv)
{
    workload_begin("symbolic", NULL, argc, argv);
    workload_iterations(1000);
    workload_run(body);
    return workload_end();
}
