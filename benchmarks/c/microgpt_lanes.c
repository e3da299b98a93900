/* The loss of microgpt for a document, and its gradient, for float: positions are lanes, eight to a
   vector, so weights are read as they lie, forward and backward, and nothing is summed
   over lanes. What is summed over positions, the gradients of weights and of what attention reads,
   is read from turned copies. Parameters lie as in microgpt_plain.c. */
#include <tgmath.h>
#ifndef real
#define real float
#endif
#define D 16
#define HEADS 4
#define S 4
#define WIDE 64
#define TOKENS 27
#define MOST 16
#define N 8
enum {
    TOKEN = 0,
    PLACE = TOKEN + TOKENS * D,
    OUTPUT = PLACE + MOST * D,
    QKV = OUTPUT + TOKENS * D,
    PROJECTION = QKV + 3 * D * D,
    FIRST = PROJECTION + D * D,
    SECOND = FIRST + WIDE * D,
    P = SECOND + D * WIDE
};
typedef real lanes __attribute__((vector_size(N * sizeof(real))));
typedef __typeof__(__builtin_choose_expr(sizeof(real) == 4, 0, 0ll)) integer;
typedef integer mask __attribute__((vector_size(N * sizeof(integer))));
#define INLINE static inline __attribute__((always_inline))
#define EACH _Pragma("GCC unroll 16") for

static void prepare(const real *p) { (void)p; }

INLINE lanes all(real x) { return x - (lanes){0}; }
INLINE lanes select(mask where, lanes x) { return (lanes)((mask)x & where); }
INLINE lanes larger(lanes x, lanes y) { return select(x > y, x) + select(~(x > y), y); }
INLINE lanes exponential(lanes x) {
    lanes y;
    EACH (int k = 0; k < N; k++) y[k] = exp(x[k]);
    return y;
}
INLINE lanes root(lanes x) {
    lanes y;
    EACH (int k = 0; k < N; k++) y[k] = 1 / sqrt(x[k]);
    return y;
}

/* y = w x, `count` rows of it */
INLINE void rows(int count, int ins, const real *w, const lanes *x, lanes *y) {
    lanes sum[8] = {0};
    for (int i = 0; i < ins; i++) {
        lanes xi = x[i];
        EACH (int o = 0; o < count; o++) sum[o] += w[o * ins + i] * xi;
    }
    EACH (int o = 0; o < count; o++) y[o] = sum[o];
}
INLINE void times(int outs, int ins, const real *w, const lanes *x, lanes *y) {
    int o = 0;
    for (; o + 8 <= outs; o += 8) rows(8, ins, w + o * ins, x, y + o);
    if (outs % 8) rows(outs % 8, ins, w + o * ins, x, y + o);
}

/* dx = w' dy */
INLINE void back(int outs, int ins, const real *w, const lanes *dy, lanes *dx) {
    for (int i = 0; i < ins; i += 8) {
        lanes sum[8] = {0};
        for (int o = 0; o < outs; o++) {
            lanes d = dy[o];
            EACH (int k = 0; k < 8; k++) sum[k] += w[o * ins + i + k] * d;
        }
        EACH (int k = 0; k < 8; k++) dx[i + k] = sum[k];
    }
}

/* dw += dy x', of `count` rows; x is turned: x[t][i] of n positions */
INLINE void rows_of_weights(int count, int ins, long n, const lanes *dy, const lanes *x, real *dw) {
    for (int i = 0; i < ins / N; i += 2) {
        lanes sum[8] = {0};
        for (long t = 0; t < n; t++) {
            lanes x0 = x[t * (ins / N) + i], x1 = x[t * (ins / N) + i + 1];
            EACH (int o = 0; o < count; o++) {
                real d = ((const real *)dy)[o * N + t];
                sum[2 * o] += d * x0, sum[2 * o + 1] += d * x1;
            }
        }
        EACH (int o = 0; o < count; o++) {
            lanes *to = (lanes *)(dw + o * ins) + i;
            to[0] += sum[2 * o], to[1] += sum[2 * o + 1];
        }
    }
}
INLINE void weights(int outs, int ins, long n, const lanes *dy, const lanes *x, real *dw) {
    int o = 0;
    for (; o + 4 <= outs; o += 4) rows_of_weights(4, ins, n, dy + o, x, dw + o * ins);
    if (outs % 4) rows_of_weights(outs % 4, ins, n, dy + o, x, dw + o * ins);
}

