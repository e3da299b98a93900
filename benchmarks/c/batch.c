/* The batch workloads over columns, value and partial derivatives by hand: plain loops for the
   compiler to vectorise. With -ffast-math gcc calls glibc's vector functions (libmvec); with
   -DSCALAR_MATH their declarations stay out of sight, and it calls the scalar ones. */
#ifdef SCALAR_MATH
#undef __FAST_MATH__
#endif
#include <tgmath.h>
#include <time.h>

#ifndef real
#define real double
#endif
#ifndef THREADS
#define THREADS 1
#endif
#define MU (real)0.1
#define ROOT_HALF (real)0.70710678118654752440
#define ROOT_2PI_INVERSE (real)0.39894228040143267794

/* cos under a name that gcc does not know: it makes one sincos of sin and cos, which libmvec lacks,
   and would then not vectorise the loop */
#ifdef SCALAR_MATH
#define SIMD
#else
#define SIMD __attribute__((simd("notinbranch"), const))
#endif
#define COSINE(real, symbol) SIMD real cosine_##real(real) __asm__(symbol);
COSINE(double, "cos")
COSINE(float, "cosf")
#define NAME_OF(real) cosine_##real
#define COSINE_OF(real) NAME_OF(real)

typedef const real *restrict column;
typedef real *restrict result;

static inline real relu(real x) { return x > 0 ? x : 0; }

static void g(long n, column a, column b, result value, result da, result db) {
    for (long i = 0; i < n; i++) {
        real x = a[i], y = b[i], plus = y + x, minus = y - x, y2 = y * y, y12 = 12 * y;
        real e = 3 * plus + 3 + y - y12 * (x + y2) - 4 * relu(plus) - relu(minus);
        real f = e * e, inverse = 1 / f, de = e - 20 * e * inverse * inverse;
        real by_a = 3 - y12, by_b = 4 - 12 * x - 36 * y2;
        real four = plus > 0 ? 4 : 0, one = minus > 0 ? 1 : 0;
        value[i] = (real)0.5 * f + 10 * inverse;
        da[i] = de * (by_a - four + one);
        db[i] = de * (by_b - four - one);
    }
}

/* the restricted three-body Hamiltonian and what its derivatives need */
#define HAMILTONIAN                                                       \
    real px = pxs[i], py = pys[i], pz = pzs[i], x = xs[i], y = ys[i], z = zs[i]; \
    real d = y * y + z * z, u = x - MU, w = u + 1;                        \
    real q1 = 1 / sqrt(u * u + d), q2 = 1 / sqrt(w * w + d);              \
    real m1 = (1 - MU) * q1, m2 = MU * q2;                                \
    real k1 = m1 * q1 * q1, k2 = m2 * q2 * q2;                            \
    real H = (real)0.5 * (px * px + py * py + pz * pz) + y * px - x * py - m1 - m2; \
    real hpx = px + y, hpy = py - x, hpz = pz;                            \
    real hx = k1 * u + k2 * w - py, hy = px + y * (k1 + k2), hz = z * (k1 + k2);

static void h(long n, column pxs, column pys, column pzs, column xs, column ys, column zs,
              result value, result dpx, result dpy, result dpz, result dx, result dy, result dz) {
    for (long i = 0; i < n; i++) {
        HAMILTONIAN
        value[i] = H;
        dpx[i] = hpx;
        dpy[i] = hpy;
        dpz[i] = hpz;
        dx[i] = hx;
        dy[i] = hy;
        dz[i] = hz;
    }
}

static void h2(long n, column pxs, column pys, column pzs, column xs, column ys, column zs,
               result value, result dpx, result dpy, result dpz, result dx, result dy, result dz) {
    for (long i = 0; i < n; i++) {
        HAMILTONIAN
        real t = tanh(px), s = sin(x * y), c = COSINE_OF(real)(x * y), e = exp(-z * z), q = 1 + x * x + y * y;
        real ce = c * e, two = 2 / q;
        value[i] = H * t + s * e + log(q);
        dpx[i] = hpx * t + H * (1 - t * t);
        dpy[i] = hpy * t;
        dpz[i] = hpz * t;
        dx[i] = hx * t + y * ce + x * two;
        dy[i] = hy * t + x * ce + y * two;
        dz[i] = hz * t - 2 * z * s * e;
    }
}

static void bs(long n, column Ss, column Ks, column Ts, column rs, column sigmas, result price,
               result dS, result dK, result dT, result dr, result dsigma) {
    for (long i = 0; i < n; i++) {
        real S = Ss[i], K = Ks[i], T = Ts[i], r = rs[i], sigma = sigmas[i];
        real root = sqrt(T), v = sigma * root;
        real d1 = (log(S / K) + (r + (real)0.5 * sigma * sigma) * T) / v, d2 = d1 - v;
        real n1 = (real)0.5 * (1 + erf(d1 * ROOT_HALF)), n2 = (real)0.5 * (1 + erf(d2 * ROOT_HALF));
        real discount = exp(-r * T), owed = K * discount * n2;
        real density = S * ROOT_2PI_INVERSE * exp((real)-0.5 * d1 * d1);
        price[i] = S * n1 - owed;
        dS[i] = n1;
        dK[i] = -discount * n2;
        dT[i] = (real)0.5 * density * sigma / root + r * owed;
        dr[i] = T * owed;
        dsigma[i] = density * root;
    }
}

#define MAP(f)                                                  \
    static void map_##f(long n, column x, result y) {           \
        for (long i = 0; i < n; i++) y[i] = f(x[i]);            \
    }
MAP(exp)
MAP(log)
MAP(sin)
MAP(tanh)

/* The same over tables of columns, in THREADS parts. */
#define IN(k) (in[k] + from)
#define OUT(k) (out[k] + from)
#define BATCH(name, ...)                                              \
    void batch_##name(long n, const real *const *in, real *const *out) { \
        _Pragma("omp parallel for schedule(static) num_threads(THREADS)") \
        for (long part = 0; part < THREADS; part++) {                 \
            long from = n * part / THREADS, to = n * (part + 1) / THREADS; \
            name(to - from, __VA_ARGS__);                             \
        }                                                             \
    }
#define SIX IN(0), IN(1), IN(2), IN(3), IN(4), IN(5)
BATCH(g, IN(0), IN(1), OUT(0), OUT(1), OUT(2))
BATCH(h, SIX, OUT(0), OUT(1), OUT(2), OUT(3), OUT(4), OUT(5), OUT(6))
BATCH(h2, SIX, OUT(0), OUT(1), OUT(2), OUT(3), OUT(4), OUT(5), OUT(6))
BATCH(bs, IN(0), IN(1), IN(2), IN(3), IN(4), OUT(0), OUT(1), OUT(2), OUT(3), OUT(4), OUT(5))
BATCH(map_exp, IN(0), OUT(0))
BATCH(map_log, IN(0), OUT(0))
BATCH(map_sin, IN(0), OUT(0))
BATCH(map_tanh, IN(0), OUT(0))

double seconds(void (*f)(long, const real *const *, real *const *), long count, long n,
               const real *const *in, real *const *out) {
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (long k = 0; k < count; k++) f(n, in, out);
    clock_gettime(CLOCK_MONOTONIC, &to);
    return (to.tv_sec - from.tv_sec) + 1e-9 * (to.tv_nsec - from.tv_nsec);
}
