/* The score of MLP(10, [30, 20, 10, 1]) on one input. The weights are turned beforehand, so that the
   units of a layer are lanes. */
#ifndef real
#define real double
#endif
#define IN 10
#define A 30
#define B 20
#define C 10

static real wa[IN][A], ba[A], wb[A][B], bb[B], wc[B][C], bc[C], wd[C], bd;

static const double *take(const double *p, int in, int out, real *w, real *b) {
    for (int j = 0; j < out; j++) {
        for (int i = 0; i < in; i++) w[i * out + j] = *p++;
        b[j] = *p++;
    }
    return p;
}

void set_parameters(const double *p) {
    p = take(p, IN, A, &wa[0][0], ba);
    p = take(p, A, B, &wb[0][0], bb);
    p = take(p, B, C, &wc[0][0], bc);
    take(p, C, 1, wd, &bd);
}

#define LAYER(in, out, x, w, b, y)                                   \
    real y[out];                                                     \
    for (int j = 0; j < out; j++) y[j] = b[j];                       \
    for (int i = 0; i < in; i++)                                     \
        for (int j = 0; j < out; j++) y[j] += w[i][j] * x[i];        \
    for (int j = 0; j < out; j++) y[j] = y[j] > 0 ? y[j] : 0;

real w7(const real x[IN]) {
    LAYER(IN, A, x, wa, ba, a)
    LAYER(A, B, a, wb, bb, b)
    LAYER(B, C, b, wc, bc, c)
    real score = bd;
    for (int i = 0; i < C; i++) score += wd[i] * c[i];
    return score;
}
