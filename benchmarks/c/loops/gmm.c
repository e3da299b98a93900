/* The log-likelihood of a Gaussian mixture with triangular precision factors, and its partial
   derivatives: plain loops, point by point. */
#include <math.h>
#ifndef D
#define D 2
#define K 5
#define N 1000
#endif
#define S (D * (D + 1) / 2)

static double x[N][D];

void set_data(const double *numbers) {
    for (int k = 0; k < N * D; k++) (&x[0][0])[k] = numbers[k];
}

/* log of a sum of exponentials; the exponentials over their sum are written */
static inline double log_sum_exp(const double *v, double *share) {
    double top = v[0], sum = 0;
    for (int c = 1; c < K; c++) top = v[c] > top ? v[c] : top;
    for (int c = 0; c < K; c++) sum += share[c] = exp(v[c] - top);
    for (int c = 0; c < K; c++) share[c] /= sum;
    return top + log(sum);
}

/* p: k alphas; k*d means; k times d log diagonals and the strict triangle by columns */
double value_and_grad(const double p[], double grad[]) {
    const double *alpha = p, *mean = p + K, *icf = mean + K * D;
    double *dalpha = grad, *dmean = grad + K, *dicf = dmean + K * D;
    double diagonal[K][D], logdet[K], dlogdet[K], share[K], total = 0;
    for (int k = 0; k < K + K * D + K * S; k++) grad[k] = 0;
    for (int c = 0; c < K; c++) {
        logdet[c] = 0, dlogdet[c] = 0;
        for (int i = 0; i < D; i++) {
            diagonal[c][i] = exp(icf[c * S + i]);
            logdet[c] += icf[c * S + i];
        }
    }
    for (int n = 0; n < N; n++) {
        double terms[K], centred[K][D], q[K][D];
        for (int c = 0; c < K; c++) {
            const double *below = icf + c * S + D;
            double square = 0;
            for (int i = 0; i < D; i++) {
                centred[c][i] = x[n][i] - mean[c * D + i];
                q[c][i] = diagonal[c][i] * centred[c][i];
            }
            for (int i = 0; i < D; i++)
                for (int j = i + 1; j < D; j++) q[c][j] += *below++ * centred[c][i];
            for (int i = 0; i < D; i++) square += q[c][i] * q[c][i];
            terms[c] = alpha[c] + logdet[c] - 0.5 * square;
        }
        total += log_sum_exp(terms, share);
        for (int c = 0; c < K; c++) {
            const double *below = icf + c * S + D;
            double *dbelow = dicf + c * S + D, dq[D], d[D];
            dalpha[c] += share[c];
            dlogdet[c] += share[c];
            for (int i = 0; i < D; i++) {
                dq[i] = -share[c] * q[c][i];
                d[i] = dq[i] * diagonal[c][i];
                dicf[c * S + i] += dq[i] * centred[c][i] * diagonal[c][i];
            }
            for (int i = 0; i < D; i++)
                for (int j = i + 1; j < D; j++) {
                    *dbelow++ += dq[j] * centred[c][i];
                    d[i] += dq[j] * *below++;
                }
            for (int i = 0; i < D; i++) dmean[c * D + i] -= d[i];
        }
    }
    total -= N * log_sum_exp(alpha, share);
    for (int c = 0; c < K; c++) {
        dalpha[c] -= N * share[c];
        for (int i = 0; i < D; i++) {
            total += 0.5 * diagonal[c][i] * diagonal[c][i];
            dicf[c * S + i] += diagonal[c][i] * diagonal[c][i] + dlogdet[c];
        }
        for (int i = D; i < S; i++) {
            total += 0.5 * icf[c * S + i] * icf[c * S + i];
            dicf[c * S + i] += icf[c * S + i];
        }
    }
    return total;
}
