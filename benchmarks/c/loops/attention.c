/* One layer of causal self-attention on a sequence, its squares summed, and its partial
   derivatives: plain loops. */
#include <math.h>
#ifndef LENGTH
#define LENGTH 16
#define WIDTH 16
#define HEADS 4
#endif
#define SIZE (WIDTH / HEADS)
#define SQUARE (WIDTH * WIDTH)

static double q[LENGTH][WIDTH], k[LENGTH][WIDTH], v[LENGTH][WIDTH], mixed[LENGTH][WIDTH];
static double share[LENGTH][HEADS][LENGTH];
static double dq[LENGTH][WIDTH], dk[LENGTH][WIDTH], dv[LENGTH][WIDTH];

static void linear(const double *w, const double *x, double *y) {
    for (int i = 0; i < WIDTH; i++) {
        double sum = 0;
        for (int j = 0; j < WIDTH; j++) sum += w[i * WIDTH + j] * x[j];
        y[i] = sum;
    }
}

/* dy flows back through y = w x, into dw and dx */
static void back(const double *w, const double *x, const double *dy, double *dw, double *dx) {
    for (int i = 0; i < WIDTH; i++)
        for (int j = 0; j < WIDTH; j++) {
            dw[i * WIDTH + j] += dy[i] * x[j];
            dx[j] += dy[i] * w[i * WIDTH + j];
        }
}

/* p: the sequence, then four square matrices: queries, keys, values, output */
double value_and_grad(const double p[], double grad[]) {
    const double *x = p, *wq = p + LENGTH * WIDTH, *wk = wq + SQUARE, *wv = wk + SQUARE;
    const double *wo = wv + SQUARE, scale = 1 / sqrt(SIZE);
    double *dx = grad, *dwq = grad + LENGTH * WIDTH, *dwk = dwq + SQUARE, *dwv = dwk + SQUARE;
    double *dwo = dwv + SQUARE, total = 0;
    for (int n = 0; n < LENGTH * WIDTH + 4 * SQUARE; n++) grad[n] = 0;
    for (int t = 0; t < LENGTH; t++)
        for (int i = 0; i < WIDTH; i++) mixed[t][i] = dq[t][i] = dk[t][i] = dv[t][i] = 0;
    for (int t = 0; t < LENGTH; t++) {
        double out[WIDTH], dmixed[WIDTH] = {0};
        linear(wq, x + t * WIDTH, q[t]);
        linear(wk, x + t * WIDTH, k[t]);
        linear(wv, x + t * WIDTH, v[t]);
        for (int h = 0; h < HEADS; h++) {
            double *e = share[t][h], top = -INFINITY, sum = 0;
            for (int s = 0; s <= t; s++) {
                double score = 0;
                for (int j = 0; j < SIZE; j++) score += q[t][h * SIZE + j] * k[s][h * SIZE + j];
                e[s] = score * scale;
                top = e[s] > top ? e[s] : top;
            }
            for (int s = 0; s <= t; s++) sum += e[s] = exp(e[s] - top);
            for (int s = 0; s <= t; s++) {
                e[s] /= sum;
                for (int j = 0; j < SIZE; j++) mixed[t][h * SIZE + j] += e[s] * v[s][h * SIZE + j];
            }
        }
        linear(wo, mixed[t], out);
        for (int i = 0; i < WIDTH; i++) {
            total += out[i] * out[i];
            out[i] *= 2;
        }
        back(wo, mixed[t], out, dwo, dmixed);
        for (int h = 0; h < HEADS; h++) {
            double de[LENGTH], *e = share[t][h], weighted = 0;
            for (int s = 0; s <= t; s++) {
                de[s] = 0;
                for (int j = 0; j < SIZE; j++) {
                    de[s] += dmixed[h * SIZE + j] * v[s][h * SIZE + j];
                    dv[s][h * SIZE + j] += dmixed[h * SIZE + j] * e[s];
                }
                weighted += de[s] * e[s];
            }
            for (int s = 0; s <= t; s++) {
                double d = e[s] * (de[s] - weighted) * scale;
                for (int j = 0; j < SIZE; j++) {
                    dq[t][h * SIZE + j] += d * k[s][h * SIZE + j];
                    dk[s][h * SIZE + j] += d * q[t][h * SIZE + j];
                }
            }
        }
    }
    for (int t = 0; t < LENGTH; t++) {
        back(wq, x + t * WIDTH, dq[t], dwq, dx + t * WIDTH);
        back(wk, x + t * WIDTH, dk[t], dwk, dx + t * WIDTH);
        back(wv, x + t * WIDTH, dv[t], dwv, dx + t * WIDTH);
    }
    return total;
}
