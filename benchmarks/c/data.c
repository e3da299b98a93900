/* Rows looked up by integers, their scatter-add, and Newton until convergence, by hand. */
#include <math.h>
#include <time.h>

#define WIDTH 16
#define LANES 8
#define ROOT_HALF 0.70710678118654752440
#define ROOT_2PI_INVERSE 0.39894228040143267794

/* out[k][n] = table[at[n]][k]: as a kernel gives its results, an array for each */
void gather(long n, const double **in, const long *at, double **out) {
    const double *restrict table = in[0];
    for (long i = 0; i < n; i++) {
        const double *row = table + WIDTH * at[i];
        for (int k = 0; k < WIDTH; k++) out[k][i] = row[k];
    }
}

/* the same into rows */
void gather_rows(long n, const double **in, const long *at, double **out) {
    const double *restrict table = in[0];
    double *restrict to = out[0];
    for (long i = 0; i < n; i++)
        for (int k = 0; k < WIDTH; k++) to[WIDTH * i + k] = table[WIDTH * at[i] + k];
}

/* the gradient of the sum of row . weights by the table; n rows of weights, in[2][0] rows of it */
void scatter(long n, const double **in, const long *at, double **out) {
    const double *restrict weights = in[1];
    double *restrict gradient = out[0];
    long size = WIDTH * (long)in[2][0];
    for (long j = 0; j < size; j++) gradient[j] = 0;
    for (long i = 0; i < n; i++)
        for (int k = 0; k < WIDTH; k++) gradient[WIDTH * at[i] + k] += weights[WIDTH * i + k];
}

/* the sum over rows of (sum_j v[j] tanh(w[j] . x) - y)^2, and its gradient by w and v */
#define INPUTS 9
#define UNITS 5
#define BLOCK 128
void total(long n, const double **in, const long *at, double **out) {
    const double *w = in[INPUTS + 1], *v = w + UNITS * INPUTS, *y = in[INPUTS];
    double loss = 0, gradient[UNITS * (INPUTS + 1)] = {0};
    for (long from = 0; from < n; from += BLOCK) {
        long m = n - from < BLOCK ? n - from : BLOCK;
        double hidden[UNITS][BLOCK], off[BLOCK], back[BLOCK];
        for (long i = 0; i < m; i++) off[i] = -y[from + i];
        for (int j = 0; j < UNITS; j++) {
            for (long i = 0; i < m; i++) {
                double s = 0;
                for (int k = 0; k < INPUTS; k++) s += w[INPUTS * j + k] * in[k][from + i];
                hidden[j][i] = tanh(s);
                off[i] += v[j] * hidden[j][i];
            }
        }
        for (long i = 0; i < m; i++) {
            loss += off[i] * off[i];
            off[i] *= 2;
        }
        for (int j = 0; j < UNITS; j++) {
            double by_v = 0, by_w[INPUTS] = {0};
            for (long i = 0; i < m; i++) {
                by_v += off[i] * hidden[j][i];
                back[i] = off[i] * v[j] * (1 - hidden[j][i] * hidden[j][i]);
            }
            for (int k = 0; k < INPUTS; k++) {
                const double *restrict x = in[k] + from;
                double sum = 0;
                for (long i = 0; i < m; i++) sum += back[i] * x[i];
                by_w[k] = sum;
            }
            gradient[UNITS * INPUTS + j] += by_v;
            for (int k = 0; k < INPUTS; k++) gradient[INPUTS * j + k] += by_w[k];
        }
    }
    out[0][0] = loss;
    for (int j = 0; j < UNITS * (INPUTS + 1); j++) out[1][j] = gradient[j];
}

/* the volatility at which a call of this price is worth it: vectors run until all lanes are there */
void implied(long n, const double **in, const long *at, double **out) {
    const double *price = in[0], *spot = in[1], *strike = in[2], *years = in[3];
    for (long i = 0; i < n; i += LANES) {
        double root[LANES], log_m[LANES], vol[LANES], off[LANES], slope[LANES];
        for (int l = 0; l < LANES; l++) {
            root[l] = sqrt(years[i + l]);
            log_m[l] = log(spot[i + l] / strike[i + l]);
            vol[l] = 0.5;
        }
        for (;;) {
            int left = 0;
            for (int l = 0; l < LANES; l++) {
                double spread = vol[l] * root[l], d1 = log_m[l] / spread + 0.5 * spread;
                double d2 = d1 - spread;
                double n1 = 0.5 * (1 + erf(d1 * ROOT_HALF)), n2 = 0.5 * (1 + erf(d2 * ROOT_HALF));
                off[l] = spot[i + l] * n1 - strike[i + l] * n2 - price[i + l];
                slope[l] = spot[i + l] * root[l] * ROOT_2PI_INVERSE * exp(-0.5 * d1 * d1);
            }
            for (int l = 0; l < LANES; l++) left |= fabs(off[l]) > 1e-9;
            if (!left) break;
            for (int l = 0; l < LANES; l++)
                vol[l] = fabs(off[l]) > 1e-9 ? vol[l] - off[l] / slope[l] : vol[l];
        }
        for (int l = 0; l < LANES; l++) out[0][i + l] = vol[l];
    }
}

double seconds(void (*f)(long, const double **, const long *, double **), long count, long n,
               const double **in, const long *at, double **out) {
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (long k = 0; k < count; k++) f(n, in, at, out);
    clock_gettime(CLOCK_MONOTONIC, &to);
    return (to.tv_sec - from.tv_sec) + 1e-9 * (to.tv_nsec - from.tv_nsec);
}
