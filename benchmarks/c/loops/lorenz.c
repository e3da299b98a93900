/* The sum of the state after Runge-Kutta steps of the Lorenz system, and its partial derivatives;
   the states are kept, the slopes are computed again. */
#ifndef STEPS
#define STEPS 10000
#endif
#define H 0.001

static double states[STEPS + 1][3];

static inline void slope(const double *p, const double *u, double *k) {
    k[0] = p[0] * (u[1] - u[0]);
    k[1] = u[0] * (p[1] - u[2]) - u[1];
    k[2] = u[0] * u[1] - p[2] * u[2];
}

/* dk flows back through a slope, into dp and du */
static inline void back(
    const double *p, const double *u, const double *dk, double *dp, double *du) {
    dp[0] += dk[0] * (u[1] - u[0]);
    dp[1] += dk[1] * u[0];
    dp[2] -= dk[2] * u[2];
    du[0] += dk[1] * (p[1] - u[2]) + dk[2] * u[1] - dk[0] * p[0];
    du[1] += dk[0] * p[0] - dk[1] + dk[2] * u[0];
    du[2] += -dk[1] * u[0] - dk[2] * p[2];
}

/* p: sigma, rho, beta, then the state */
double value_and_grad(const double p[6], double grad[6]) {
    double k[4][3], v[4][3], dp[3] = {0}, d[3] = {1, 1, 1};
    const double part[4] = {0, 0.5 * H, 0.5 * H, H}, weight[4] = {H / 6, H / 3, H / 3, H / 6};
    for (int i = 0; i < 3; i++) states[0][i] = p[3 + i];
    for (int t = 0; t < STEPS; t++) {
        const double *u = states[t];
        slope(p, u, k[0]);
        for (int s = 1; s < 4; s++) {
            for (int i = 0; i < 3; i++) v[s][i] = u[i] + part[s] * k[s - 1][i];
            slope(p, v[s], k[s]);
        }
        for (int i = 0; i < 3; i++)
            states[t + 1][i] = u[i] + H / 6 * (k[0][i] + 2 * k[1][i] + 2 * k[2][i] + k[3][i]);
    }
    for (int t = STEPS - 1; t >= 0; t--) {
        const double *u = states[t];
        double du[3] = {d[0], d[1], d[2]}, dv[3] = {0};
        for (int i = 0; i < 3; i++) v[0][i] = u[i];
        slope(p, u, k[0]);
        for (int s = 1; s < 4; s++) {
            for (int i = 0; i < 3; i++) v[s][i] = u[i] + part[s] * k[s - 1][i];
            if (s < 3) slope(p, v[s], k[s]);
        }
        for (int s = 3; s >= 0; s--) {
            double dk[3];
            for (int i = 0; i < 3; i++) {
                dk[i] = weight[s] * d[i] + (s < 3 ? part[s + 1] * dv[i] : 0);
                dv[i] = 0;
            }
            back(p, v[s], dk, dp, dv);
            for (int i = 0; i < 3; i++) du[i] += dv[i];
        }
        for (int i = 0; i < 3; i++) d[i] = du[i];
    }
    for (int i = 0; i < 3; i++) grad[i] = dp[i], grad[3 + i] = d[i];
    return states[STEPS][0] + states[STEPS][1] + states[STEPS][2];
}
