/* call.c as a CPython extension module: the fastest that a call from Python can be by hand. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include "call.c"

static int arguments(PyObject *const *args, Py_ssize_t n, double *a, double *b) {
    if (n != 2) {
        PyErr_SetString(PyExc_TypeError, "takes two numbers");
        return -1;
    }
    *a = PyFloat_CheckExact(args[0]) ? PyFloat_AS_DOUBLE(args[0]) : PyFloat_AsDouble(args[0]);
    *b = PyFloat_CheckExact(args[1]) ? PyFloat_AS_DOUBLE(args[1]) : PyFloat_AsDouble(args[1]);
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

static PyMethodDef methods[] = {
    {"value", (PyCFunction)(void (*)(void))py_value, METH_FASTCALL, NULL},
    {"value_and_grad", (PyCFunction)(void (*)(void))py_value_and_grad, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "byhand", NULL, -1, methods};

PyMODINIT_FUNC PyInit_byhand(void) { return PyModule_Create(&module); }
