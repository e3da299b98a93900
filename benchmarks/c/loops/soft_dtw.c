/* Soft dynamic time warping of two series, and its partial derivatives; the weights of the three
   ways into a cell are kept for the way back. */
#include <math.h>
#ifndef N
#define N 100
#endif

static double d[N][N], ways[N][N][3], e[N + 1][N + 1];

/* p: both series */
double value_and_grad(const double p[], double grad[]) {
    const double *x = p, *y = p + N;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            double cost = (x[i] - y[j]) * (x[i] - y[j]);
            if (i && j) {
                double a = d[i - 1][j - 1], b = d[i - 1][j], c = d[i][j - 1];
                double low = b < c ? b : c;
                low = a < low ? a : low;
                double ea = exp(low - a), eb = exp(low - b), ec = exp(low - c), sum = ea + eb + ec;
                double *way = ways[i][j];
                way[0] = ea / sum, way[1] = eb / sum, way[2] = ec / sum;
                cost += low - log(sum);
            } else if (i)
                cost += d[i - 1][j];
            else if (j)
                cost += d[i][j - 1];
            d[i][j] = cost;
        }
    for (int k = 0; k < 2 * N; k++) grad[k] = 0;
    for (int i = N - 1; i >= 0; i--)
        for (int j = N - 1; j >= 0; j--) {
            double ct = i == N - 1 && j == N - 1;
            if (i + 1 < N) ct += e[i + 1][j] * (j ? ways[i + 1][j][1] : 1);
            if (j + 1 < N) ct += e[i][j + 1] * (i ? ways[i][j + 1][2] : 1);
            if (i + 1 < N && j + 1 < N) ct += e[i + 1][j + 1] * ways[i + 1][j + 1][0];
            e[i][j] = ct;
            double slope = 2 * ct * (x[i] - y[j]);
            grad[i] += slope;
            grad[N + j] -= slope;
        }
    return d[N - 1][N - 1];
}
