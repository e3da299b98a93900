/* Training by the gradient that GRADIENT computes (moons.c, moons_lanes.c or moons_plain.c): plain
   stochastic gradient descent, the loss of every step noted before its update. */
#include GRADIENT
#include <string.h>
#include <time.h>

#ifndef real
#define real float
#endif
#define BLOCK 1024

static real p[P], grad[P];

static void start(const double *from) {
    for (int k = 0; k < P; k++) p[k] = from[k];
}

static void update(real rate) {
    for (int k = 0; k < P; k++) p[k] -= rate * grad[k];
}

/* all samples in every step; they were set by set_data */
void whole(const double *from, long steps, double *losses) {
    start(from);
    for (long k = 0; k < steps; k++) {
        losses[k] = moons(p, grad);
        update((real)(1.0 - 0.9 * k / steps));
    }
}

/* the same for more samples than a cache holds: block by block, their shares summed */
void blocked(const double *from, long steps, long count, const double *points,
             const double *labels, double *losses) {
    start(from);
    for (long k = 0; k < steps; k++) {
        real total[P] = {0}, loss = 0;
        for (long at = 0; at < count; at += BLOCK) {
            long size = count - at < BLOCK ? count - at : BLOCK;
            real share = (real)size / count;
            set_data(size, points + 2 * at, labels + at);
            loss += share * moons(p, grad);
            for (int i = 0; i < P; i++) total[i] += share * grad[i];
        }
        losses[k] = loss;
        memcpy(grad, total, sizeof grad);
        update((real)(1.0 - 0.9 * k / steps));
    }
}

/* one pass over the samples in a given order, `size` at a time */
void epoch(const double *from, long batches, long size, const long *order, const double *points,
           const double *labels, double rate, double *losses) {
    double x[2 * size], y[size];
    start(from);
    for (long k = 0; k < batches; k++) {
        for (long s = 0; s < size; s++) {
            long row = order[k * size + s];
            x[2 * s] = points[2 * row];
            x[2 * s + 1] = points[2 * row + 1];
            y[s] = labels[row];
        }
        set_data(size, x, y);
        losses[k] = moons(p, grad);
        update(rate);
    }
}

void parameters(double *into) {
    for (int k = 0; k < P; k++) into[k] = p[k];
}

