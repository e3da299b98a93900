/* The moons loss of MLP(2, [16, 16, 1]) and its 337 partial derivatives: plain loops, as one writes
   them first, for float or double; the compiler vectorises what it can. */
#ifndef real
#define real double
#endif
#define H 16
#define P 337
#define MOST 16384

static long n;
static real xs[MOST][2], ys[MOST];

void set_data(long count, const double *points, const double *labels) {
    n = count;
    for (long s = 0; s < n; s++) {
        xs[s][0] = points[2 * s];
        xs[s][1] = points[2 * s + 1];
        ys[s] = labels[s];
    }
}

real moons(const real p[P], real grad[P]) {
    const real alpha = 1e-4;
    real w1[2][H], b1[H], w2[H][H], flipped[H][H], b2[H], w3[H], b3 = p[P - 1];
    real dw1[2][H] = {0}, db1[H] = {0}, dw2[H][H] = {0}, db2[H] = {0}, dw3[H] = {0}, db3 = 0;
    for (int j = 0; j < H; j++) {
        for (int k = 0; k < 2; k++) w1[k][j] = p[3 * j + k];
        b1[j] = p[3 * j + 2];
        for (int i = 0; i < H; i++) w2[j][i] = flipped[i][j] = p[3 * H + 17 * j + i];
        b2[j] = p[3 * H + 17 * j + H];
        w3[j] = p[20 * H + j];
    }
    real loss = 0, squares = 0;
    for (long s = 0; s < n; s++) {
        real h1[H], h2[H], d1[H], d2[H], score = b3;
        for (int j = 0; j < H; j++) {
            real x = w1[0][j] * xs[s][0] + w1[1][j] * xs[s][1] + b1[j];
            h1[j] = x > 0 ? x : 0;
            h2[j] = b2[j];
            d1[j] = 0;
        }
        for (int i = 0; i < H; i++)
            for (int j = 0; j < H; j++) h2[j] += flipped[i][j] * h1[i];
        for (int j = 0; j < H; j++) {
            h2[j] = h2[j] > 0 ? h2[j] : 0;
            score += h2[j] * w3[j];
        }
        real margin = 1 - ys[s] * score;
        real slope = margin > 0 ? -ys[s] / n : 0;
        loss += margin > 0 ? margin : 0;
        db3 += slope;
        for (int j = 0; j < H; j++) {
            dw3[j] += slope * h2[j];
            d2[j] = h2[j] > 0 ? slope * w3[j] : 0;
            db2[j] += d2[j];
        }
        for (int j = 0; j < H; j++)
            for (int i = 0; i < H; i++) {
                dw2[j][i] += d2[j] * h1[i];
                d1[i] += d2[j] * w2[j][i];
            }
        for (int i = 0; i < H; i++) {
            d1[i] = h1[i] > 0 ? d1[i] : 0;
            dw1[0][i] += d1[i] * xs[s][0];
            dw1[1][i] += d1[i] * xs[s][1];
            db1[i] += d1[i];
        }
    }
    for (int j = 0; j < H; j++) {
        for (int k = 0; k < 2; k++) grad[3 * j + k] = dw1[k][j];
        grad[3 * j + 2] = db1[j];
        for (int i = 0; i < H; i++) grad[3 * H + 17 * j + i] = dw2[j][i];
        grad[3 * H + 17 * j + H] = db2[j];
        grad[20 * H + j] = dw3[j];
    }
    grad[P - 1] = db3;
    for (int k = 0; k < P; k++) {
        squares += p[k] * p[k];
        grad[k] += 2 * alpha * p[k];
    }
    return loss / n + alpha * squares;
}