/* 8 x 8: to[t * stride][i] = from[i][t] */
INLINE void turn8(const lanes *from, lanes *to, int stride) {
    lanes a[N], b[N];
    EACH (int k = 0; k < N; k += 2) {
        a[k] = __builtin_shuffle(from[k], from[k + 1], (mask){0, 8, 1, 9, 4, 12, 5, 13});
        a[k + 1] = __builtin_shuffle(from[k], from[k + 1], (mask){2, 10, 3, 11, 6, 14, 7, 15});
    }
    EACH (int k = 0; k < N; k += 4) EACH (int l = 0; l < 2; l++) {
        b[k + 2 * l] = __builtin_shuffle(a[k + l], a[k + 2 + l], (mask){0, 1, 8, 9, 4, 5, 12, 13});
        b[k + 2 * l + 1] =
            __builtin_shuffle(a[k + l], a[k + 2 + l], (mask){2, 3, 10, 11, 6, 7, 14, 15});
    }
    EACH (int k = 0; k < 4; k++) {
        to[k * stride] = __builtin_shuffle(b[k], b[k + 4], (mask){0, 1, 2, 3, 8, 9, 10, 11});
        to[(k + 4) * stride] = __builtin_shuffle(b[k], b[k + 4], (mask){4, 5, 6, 7, 12, 13, 14, 15});
    }
}
INLINE void turn(int ins, const lanes *from, lanes *to) {
    for (int i = 0; i < ins; i += N) turn8(from + i, to + i / N, ins / N);
}

INLINE lanes normed(const lanes *x, lanes *y) {
    lanes sum = {0};
    EACH (int i = 0; i < D; i++) sum += x[i] * x[i];
    lanes scale = root(sum / D + (real)1e-5);
    EACH (int i = 0; i < D; i++) y[i] = x[i] * scale;
    return scale;
}
INLINE void back_normed(const lanes *x, lanes scale, const lanes *dy, lanes *dx) {
    lanes dot = {0};
    EACH (int i = 0; i < D; i++) dot += dy[i] * x[i];
    lanes by = dot * scale * scale * scale / D;
    EACH (int i = 0; i < D; i++) dx[i] = dy[i] * scale - by * x[i];
}

/* of a block of 8 positions; `turned` has rows of positions */
struct block {
    lanes e[D], r[D], x[D], qkv[3 * D], a[D], m[D], y[D], h[WIDE], z[D], prob[TOKENS];
    lanes w[HEADS][MOST], se, sr, sm;
    lanes dqkv[3 * D], da[D], dm[D];
};

static const mask places = {0, 1, 2, 3, 4, 5, 6, 7};

INLINE void forward(const real *p, const int *tokens, long n, long b, struct block *all_blocks) {
    struct block *at = all_blocks + b;
    long here = n - b * N < N ? n - b * N : N;
    lanes of_rows[N][D / N];
    EACH (int t = 0; t < N; t++) {
        long position = b * N + (t < here ? t : 0);
        const lanes *token = (const lanes *)(p + TOKEN + tokens[position] * D);
        const lanes *place = (const lanes *)(p + PLACE + position * D);
        EACH (int i = 0; i < D / N; i++) of_rows[t][i] = token[i] + place[i];
    }
    lanes column[N];
    EACH (int i = 0; i < D / N; i++) {
        EACH (int t = 0; t < N; t++) column[t] = of_rows[t][i];
        turn8(column, at->e + i * N, 1);
    }
    at->se = normed(at->e, at->r);
    at->sr = normed(at->r, at->x);
    times(3 * D, D, p + QKV, at->x, at->qkv);
    long last = b * N + here;
    for (int k = 0; k < HEADS; k++) {
        lanes *w = at->w[k], *q = at->qkv + k * S, top = all(-1e30), total = {0};
        for (long s = 0; s < last; s++) {
            const real *key = (const real *)(all_blocks[s / N].qkv + D + k * S) + s % N;
            lanes dot = q[0] * key[0] + q[1] * key[N] + q[2] * key[2 * N] + q[3] * key[3 * N];
            mask seen = places + (int)(b * N) >= (int)s;
            w[s] = select(seen, dot / 2) + select(~seen, all(-1e30));
            top = larger(top, w[s]);
        }
        for (long s = 0; s < last; s++) total += w[s] = exponential(w[s] - top);
        total = 1 / total;
        lanes sum[S] = {0};
        for (long s = 0; s < last; s++) {
            const real *value = (const real *)(all_blocks[s / N].qkv + 2 * D + k * S) + s % N;
            w[s] *= total;
            EACH (int j = 0; j < S; j++) sum[j] += value[j * N] * w[s];
        }
        EACH (int j = 0; j < S; j++) at->a[k * S + j] = sum[j];
    }
    times(D, D, p + PROJECTION, at->a, at->m);
    EACH (int i = 0; i < D; i++) at->m[i] += at->r[i];
    at->sm = normed(at->m, at->y);
    times(WIDE, D, p + FIRST, at->y, at->h);
    for (int i = 0; i < WIDE; i++) at->h[i] = select(at->h[i] > 0, at->h[i]);
    times(D, WIDE, p + SECOND, at->h, at->z);
    EACH (int i = 0; i < D; i++) at->z[i] += at->m[i];
    times(TOKENS, D, p + OUTPUT, at->z, at->prob);
    lanes top = at->prob[0], total = {0};
    for (int i = 1; i < TOKENS; i++) top = larger(top, at->prob[i]);
    for (int i = 0; i < TOKENS; i++) total += at->prob[i] = exponential(at->prob[i] - top);
    total = 1 / total;
    for (int i = 0; i < TOKENS; i++) at->prob[i] *= total;
}

