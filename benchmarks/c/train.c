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

/* the order that `fit` takes: Fisher and Yates's shuffle, by splitmix64 */
static void shuffle(unsigned long state, long count, long *order) {
    for (long k = 0; k < count; k++) order[k] = k;
    for (long last = count - 1; last >= 0; last--) {
        unsigned long z = state += 0x9e3779b97f4a7c15;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
        z = (z ^ z >> 27) * 0x94d049bb133111eb;
        long j = (unsigned __int128)(z ^ z >> 31) * (last + 1) >> 64, moved = order[last];
        order[last] = order[j];
        order[j] = moved;
    }
}

/* one pass over the samples in a random order, `size` at a time */
void epoch(const double *from, long batches, long size, long seed, long *order,
           const double *points, const double *labels, double rate, double *losses) {
    double x[2 * size], y[size];
    start(from);
    shuffle(seed, batches * size, order);
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

