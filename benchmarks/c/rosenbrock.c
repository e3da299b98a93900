/* Rosenbrock's function with its gradient, and the entries of its Hessian, row by row; and a square
   to be integrated. */
#ifndef N
#define N 10
#endif

double square(double x) { return x * x; }

double value_and_grad(const double x[], double grad[], long n) {
    double value = 0;
    for (long k = 0; k < n; k++) grad[k] = 0;
    for (long k = 0; k + 1 < n; k++) {
        const double far = x[k + 1] - x[k] * x[k], off = 1 - x[k];
        value += 100 * far * far + off * off;
        grad[k] -= 400 * far * x[k] + 2 * off;
        grad[k + 1] += 200 * far;
    }
    return value;
}

void hessian(const double x[], double entries[]) {
    entries[0] = 1200 * x[0] * x[0] - 400 * x[1] + 2;
    for (long k = 1; k < N - 1; k++) {
        entries[3 * k - 2] = entries[3 * k - 1] = -400 * x[k - 1];
        entries[3 * k] = 1200 * x[k] * x[k] - 400 * x[k + 1] + 202;
    }
    entries[3 * N - 5] = entries[3 * N - 4] = -400 * x[N - 2];
    entries[3 * N - 3] = 200;
}
