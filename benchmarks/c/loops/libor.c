/* A portfolio of swaptions on one path of the LIBOR market model, and its partial derivatives; and
   the same for many paths, one after the other. */
#include <math.h>
#define RATES 80
#define STEPS 40
#define DELTA 0.25
#define VOLATILITY 0.2
#define SWAPTIONS 15

static const int lengths[SWAPTIONS] = {4, 4, 4, 8, 8, 8, 20, 20, 20, 28, 28, 28, 40, 40, 40};
static const double strikes[3] = {0.045, 0.05, 0.055};

/* p: the initial rates, then the path's normal numbers; grad of both */
static double path(const double *initial, const double *normal, double *grad, double *dnormal) {
    double rate[STEPS + 1][RATES], growth[STEPS][RATES], bonds[RATES], swaps[RATES];
    double d[RATES] = {0}, dbond[RATES] = {0}, dswap[RATES] = {0}, total = 0, factor = 1;
    const double dv = DELTA * VOLATILITY;
    for (int i = 0; i < RATES; i++) rate[0][i] = initial[i];
    for (int n = 0; n < STEPS; n++) {
        double shock = VOLATILITY * (sqrt(DELTA) * normal[n] - 0.5 * dv), drift = 0;
        for (int i = 0; i <= n; i++) rate[n + 1][i] = rate[n][i];
        for (int i = n + 1; i < RATES; i++) {
            drift += dv * rate[n][i] / (1 + DELTA * rate[n][i]);
            growth[n][i] = exp(dv * drift + shock);
            rate[n + 1][i] = rate[n][i] * growth[n][i];
        }
    }
    const double *last = rate[STEPS];
    double bond = 1, swap = 0;
    for (int k = 0; k < RATES - STEPS; k++) {
        bonds[k] = bond = bond / (1 + DELTA * last[STEPS + k]);
        swaps[k] = swap = swap + DELTA * bond;
    }
    for (int s = 0; s < SWAPTIONS; s++) {
        int at = lengths[s] - 1;
        double gain = bonds[at] + strikes[s % 3] * swaps[at] - 1;
        if (gain < 0) {
            total -= 100 * gain;
            dbond[at] -= 100;
            dswap[at] -= 100 * strikes[s % 3];
        }
    }
    for (int n = 0; n < STEPS; n++) factor /= 1 + DELTA * last[n];
    double value = total * factor, db = 0, ds = 0;
    for (int n = 0; n < STEPS; n++) d[n] = -value * DELTA / (1 + DELTA * last[n]);
    for (int k = RATES - STEPS - 1; k >= 0; k--) {
        ds += dswap[k] * factor;
        db += dbond[k] * factor + DELTA * ds;
        d[STEPS + k] = -db * bonds[k] * DELTA / (1 + DELTA * last[STEPS + k]);
        db /= 1 + DELTA * last[STEPS + k];
    }
    for (int n = STEPS - 1; n >= 0; n--) {
        double dshock = 0, ddrift = 0;
        for (int i = RATES - 1; i > n; i--) {
            double exponent = d[i] * rate[n + 1][i], below = 1 / (1 + DELTA * rate[n][i]);
            dshock += exponent;
            ddrift += dv * exponent;
            d[i] = d[i] * growth[n][i] + ddrift * dv * below * below;
        }
        if (dnormal) dnormal[n] = VOLATILITY * sqrt(DELTA) * dshock;
    }
    for (int i = 0; i < RATES; i++) grad[i] = d[i];
    return value;
}

double value_and_grad(const double p[], double grad[]) {
    return path(p, p + RATES, grad, grad + RATES);
}

/* normal: a row of numbers for each path, as grad has a row of partial derivatives of the rates */
void paths(long count, const double *initial, const double *normal, double *value, double *grad) {
    for (long k = 0; k < count; k++)
        value[k] = path(initial, normal + STEPS * k, grad + RATES * k, 0);
}
