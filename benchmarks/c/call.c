/* The micrograd README expression, its value and both partial derivatives, by hand. */

static inline double relu(double x) { return x < 0 ? 0 : x; }

static double forward(double a, double b, double *cc, double *dd) {
    double c = a + b, d = a * b + b * b * b;
    c += c + 1;
    c += 1 + c + (-a);
    d += d * 2 + relu(b + a);
    d += 3 * d + relu(b - a);
    *cc = c;
    *dd = d;
    double e = c - d, f = e * e;
    return f / 2.0 + 10.0 / f;
}

double value(double a, double b) {
    double c, d;
    return forward(a, b, &c, &d);
}

/* c = 4a + 4b + 3 - a, d = 12 (ab + b^3) + 4 relu(b + a) + relu(b - a), e = c - d, f = e^2 */
double value_and_grad(double a, double b, double grad[2]) {
    double c, d, g = forward(a, b, &c, &d);
    double e = c - d, f = e * e;
    double de = (0.5 - 10.0 / (f * f)) * 2.0 * e;
    double plus = b + a < 0 ? 0 : 4, minus = b - a < 0 ? 0 : 1;
    grad[0] = de * (3 - (12 * b + plus - minus));
    grad[1] = de * (4 - (12 * (a + 3 * b * b) + plus + minus));
    return g;
}
