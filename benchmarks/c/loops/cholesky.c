/* The log-determinant of a positive definite matrix through its Cholesky factor, row by row, and
   its partial derivatives for the triangle that is read. */
#include <math.h>
#ifndef N
#define N 40
#endif

static double low[N][N], d[N][N];

double value_and_grad(const double a[], double grad[]) {
    double total = 0;
    for (int i = 0; i < N; i++)
        for (int j = 0; j <= i; j++) {
            double t = a[i * N + j];
            for (int k = 0; k < j; k++) t -= low[i][k] * low[j][k];
            if (i == j) {
                low[i][i] = sqrt(t);
                total += log(low[i][i]);
            } else
                low[i][j] = t / low[j][j];
        }
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) grad[i * N + j] = d[i][j] = 0;
        d[i][i] = 2 / low[i][i];
    }
    for (int i = N - 1; i >= 0; i--)
        for (int j = i; j >= 0; j--) {
            double dt;
            if (i == j)
                dt = 0.5 * d[i][i] / low[i][i];
            else {
                dt = d[i][j] / low[j][j];
                d[j][j] -= dt * low[i][j];
            }
            grad[i * N + j] = dt;
            if (i == j)
                for (int k = 0; k < j; k++) d[i][k] -= 2 * dt * low[i][k];
            else
                for (int k = 0; k < j; k++) {
                    d[i][k] -= dt * low[j][k];
                    d[j][k] -= dt * low[i][k];
                }
        }
    return 2 * total;
}