/* `share` of the gradient is added to `grad` */
INLINE void backward(const real *p, const int *tokens, long n, long b, struct block *blocks,
                     real share, real *grad) {
    struct block *at = blocks + b;
    long here = n - b * N < N ? n - b * N : N, last = b * N + here;
    mask inside = places < (int)here;
    lanes by = select(inside, all(share)), dz[D], dh[WIDE], dy[D], dx[D], dr[D], de[D];
    lanes turned[N * WIDE / N], rows[N * D / N];
    for (int i = 0; i < TOKENS; i++) at->prob[i] *= by;
    for (long t = 0; t < here; t++) ((real *)(at->prob + tokens[b * N + t + 1]))[t] -= share;
    turn(D, at->z, rows);
    weights(TOKENS, D, here, at->prob, rows, grad + OUTPUT);
    back(TOKENS, D, p + OUTPUT, at->prob, dz);
    turn(WIDE, at->h, turned);
    weights(D, WIDE, here, dz, turned, grad + SECOND);
    back(D, WIDE, p + SECOND, dz, dh);
    for (int i = 0; i < WIDE; i++) dh[i] = select(at->h[i] > 0, dh[i]);
    turn(D, at->y, rows);
    weights(WIDE, D, here, dh, rows, grad + FIRST);
    back(WIDE, D, p + FIRST, dh, dy);
    back_normed(at->m, at->sm, dy, at->dm);
    EACH (int i = 0; i < D; i++) at->dm[i] += dz[i];
    turn(D, at->a, rows);
    weights(D, D, here, at->dm, rows, grad + PROJECTION);
    back(D, D, p + PROJECTION, at->dm, at->da);
    for (int k = 0; k < HEADS; k++) {
        lanes dw[MOST], *w = at->w[k], *q = at->qkv + k * S, *da = at->da + k * S, dot = {0};
        for (long s = 0; s < last; s++) {
            const real *value = (const real *)(blocks[s / N].qkv + 2 * D + k * S) + s % N;
            dw[s] = da[0] * value[0] + da[1] * value[N] + da[2] * value[2 * N] + da[3] * value[3 * N];
            dot += dw[s] * w[s];
        }
        lanes sum[S] = {0};
        for (long s = 0; s < last; s++) {
            const real *key = (const real *)(blocks[s / N].qkv + D + k * S) + s % N;
            dw[s] = w[s] * (dw[s] - dot) / 2;
            EACH (int j = 0; j < S; j++) sum[j] += key[j * N] * dw[s];
        }
        EACH (int j = 0; j < S; j++) at->dqkv[k * S + j] += sum[j];
        for (long s = last; s < (b + 1) * N; s++) w[s] = dw[s] = all(0);
        for (long c = 0; c <= b; c++) { /* lanes are the positions that were read */
            lanes of_w[N], of_dw[N], *to = blocks[c].dqkv + k * S;
            turn8(w + c * N, of_w, 1);
            turn8(dw + c * N, of_dw, 1);
            lanes dk[S] = {0}, dv[S] = {0};
            for (long t = 0; t < here; t++)
                EACH (int j = 0; j < S; j++) {
                    dk[j] += ((real *)(q + j))[t] * of_dw[t];
                    dv[j] += ((real *)(da + j))[t] * of_w[t];
                }
            EACH (int j = 0; j < S; j++) to[D + j] += dk[j], to[2 * D + j] += dv[j];
        }
    }
    /* nothing behind this block reads its keys and values any more, so theirs are whole */
    turn(D, at->x, rows);
    weights(3 * D, D, here, at->dqkv, rows, grad + QKV);
    back(3 * D, D, p + QKV, at->dqkv, dx);
    back_normed(at->r, at->sr, dx, dr);
    EACH (int i = 0; i < D; i++) dr[i] += at->dm[i];
    back_normed(at->e, at->se, dr, de);
    turn(D, de, rows);
    for (long t = 0; t < here; t++)
        EACH (int i = 0; i < D / N; i++) {
            ((lanes *)(grad + TOKEN + tokens[b * N + t] * D))[i] += rows[t * (D / N) + i];
            ((lanes *)(grad + PLACE + (b * N + t) * D))[i] += rows[t * (D / N) + i];
        }
}

static real document(const real *p, const int *tokens, long n, real share, real *restrict grad) {
    static struct block blocks[MOST / N];
    long count = (n + N - 1) / N;
    real loss = 0;
    for (long b = 0; b < count; b++) {
        forward(p, tokens, n, b, blocks);
        for (int i = 0; i < 3 * D; i++) blocks[b].dqkv[i] = all(0);
    }
    for (long t = 0; t < n; t++) loss -= log(((real *)(blocks[t / N].prob + tokens[t + 1]))[t % N]);
    for (long b = count; b-- > 0;) backward(p, tokens, n, b, blocks, share / n, grad);
    return loss / n;
}
