/* Training microgpt by Adam, a step for every `batch` documents; GRADIENT (microgpt_plain.c or
   microgpt_lanes.c) has the loss of a document and its gradient. */
#include GRADIENT
#include <string.h>
#include <time.h>

static real p[P] __attribute__((aligned(64))), m[P], v[P], grad[P] __attribute__((aligned(64)));

static __attribute__((noinline)) void adam(real rate, real eps) {
    for (long k = 0; k < P; k++) {
        m[k] = (real)0.85 * m[k] + (real)0.15 * grad[k];
        v[k] = (real)0.99 * v[k] + (real)0.01 * grad[k] * grad[k];
        p[k] -= rate * m[k] / (sqrt(v[k]) + eps);
    }
}

/* tokens of document k: from starts[k] to starts[k + 1], both ends among them. The losses of all
   steps; `numbers` are the parameters, before and after. The seconds that it took. */
double train(double *numbers, const int *tokens, const long *starts, long steps, long batch,
             double *losses) {
    struct timespec from, to;
    double beta1 = 1, beta2 = 1;
    for (long k = 0; k < P; k++) p[k] = numbers[k], m[k] = v[k] = 0;
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (long step = 0; step < steps; step++) {
        real loss = 0;
        memset(grad, 0, sizeof grad);
        prepare(p);
        for (long k = step * batch; k < (step + 1) * batch; k++) {
            long n = starts[k + 1] - starts[k] - 1;
            loss += document(p, tokens + starts[k], n < MOST ? n : MOST, (real)1 / batch, grad);
        }
        losses[step] = loss / batch;
        beta1 *= 0.85, beta2 *= 0.99;
        double root = sqrt(1 - beta2);
        adam(0.01 * (1 - (double)step / steps) * root / (1 - beta1), 1e-8 * root);
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    for (long k = 0; k < P; k++) numbers[k] = p[k];
    return (to.tv_sec - from.tv_sec) + 1e-9 * (to.tv_nsec - from.tv_nsec);
}
