/* The log of a sum of exponentials, by the largest number, and its partial derivatives. */
#include <math.h>
#ifndef N
#define N 10000
#endif

double value_and_grad(const double x[], double grad[]) {
    double top = x[0], sum = 0;
    for (long k = 1; k < N; k++) top = x[k] > top ? x[k] : top;
    for (long k = 0; k < N; k++) sum += grad[k] = exp(x[k] - top);
    const double scale = 1 / sum;
    for (long k = 0; k < N; k++) grad[k] *= scale;
    return top + log(sum);
}
