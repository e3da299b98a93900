/* The loss of microgpt for a document, and its gradient, as plain loops, for float or double. The
   parameters lie as the model has them: token, place, output, query, key, value, projection, and the
   two layers of the perceptron, rows of outputs. */
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

static void prepare(const real *p) { (void)p; }

static inline void times(long outs, long ins, const real *w, const real *x, real *y) {
    for (long o = 0; o < outs; o++) {
        real sum = 0;
        for (long i = 0; i < ins; i++) sum += w[o * ins + i] * x[i];
        y[o] = sum;
    }
}

/* dx = w' dy, dw += dy x' */
static inline void back(long outs, long ins, const real *w, const real *x, const real *dy, real *dx,
                        real *dw) {
    for (long i = 0; i < ins; i++) dx[i] = 0;
    for (long o = 0; o < outs; o++)
        for (long i = 0; i < ins; i++) {
            dx[i] += dy[o] * w[o * ins + i];
            dw[o * ins + i] += dy[o] * x[i];
        }
}

static inline real normed(const real *x, real *y) {
    real sum = 0;
    for (long i = 0; i < D; i++) sum += x[i] * x[i];
    real scale = 1 / sqrt(sum / D + (real)1e-5);
    for (long i = 0; i < D; i++) y[i] = x[i] * scale;
    return scale;
}

static inline void back_normed(const real *x, real scale, const real *dy, real *dx) {
    real dot = 0;
    for (long i = 0; i < D; i++) dot += dy[i] * x[i];
    real by = dot * scale * scale * scale / D;
    for (long i = 0; i < D; i++) dx[i] = dy[i] * scale - by * x[i];
}

/* `share` of the gradient is added to `grad`; n + 1 tokens */
static real document(const real *p, const int *tokens, long n, real share, real *restrict grad) {
    static real e[MOST][D], r[MOST][D], x[MOST][D], qkv[MOST][3 * D], a[MOST][D], m[MOST][D],
        y[MOST][D], h[MOST][WIDE], z[MOST][D], w[MOST][HEADS][MOST], prob[MOST][TOKENS];
    static real se[MOST], sr[MOST], sm[MOST], dqkv[MOST][3 * D];
    real loss = 0;
    for (long t = 0; t < n; t++) {
        for (long i = 0; i < D; i++)
            e[t][i] = p[TOKEN + tokens[t] * D + i] + p[PLACE + t * D + i];
        se[t] = normed(e[t], r[t]);
        sr[t] = normed(r[t], x[t]);
        times(3 * D, D, p + QKV, x[t], qkv[t]);
        for (long k = 0; k < HEADS; k++) {
            real top = -1e30, total = 0, *wk = w[t][k];
            for (long s = 0; s <= t; s++) {
                real dot = 0;
                for (long j = 0; j < S; j++) dot += qkv[t][k * S + j] * qkv[s][D + k * S + j];
                wk[s] = dot / 2;
                top = wk[s] > top ? wk[s] : top;
            }
            for (long s = 0; s <= t; s++) total += wk[s] = exp(wk[s] - top);
            for (long s = 0; s <= t; s++) wk[s] /= total;
            for (long j = 0; j < S; j++) {
                real sum = 0;
                for (long s = 0; s <= t; s++) sum += wk[s] * qkv[s][2 * D + k * S + j];
                a[t][k * S + j] = sum;
            }
        }
        times(D, D, p + PROJECTION, a[t], m[t]);
        for (long i = 0; i < D; i++) m[t][i] += r[t][i];
        sm[t] = normed(m[t], y[t]);
        times(WIDE, D, p + FIRST, y[t], h[t]);
        for (long i = 0; i < WIDE; i++) h[t][i] = h[t][i] > 0 ? h[t][i] : 0;
        times(D, WIDE, p + SECOND, h[t], z[t]);
        for (long i = 0; i < D; i++) z[t][i] += m[t][i];
        times(TOKENS, D, p + OUTPUT, z[t], prob[t]);
        real top = -1e30, total = 0;
        for (long i = 0; i < TOKENS; i++) top = prob[t][i] > top ? prob[t][i] : top;
        for (long i = 0; i < TOKENS; i++) total += prob[t][i] = exp(prob[t][i] - top);
        for (long i = 0; i < TOKENS; i++) prob[t][i] /= total;
        loss -= log(prob[t][tokens[t + 1]]);
    }
    share /= n;
    for (long t = 0; t < n; t++)
        for (long i = 0; i < 3 * D; i++) dqkv[t][i] = 0;
    for (long t = n - 1; t >= 0; t--) {
        real dz[D], dh[WIDE], dy[D], dm[D], da[D], dr[D], dx[D], de[D];
        for (long i = 0; i < TOKENS; i++) prob[t][i] *= share;
        prob[t][tokens[t + 1]] -= share;
        back(TOKENS, D, p + OUTPUT, z[t], prob[t], dz, grad + OUTPUT);
        back(D, WIDE, p + SECOND, h[t], dz, dh, grad + SECOND);
        for (long i = 0; i < WIDE; i++) dh[i] = h[t][i] > 0 ? dh[i] : 0;
        back(WIDE, D, p + FIRST, y[t], dh, dy, grad + FIRST);
        back_normed(m[t], sm[t], dy, dm);
        for (long i = 0; i < D; i++) dm[i] += dz[i];
        back(D, D, p + PROJECTION, a[t], dm, da, grad + PROJECTION);
        for (long k = 0; k < HEADS; k++) {
            real dw[MOST], dot = 0;
            for (long s = 0; s <= t; s++) {
                real sum = 0;
                for (long j = 0; j < S; j++) sum += da[k * S + j] * qkv[s][2 * D + k * S + j];
                dw[s] = sum;
                dot += sum * w[t][k][s];
            }
            for (long s = 0; s <= t; s++) {
                real d = w[t][k][s] * (dw[s] - dot) / 2;
                for (long j = 0; j < S; j++) {
                    dqkv[s][2 * D + k * S + j] += w[t][k][s] * da[k * S + j];
                    dqkv[t][k * S + j] += d * qkv[s][D + k * S + j];
                    dqkv[s][D + k * S + j] += d * qkv[t][k * S + j];
                }
            }
        }
        /* nothing after t reads its key and value any more, so theirs are whole */
        back(3 * D, D, p + QKV, x[t], dqkv[t], dx, grad + QKV);
        back_normed(r[t], sr[t], dx, dr);
        for (long i = 0; i < D; i++) dr[i] += dm[i];
        back_normed(e[t], se[t], dr, de);
        for (long i = 0; i < D; i++) {
            grad[TOKEN + tokens[t] * D + i] += de[i];
            grad[PLACE + t * D + i] += de[i];
        }
    }
    return loss / n;
}
