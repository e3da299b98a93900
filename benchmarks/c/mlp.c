/* One sample of MLP(h, [h, h, 1]): its score and the partial derivatives for all parameters.
   Parameters lie as micrograd has them: per neuron its weights, then its bias. */
#ifndef real
#define real double
#endif
#ifndef h
#define h 128
#endif
#define LAYER ((h + 1) * h)

static void forward(const real *p, const real *x, real *y) {
    for (int j = 0; j < h; j++) {
        const real *w = p + (h + 1) * j;
        real sum = w[h];
        for (int i = 0; i < h; i++) sum += w[i] * x[i];
        y[j] = sum > 0 ? sum : 0;
    }
}

real mlp(const real *p, const real *x, real *restrict grad) {
    real y[h], z[h], dy[h], score = p[2 * LAYER + h];
    const real *w3 = p + 2 * LAYER;
    forward(p, x, y);
    forward(p + LAYER, y, z);
    for (int j = 0; j < h; j++) {
        score += w3[j] * z[j];
        grad[2 * LAYER + j] = z[j];
        dy[j] = 0;
    }
    grad[2 * LAYER + h] = 1;
    for (int j = 0; j < h; j++) {
        const real *w = p + LAYER + (h + 1) * j;
        real *g = grad + LAYER + (h + 1) * j, d = z[j] > 0 ? w3[j] : 0;
        g[h] = d;
        for (int i = 0; i < h; i++) {
            g[i] = d * y[i];
            dy[i] += d * w[i];
        }
    }
    for (int j = 0; j < h; j++) {
        real *g = grad + (h + 1) * j, d = y[j] > 0 ? dy[j] : 0;
        g[h] = d;
        for (int i = 0; i < h; i++) g[i] = d * x[i];
    }
    return score;
}
