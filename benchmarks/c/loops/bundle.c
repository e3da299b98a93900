/* Residuals of reprojection and their Jacobian: two rows an observation, of 14 numbers that are not
   zero each, which flow back from the two results of one observation. Dense; or, if SPARSE, these
   numbers alone. */
#include <math.h>
#include <string.h>
#ifndef CAMERAS
#define CAMERAS 2
#define POINTS 20
#define OBSERVATIONS 40
#endif
#define COLUMNS (11 * CAMERAS + 3 * POINTS + OBSERVATIONS)

/* where a row of the Jacobian is, and in it the numbers of a camera, behind the one of its principal
   point that the row does not depend on, of a point, and of the weight */
#ifdef SPARSE
#define ROW 14
#define CAMERA(row, at) (row)
#define BEHIND 1
#define POINT(row, of) ((row) + 10)
#define WEIGHT(row, o) ((row) + 13)
#else
#define ROW COLUMNS
#define CAMERA(row, at) ((row) + 11 * (at))
#define BEHIND 0
#define POINT(row, of) ((row) + 11 * CAMERAS + 3 * (of))
#define WEIGHT(row, o) ((row) + 11 * CAMERAS + 3 * POINTS + (o))
#endif

static double features[OBSERVATIONS][2];
static int cameras[OBSERVATIONS], points[OBSERVATIONS];

/* what each observation sees of which camera and point, then where */
void set_data(const double *numbers) {
    for (int k = 0; k < OBSERVATIONS; k++) cameras[k] = *numbers++;
    for (int k = 0; k < OBSERVATIONS; k++) points[k] = *numbers++;
    for (int k = 0; k < 2 * OBSERVATIONS; k++) (&features[0][0])[k] = *numbers++;
}

static double dot(const double *a, const double *b) {
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static void cross(const double *a, const double *b, double *out) {
    out[0] = a[1] * b[2] - a[2] * b[1];
    out[1] = a[2] * b[0] - a[0] * b[2];
    out[2] = a[0] * b[1] - a[1] * b[0];
}

static double residuals[OBSERVATIONS][2];

/* p: 11 numbers a camera, 3 a point, a weight an observation; the Jacobian by rows */
void value_and_grad(const double p[], double jacobian[]) {
#ifndef SPARSE
    memset(jacobian, 0, sizeof(double) * 2 * OBSERVATIONS * COLUMNS);
#endif
    for (int o = 0; o < OBSERVATIONS; o++) {
        const int at = cameras[o], of = points[o];
        const double *cam = p + 11 * at, *point = p + 11 * CAMERAS + 3 * of;
        const double weight = p[11 * CAMERAS + 3 * POINTS + o];
        double axis[3], shifted[3], turned[3], seen[3];
        const double angle = sqrt(dot(cam, cam)), cosine = cos(angle), sine = sin(angle);
        for (int i = 0; i < 3; i++) shifted[i] = point[i] - cam[3 + i], axis[i] = cam[i] / angle;
        cross(axis, shifted, turned);
        const double along = dot(axis, shifted), rest = 1 - cosine;
        for (int i = 0; i < 3; i++)
            seen[i] = shifted[i] * cosine + turned[i] * sine + axis[i] * along * rest;
        const double u = seen[0] / seen[2], v = seen[1] / seen[2], square = u * u + v * v;
        const double lens = 1 + cam[9] * square + cam[10] * square * square;
        const double slope = cam[9] + 2 * cam[10] * square, focal = cam[6];
        for (int k = 0; k < 2; k++) {
            double *row = jacobian + (2 * o + k) * ROW;
            double *dcam = CAMERA(row, at), *dpoint = POINT(row, of);
            const double place = k ? v : u;
            const double error = place * lens * focal + cam[7 + k] - features[o][k];
            residuals[o][k] = weight * error;
            *WEIGHT(row, o) = error;
            dcam[6] = weight * place * lens;
            dcam[7 + k * !BEHIND] = weight;
            dcam[9 - BEHIND] = weight * place * focal * square;
            dcam[10 - BEHIND] = dcam[9 - BEHIND] * square;
            const double d = weight * focal, dlens = d * place * slope;
            const double du = 2 * dlens * u + (k ? 0 : d * lens);
            const double dv = 2 * dlens * v + (k ? d * lens : 0);
            const double dseen[3] = {du / seen[2], dv / seen[2], -(du * u + dv * v) / seen[2]};
            double flowed[3], spun[3], daxis[3];
            const double onto = dot(dseen, axis);
            cross(dseen, axis, flowed);  /* of the shift, from dseen . (axis x shift) */
            cross(shifted, dseen, spun); /* of the axis */
            const double dsine = dot(dseen, turned);
            const double dcosine = dot(dseen, shifted) - onto * along;
            const double dangle = dsine * cosine - dcosine * sine;
            for (int i = 0; i < 3; i++) {
                dpoint[i] = dseen[i] * cosine + flowed[i] * sine + onto * rest * axis[i];
                dcam[3 + i] = -dpoint[i];
                daxis[i] = spun[i] * sine + dseen[i] * along * rest + onto * rest * shifted[i];
            }
            const double radial = (dangle - dot(daxis, cam) / (angle * angle)) / angle;
            for (int i = 0; i < 3; i++) dcam[i] = daxis[i] / angle + radial * cam[i];
        }
    }
}
