/* The loss of a diagonal LSTM and its partial derivatives: plain loops over the units of a layer,
   every step's gates kept for the way back. */
#include <math.h>
#ifndef STEPS
#define STEPS 100 /* vectors of the sequence, one more than are predicted */
#endif
#define LAYERS 2
#define B 14

static double given[STEPS][B], state[LAYERS][2][B];

void set_data(const double *numbers) {
    for (int k = 0; k < LAYERS * 2 * B; k++) (&state[0][0][0])[k] = *numbers++;
    for (int k = 0; k < STEPS * B; k++) (&given[0][0])[k] = *numbers++;
}

typedef struct {
    double x[B], forget[B], in[B], out[B], change[B], cell[B], squashed[B], h[B];
} Kept;

static Kept kept[STEPS][LAYERS];
static double last[STEPS][B];

/* p: per layer four weights and four biases of each unit; then three numbers of each unit */
double value_and_grad(const double p[], double grad[]) {
    const double *extra = p + 8 * B * LAYERS;
    double total = 0;
    for (int t = 0; t < STEPS - 1; t++) {
        double x[B];
        for (int i = 0; i < B; i++) x[i] = given[t][i] * extra[i];
        for (int l = 0; l < LAYERS; l++) {
            const double *w = p + 8 * B * l, *bias = w + 4 * B;
            const double *h = t ? kept[t - 1][l].h : state[l][0];
            const double *cell = t ? kept[t - 1][l].cell : state[l][1];
            Kept *k = &kept[t][l];
            for (int i = 0; i < B; i++) {
                k->x[i] = x[i];
                k->forget[i] = 1 / (1 + exp(-(x[i] * w[i] + bias[i])));
                k->in[i] = 1 / (1 + exp(-(h[i] * w[B + i] + bias[B + i])));
                k->out[i] = 1 / (1 + exp(-(x[i] * w[2 * B + i] + bias[2 * B + i])));
                k->change[i] = tanh(h[i] * w[3 * B + i] + bias[3 * B + i]);
                k->cell[i] = cell[i] * k->forget[i] + k->in[i] * k->change[i];
                k->squashed[i] = tanh(k->cell[i]);
                x[i] = k->h[i] = k->out[i] * k->squashed[i];
            }
        }
        double sum = 2, products = 0, gold = 0;
        for (int i = 0; i < B; i++) {
            double y = x[i] * extra[B + i] + extra[2 * B + i];
            sum += last[t][i] = exp(y);
            products += given[t + 1][i] * y;
            gold += given[t + 1][i];
        }
        for (int i = 0; i < B; i++) last[t][i] /= sum;
        total += products - gold * log(sum);
    }
    const double scale = -1.0 / ((STEPS - 1) * B);
    double dh[LAYERS][B] = {0}, dcell[LAYERS][B] = {0};
    double *dextra = grad + 8 * B * LAYERS;
    for (int k = 0; k < 8 * B * LAYERS + 3 * B; k++) grad[k] = 0;
    for (int t = STEPS - 2; t >= 0; t--) {
        double dx[B], gold = 0;
        for (int i = 0; i < B; i++) gold += given[t + 1][i];
        for (int i = 0; i < B; i++) {
            double dy = scale * (given[t + 1][i] - gold * last[t][i]);
            dextra[B + i] += dy * kept[t][LAYERS - 1].h[i];
            dextra[2 * B + i] += dy;
            dx[i] = dy * extra[B + i];
        }
        for (int l = LAYERS - 1; l >= 0; l--) {
            const double *w = p + 8 * B * l;
            const double *h = t ? kept[t - 1][l].h : state[l][0];
            const double *cell = t ? kept[t - 1][l].cell : state[l][1];
            const Kept *k = &kept[t][l];
            double *dw = grad + 8 * B * l, *dbias = dw + 4 * B;
            for (int i = 0; i < B; i++) {
                double d = dh[l][i] + dx[i];
                double dc = dcell[l][i] + d * k->out[i] * (1 - k->squashed[i] * k->squashed[i]);
                double df = dc * cell[i] * k->forget[i] * (1 - k->forget[i]);
                double di = dc * k->change[i] * k->in[i] * (1 - k->in[i]);
                double dout = d * k->squashed[i] * k->out[i] * (1 - k->out[i]);
                double dg = dc * k->in[i] * (1 - k->change[i] * k->change[i]);
                dw[i] += df * k->x[i], dbias[i] += df;
                dw[B + i] += di * h[i], dbias[B + i] += di;
                dw[2 * B + i] += dout * k->x[i], dbias[2 * B + i] += dout;
                dw[3 * B + i] += dg * h[i], dbias[3 * B + i] += dg;
                dx[i] = df * w[i] + dout * w[2 * B + i];
                dh[l][i] = di * w[B + i] + dg * w[3 * B + i];
                dcell[l][i] = dc * k->forget[i];
            }
        }
        for (int i = 0; i < B; i++) dextra[i] += dx[i] * given[t][i];
    }
    return scale * total;
}
