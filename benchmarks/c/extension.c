/* call.c and w7.c as a CPython extension module: the fastest that a call from Python can be by hand. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include "call.c"
#ifdef W7_REAL /* a complex number of Python has a member called real */
#define real W7_REAL
#endif
#include "w7.c"

static inline double number(PyObject *x) {
    if (PyFloat_CheckExact(x)) return PyFloat_AS_DOUBLE(x);
    return PyLong_CheckExact(x) ? PyLong_AsDouble(x) : PyFloat_AsDouble(x);
}

static int arguments(PyObject *const *args, Py_ssize_t n, double *a, double *b) {
    if (n != 2) {
        PyErr_SetString(PyExc_TypeError, "takes two numbers");
        return -1;
    }
    *a = number(args[0]);
    *b = number(args[1]);
    return (*a == -1.0 || *b == -1.0) && PyErr_Occurred() ? -1 : 0;
}

static PyObject *py_value(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    double a, b;
    if (arguments(args, n, &a, &b) < 0) return NULL;
    return PyFloat_FromDouble(value(a, b));
}

/* (g, (dg/da, dg/db)), as ours returns it */
static PyObject *py_value_and_grad(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    double a, b, grad[2];
    if (arguments(args, n, &a, &b) < 0) return NULL;
    PyObject *items[4] = {PyFloat_FromDouble(value_and_grad(a, b, grad)),
                          PyFloat_FromDouble(grad[0]), PyFloat_FromDouble(grad[1]), PyTuple_New(2)};
    PyObject *result = PyTuple_New(2);
    if (!items[0] || !items[1] || !items[2] || !items[3] || !result) return NULL; /* leaks: dying */
    PyTuple_SET_ITEM(items[3], 0, items[1]);
    PyTuple_SET_ITEM(items[3], 1, items[2]);
    PyTuple_SET_ITEM(result, 0, items[0]);
    PyTuple_SET_ITEM(result, 1, items[3]);
    return result;
}

/* all parameters in a list, in the order of micrograd */
static PyObject *py_set_parameters(PyObject *self, PyObject *list) {
    double p[A * (IN + 1) + B * (A + 1) + C * (B + 1) + C + 1];
    Py_ssize_t n = sizeof p / sizeof *p;
    if (!PyList_CheckExact(list) || PyList_GET_SIZE(list) != n)
        return PyErr_Format(PyExc_TypeError, "takes a list of %zd numbers", n);
    for (Py_ssize_t k = 0; k < n; k++) p[k] = number(PyList_GET_ITEM(list, k));
    if (PyErr_Occurred()) return NULL;
    set_parameters(p);
    Py_RETURN_NONE;
}

static PyObject *py_w7(PyObject *self, PyObject *list) {
    real x[IN];
    if (!PyList_CheckExact(list) || PyList_GET_SIZE(list) != IN) {
        PyErr_SetString(PyExc_TypeError, "takes a list of ten numbers");
        return NULL;
    }
    int odd = 0;
    for (int k = 0; k < IN; k++) {
        double v = number(PyList_GET_ITEM(list, k));
        odd |= v == -1.0;
        x[k] = v;
    }
    if (odd && PyErr_Occurred()) return NULL;
    return PyFloat_FromDouble(w7(x));
}

static PyMethodDef methods[] = {
    {"set_parameters", py_set_parameters, METH_O, NULL},
    {"w7", py_w7, METH_O, NULL},
    {"value", (PyCFunction)(void (*)(void))py_value, METH_FASTCALL, NULL},
    {"value_and_grad", (PyCFunction)(void (*)(void))py_value_and_grad, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "byhand", NULL, -1, methods};

PyMODINIT_FUNC PyInit_byhand(void) { return PyModule_Create(&module); }
