/* The moons loss of MLP(2, [16, 16, 1]) and its 337 partial derivatives, by hand.

   Hidden units are lanes: 16 floats a vector. The 256 weights of the second layer, and then the 256
   sums of its gradient, stay in registers for the whole of a pass over the samples. What bounds it
   is 55 vector multiply-adds a sample. Parameters lie as micrograd has them: per neuron its weights,
   then its bias. */
#define H 16
#define P 337
#define MOST 16384 /* samples */

typedef float lanes __attribute__((vector_size(4 * H)));
typedef float loose __attribute__((vector_size(4 * H), aligned(4)));
typedef int mask __attribute__((vector_size(4 * H)));

/* gcc would break the chains of fused multiply-adds into products and sums */
#if defined(__GNUC__) && !defined(__clang__)
#define PLAIN __attribute__((noinline, optimize("no-tree-reassoc")))
#else
#define PLAIN __attribute__((noinline))
#endif
#define LAYER2 48
#define LAYER3 (LAYER2 + H * 17)
#define LOAD(p) (*(const loose *)(p))

static long n;
static float xs[MOST][2], ys[MOST];
static lanes hidden1[MOST], hidden2[MOST], rows[H];
static float slope[MOST] __attribute__((aligned(64)));

void set_data(long count, const double *points, const double *labels) {
    n = count;
    for (long s = 0; s < n; s++) {
        xs[s][0] = points[2 * s];
        xs[s][1] = points[2 * s + 1];
        ys[s] = labels[s];
    }
}

/* `x` where `by` is positive, 0 elsewhere */
static inline lanes gate(lanes x, lanes by) { return (lanes)((mask)x & (by > 0)); }

#define LOW8(x, y) \
    __builtin_shuffle(x, y, (mask){0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23})
#define HIGH8(x, y) \
    __builtin_shuffle(x, y, (mask){8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31})
#define LOW4(x, y) \
    __builtin_shuffle(x, y, (mask){0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27})
#define HIGH4(x, y) \
    __builtin_shuffle(x, y, (mask){4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31})
#define LOW2(x, y) \
    __builtin_shuffle(x, y, (mask){0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29})
#define HIGH2(x, y) \
    __builtin_shuffle(x, y, (mask){2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31})
#define LOW1(x, y) \
    __builtin_shuffle(x, y, (mask){0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30})
#define HIGH1(x, y) \
    __builtin_shuffle(x, y, (mask){1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31})

#define EXCHANGE(k)                      \
    _Pragma("GCC unroll 16")             \
    for (int i = 0; i < H; i++)          \
        if (!(i & k)) {                  \
            lanes x = w[i], y = w[i + k]; \
            w[i] = LOW##k(x, y);         \
            w[i + k] = HIGH##k(x, y);    \
        }
#define FOLD(k)                 \
    _Pragma("GCC unroll 16")    \
    for (int i = 0; i < k; i++) \
        w[i] = LOW##k(w[i], w[i + k]) + HIGH##k(w[i], w[i + k]);

/* 16 vectors of 16, rows for columns */
static inline __attribute__((always_inline)) void transpose(lanes w[H]) {
    EXCHANGE(8) EXCHANGE(4) EXCHANGE(2) EXCHANGE(1)
}

/* the sums of 16 vectors, as one */
static inline __attribute__((always_inline)) lanes totals(lanes w[H]) {
    FOLD(8) FOLD(4) FOLD(2) FOLD(1)
    return w[0];
}

/* A pass stores what the next one reads lane by lane, so that no load waits for a store just made. */
static PLAIN float forward(const float *p) {
    lanes first[4], w1x, w1y, b1, b2, w[H], w3 = LOAD(p + LAYER3);
    float b3 = p[LAYER3 + H], loss = 0;
    for (int j = 0; j < H; j++) {
        for (int k = 0; k < 3; k++) first[k][j] = p[3 * j + k];
        first[3][j] = p[LAYER2 + 17 * j + H];
        w[j] = rows[j] = LOAD(p + LAYER2 + 17 * j);
    }
    transpose(w);
    w1x = first[0], w1y = first[1], b1 = first[2], b2 = first[3];
    for (long s = 0; s < n; s++) {
        lanes h = w1x * xs[s][0] + (w1y * xs[s][1] + b1);
        hidden1[s] = gate(h, h);
    }
    for (long s = 0; s < n; s++) {
        const float *g = (const float *)&hidden1[s];
        lanes even = b2, odd = w[1] * g[1];
        even += w[0] * g[0];
        for (int i = 2; i < H; i += 2) {
            even += w[i] * g[i];
            odd += w[i + 1] * g[i + 1];
        }
        even += odd;
        hidden2[s] = gate(even, even);
    }
    for (long s = 0; s < n; s += H) {
        lanes products[H];
        for (int k = 0; k < H; k++) products[k] = hidden2[s + k] * w3;
        *(lanes *)(slope + s) = totals(products);
    }
    for (long s = 0; s < n; s++) {
        float margin = 1 - ys[s] * (slope[s] + b3);
        loss += margin > 0 ? margin : 0;
        slope[s] = margin > 0 ? -ys[s] * (1 / (float)n) : 0;
    }
    return loss / n;
}

static PLAIN void backward(const float *p, float *restrict grad, float decay) {
    lanes zero = {0}, w1x = zero, w1y = zero, b1 = zero, b2 = zero, w3 = zero, dw[H];
    lanes out = LOAD(p + LAYER3);
    float b3 = 0;
    for (int j = 0; j < H; j++) dw[j] = zero;
    for (long s = 0; s < n; s++) {
        lanes h = hidden2[s], d = gate(out * slope[s], h);
        b3 += slope[s];
        w3 += h * slope[s];
        b2 += d;
        hidden2[s] = d;
    }
    for (long s = 0; s < n; s++) {
        lanes h = hidden1[s], even = zero, odd = zero;
        const float *d = (const float *)&hidden2[s];
        for (int j = 0; j < H; j += 2) {
            dw[j] += h * d[j];
            even += rows[j] * d[j];
            dw[j + 1] += h * d[j + 1];
            odd += rows[j + 1] * d[j + 1];
        }
        lanes d1 = gate(even + odd, h);
        w1x += d1 * xs[s][0];
        w1y += d1 * xs[s][1];
        b1 += d1;
    }
    const lanes kept[4] = {w1x, w1y, b1, b2};
    for (int j = 0; j < H; j++) {
        const float *row = p + LAYER2 + 17 * j;
        for (int k = 0; k < 3; k++) grad[3 * j + k] = kept[k][j] + decay * p[3 * j + k];
        *(loose *)(grad + LAYER2 + 17 * j) = dw[j] + decay * rows[j];
        grad[LAYER2 + 17 * j + H] = kept[3][j] + decay * row[H];
    }
    *(loose *)(grad + LAYER3) = w3 + decay * out;
    grad[LAYER3 + H] = b3 + decay * p[LAYER3 + H];
}

float moons(const float p[P], float grad[P]) {
    const float alpha = 1e-4;
    float loss = forward(p), squares = 0;
    backward(p, grad, 2 * alpha);
    for (int k = 0; k < P; k++) squares += p[k] * p[k];
    return loss + alpha * squares;
}
