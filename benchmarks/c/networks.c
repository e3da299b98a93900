/* Gradient descent of a network of two layers, I-H-O, on batches of B samples; and passes that read
   so many numbers, or read and write them. */
#include <math.h>
#include <time.h>

#define HP ((H + 15) / 16 * 16) /* rows of weights are whole vectors, so that loops are */
#define OP ((O + 15) / 16 * 16)
#define AT 4 /* samples whose sums are in registers */

static real w1[I][HP], b1[HP], w2[H][OP], b2[OP];

void set_parameters(const real *w1_, const real *b1_, const real *w2_, const real *b2_) {
    for (int k = 0; k < I; k++)
        for (int j = 0; j < H; j++) w1[k][j] = w1_[k * H + j];
    for (int k = 0; k < H; k++)
        for (int j = 0; j < O; j++) w2[k][j] = w2_[k * O + j];
    for (int j = 0; j < H; j++) b1[j] = b1_[j];
    for (int j = 0; j < O; j++) b2[j] = b2_[j];
}

double squares(void) {
    double sum = 0;
    for (int k = 0; k < I; k++)
        for (int j = 0; j < H; j++) sum += (double)w1[k][j] * w1[k][j];
    for (int k = 0; k < H; k++)
        for (int j = 0; j < O; j++) sum += (double)w2[k][j] * w2[k][j];
    for (int j = 0; j < H; j++) sum += (double)b1[j] * b1[j];
    for (int j = 0; j < O; j++) sum += (double)b2[j] * b2[j];
    return sum;
}

/* out[s] = b + x[s] w, of AT samples */
static inline __attribute__((always_inline)) void
forward(int n, int m, const real *x, const real *w, const real *b, real *out) {
    real sums[AT][HP > OP ? HP : OP];
    for (int s = 0; s < AT; s++)
        for (int j = 0; j < m; j++) sums[s][j] = b[j];
    for (int k = 0; k < n; k++)
        for (int s = 0; s < AT; s++)
            for (int j = 0; j < m; j++) sums[s][j] += x[s * n + k] * w[k * m + j];
    for (int s = 0; s < AT; s++)
        for (int j = 0; j < m; j++) out[s * m + j] = sums[s][j];
}

/* w -= x^T ct, b -= sums of ct */
static inline __attribute__((always_inline)) void
update(int n, int stride, int m, const real *x, const real *ct, real *w, real *b) {
    for (int k = 0; k < n; k += 2) {
        real left[HP > OP ? HP : OP], right[HP > OP ? HP : OP];
        for (int j = 0; j < m; j++) left[j] = w[k * m + j], right[j] = w[(k + 1) * m + j];
        for (int s = 0; s < B; s++) {
            real u = x[s * stride + k], v = x[s * stride + k + 1];
            for (int j = 0; j < m; j++) left[j] -= u * ct[s * m + j], right[j] -= v * ct[s * m + j];
        }
        for (int j = 0; j < m; j++) w[k * m + j] = left[j], w[(k + 1) * m + j] = right[j];
    }
    for (int s = 0; s < B; s++)
        for (int j = 0; j < m; j++) b[j] -= ct[s * m + j];
}

static real step(const real *x, const long *y, real rate) {
    static real h[B][HP], out[B][OP], ct_out[B][OP], ct_h[B][HP], hidden[B][H];
    real loss = 0;
    for (int s = 0; s < B; s += AT) forward(I, HP, x + s * I, w1[0], b1, h[s]);
    for (int s = 0; s < B; s++)
        for (int j = 0; j < H; j++) hidden[s][j] = h[s][j] = h[s][j] > 0 ? h[s][j] : 0;
    for (int s = 0; s < B; s += AT) forward(H, OP, hidden[s], w2[0], b2, out[s]);
    for (int s = 0; s < B; s++) {
        real most = out[s][0], sum = 0;
        for (int j = 1; j < O; j++) most = out[s][j] > most ? out[s][j] : most;
        for (int j = 0; j < O; j++) sum += ct_out[s][j] = expf(out[s][j] - most);
        loss += logf(sum) + most - out[s][y[s]];
        for (int j = 0; j < O; j++) ct_out[s][j] *= rate / B / sum;
        ct_out[s][y[s]] -= rate / B;
    }
    for (int s = 0; s < B; s++)
        for (int k = 0; k < H; k++) {
            real sum = 0;
            for (int j = 0; j < OP; j++) sum += ct_out[s][j] * w2[k][j];
            ct_h[s][k] = h[s][k] > 0 ? sum : 0;
        }
    update(H, HP, OP, h[0], ct_out[0], w2[0], b2);
    update(I, I, HP, x, ct_h[0], w1[0], b1);
    return loss / B;
}

/* samples in their order; there are whole batches of them */
void epoch(long samples, const real *x, const long *y, double rate, double *losses) {
    for (long at = 0; at < samples; at += B) *losses++ = step(x + at * I, y + at, rate);
}

static volatile real seen;

/* so many times: every number read, if asked, as going forward needs it; then read and written */
void touch(long count, long size, long forward, real *w) {
    while (count--) {
        real sum = 0;
        for (long k = 0; k < size * forward; k++) sum += w[k];
        seen = sum;
        for (long k = 0; k < size; k++) w[k] = w[k] * (real)0.999 + (real)0.001;
    }
}
