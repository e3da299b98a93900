/* The moons loss of MLP(2, [16, 16, 1]) and its 337 partial derivatives, by hand, for float or
   double: samples are lanes. Every pass keeps its sums in registers; those of the gradient are
   summed over the lanes once, at the end. Parameters lie as micrograd has them. */
#ifndef real
#define real double
#endif
#define H 16
#define P 337
#define MOST 16384 /* samples */
#define WIDTH (64 / (int)sizeof(real))
#define LAYER2 48
#define LAYER3 (LAYER2 + H * 17)

typedef real lanes __attribute__((vector_size(64)));

static long n, blocks;
static lanes xs[MOST / WIDTH][2], ys[MOST / WIDTH], shares[MOST / WIDTH], slope[MOST / WIDTH];
static lanes h1[MOST / WIDTH][H], h2[MOST / WIDTH][H], d1[MOST / WIDTH][H], d2[MOST / WIDTH][H];
static lanes sums[P];

/* samples beyond the last have no share in the loss */
void set_data(long count, const double *points, const double *labels) {
    n = count;
    blocks = (n + WIDTH - 1) / WIDTH;
    for (long b = 0; b < blocks; b++)
        for (int k = 0; k < WIDTH; k++) {
            long s = b * WIDTH + k;
            xs[b][0][k] = s < n ? points[2 * s] : 0;
            xs[b][1][k] = s < n ? points[2 * s + 1] : 0;
            ys[b][k] = s < n ? labels[s] : 1;
            shares[b][k] = s < n ? (real)1 / n : 0;
        }
}

/* gcc would break the chains of fused multiply-adds into products and sums */
#if defined(__GNUC__) && !defined(__clang__)
#define PLAIN __attribute__((noinline, optimize("no-tree-reassoc")))
#else
#define PLAIN __attribute__((noinline))
#endif

/* `x` where `by` is positive, 0 elsewhere */
static inline lanes gate(lanes x, lanes by) {
    __typeof__(by > 0) mask = by > 0;
    return (lanes)((__typeof__(mask))x & mask);
}

static PLAIN real forward(const real *p) {
    lanes loss = {0};
    for (long b = 0; b < blocks; b++) {
        for (int j = 0; j < H; j++) {
            const real *w = p + 3 * j;
            lanes h = xs[b][0] * w[0] + (xs[b][1] * w[1] + w[2]);
            h1[b][j] = gate(h, h);
        }
        lanes score = (lanes){0} + p[LAYER3 + H], h[H];
        for (int j = 0; j < H; j++) h[j] = (lanes){0} + p[LAYER2 + 17 * j + H];
        for (int i = 0; i < H; i++) {
            lanes x = h1[b][i];
            _Pragma("GCC unroll 16") for (int j = 0; j < H; j++) h[j] += x * p[LAYER2 + 17 * j + i];
        }
        _Pragma("GCC unroll 16") for (int j = 0; j < H; j++) {
            h2[b][j] = gate(h[j], h[j]);
            score += h2[b][j] * p[LAYER3 + j];
        }
        lanes margin = 1 - ys[b] * score;
        loss += gate(margin, margin) * shares[b];
        slope[b] = gate(-ys[b] * shares[b], margin);
    }
    real total = 0;
    for (int k = 0; k < WIDTH; k++) total += loss[k];
    return total;
}

/* the last layer, and what flows into the hidden ones */
static PLAIN void backward(const real *p) {
    lanes w3[H], b2[H], b3 = {0}, zero = {0};
    for (int j = 0; j < H; j++) w3[j] = b2[j] = zero;
    for (long b = 0; b < blocks; b++) {
        b3 += slope[b];
        _Pragma("GCC unroll 16") for (int j = 0; j < H; j++) {
            lanes d = gate(slope[b] * p[LAYER3 + j], h2[b][j]);
            w3[j] += slope[b] * h2[b][j];
            sums[LAYER2 + 17 * j + H] = b2[j] += d;
            d2[b][j] = d;
        }
    }
    for (int j = 0; j < H; j++) sums[LAYER3 + j] = w3[j];
    sums[LAYER3 + H] = b3;
    for (long b = 0; b < blocks; b++) {
        lanes d[H];
        for (int i = 0; i < H; i++) d[i] = zero;
        for (int j = 0; j < H; j++) {
            lanes x = d2[b][j];
            const real *w = p + LAYER2 + 17 * j;
            _Pragma("GCC unroll 16") for (int i = 0; i < H; i++) d[i] += x * w[i];
        }
        _Pragma("GCC unroll 16") for (int i = 0; i < H; i++) d1[b][i] = gate(d[i], h1[b][i]);
    }
}

/* the weights: a tile of sums stays in registers while the samples pass */
static PLAIN void weights(void) {
    lanes zero = {0};
    for (int j = 0; j < H; j += 4)
        for (int i = 0; i < H; i += 4) {
            lanes w[16];
            for (int k = 0; k < 16; k++) w[k] = zero;
            for (long b = 0; b < blocks; b++)
                _Pragma("GCC unroll 16") for (int k = 0; k < 16; k++)
                    w[k] += d2[b][j + k / 4] * h1[b][i + k % 4];
            for (int k = 0; k < 16; k++) sums[LAYER2 + 17 * (j + k / 4) + i + k % 4] = w[k];
        }
    for (int i = 0; i < H; i += 4) {
        lanes w[12];
        for (int k = 0; k < 12; k++) w[k] = zero;
        for (long b = 0; b < blocks; b++)
            _Pragma("GCC unroll 4") for (int k = 0; k < 4; k++) {
                w[3 * k] += d1[b][i + k] * xs[b][0];
                w[3 * k + 1] += d1[b][i + k] * xs[b][1];
                w[3 * k + 2] += d1[b][i + k];
            }
        for (int k = 0; k < 12; k++) sums[3 * i + k] = w[k];
    }
}

real moons(const real p[P], real grad[P]) {
    const real alpha = 1e-4;
    real loss = forward(p), squares = 0;
    backward(p);
    weights();
    for (int k = 0; k < P; k++) {
        real total = 0;
        for (int l = 0; l < WIDTH; l++) total += sums[k][l];
        grad[k] = total + 2 * alpha * p[k];
        squares += p[k] * p[k];
    }
    return loss + alpha * squares;
}
