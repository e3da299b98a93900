"""Programs as text, and what differentiates each: the statements behind `ct_out = 1.0`, or, where
reductions are rewritten first, all of them.
"""

from __future__ import annotations

# fmt: off
CASES: dict[str, tuple[str, str]] = {
    "recurrence": (
        """
        input x[4]
        input w[1]
        temp h[5]
        output out[1]

        h[0] = 1.0
        for i < 4 in order:
          h[i + 1] = tanh(add(mul(h[i], w[0]), x[i]))
        out[0] = h[4]
        """,
        """
        ct_h[4] = ct_out
        ct_w = -0.0
        for i < 4 in reverse order:
          ct_x[i] = mul(ct_h[i + 1], sub(1.0, mul(h[i + 1], h[i + 1])))
          ct_h[i] = mul(mul(ct_h[i + 1], sub(1.0, mul(h[i + 1], h[i + 1]))), w)
          ct_w += mul(mul(ct_h[i + 1], sub(1.0, mul(h[i + 1], h[i + 1]))), h[i])
        grad[i] = ct_x[i]  for i < 4
        grad[4] = ct_w
        """,
    ),
    "a recurrence of which an early state is asked for": (
        """
        input x[4]
        temp h[5]
        output out[1]

        h[0] = x[0]
        for i < 4 in order:
          h[i + 1] = mul(h[i], x[i])
        out[0] = h[2]
        """,
        """
        ct_h[2] = ct_out
        ct_h = -0.0
        ct_h[1] = -0.0
        ct_h[i + 3] = -0.0  for i < 2
        for i < 4 in reverse order:
          ct_h[i] += where(live0[i], mul(ct_h[i + 1], x[i]), -0.0)
          grad[i] = where(live0[i], mul(ct_h[i + 1], h[i]), -0.0)
        grad += ct_h
        """,
    ),
    "in reverse order": (
        """
        input x[4]
        temp h[5]
        output out[1]

        h[4] = 1.0
        for i < 4 in reverse order:
          h[i] = mul(h[i + 1], x[i])
        out[0] = h[0]
        """,
        """
        ct_h = ct_out
        for i < 4 in order:
          ct_h[i + 1] = mul(ct_h[i], x[i])
          grad[i] = mul(ct_h[i], h[i + 1])
        """,
    ),
    "nested recurrences": (
        """
        input x[3, 2]
        temp g[3, 3]
        temp h[4]
        output out[1]

        h[0] = 1.0
        for i < 3 in order:
          g[i, 0] = h[i]
          for j < 2 in order:
            g[i, j + 1] = mul(g[i, j], x[i, j])
          h[i + 1] = add(g[i, 2], h[i])
        out[0] = h[3]
        """,
        """
        ct_h[3] = ct_out
        ct_h[i] = -0.0  for i < 3
        for i < 3 in reverse order:
          ct_g[i, 2] = ct_h[i + 1]
          ct_h[i] += ct_h[i + 1]
          for j < 2 in reverse order:
            ct_g[i, j] = mul(ct_g[i, j + 1], x[i, j])
            grad[i, j] = mul(ct_g[i, j + 1], g[i, j])
          ct_h[i] += ct_g[i, 0]
        """,
    ),
    "two dimensions": (
        """
        input x[2, 3]
        temp d[3, 4]
        output out[1]

        d[i, 0] = 1.0  for i < 3
        d[0, i + 1] = 1.0  for i < 3
        for i < 2 in order:
          for j < 3 in order:
            d[i + 1, j + 1] = add(mul(d[i, j], x[i, j]), mul(d[i, j + 1], d[i + 1, j]))
        out[0] = d[2, 3]
        """,
        """
        ct_d[2, 3] = ct_out
        ct_d[i] = -0.0  for i < 11
        for i < 2 in reverse order:
          for j < 3 in reverse order:
            ct_d[i, j + 1] += mul(ct_d[i + 1, j + 1], d[i + 1, j])
            ct_d[i + 1, j] += mul(ct_d[i + 1, j + 1], d[i, j + 1])
            ct_d[i, j] += mul(ct_d[i + 1, j + 1], x[i, j])
            grad[i, j] = mul(ct_d[i + 1, j + 1], d[i, j])
        """,
    ),
    "sums in a loop": (
        """
        input w[2, 2]
        temp h[4, 2]
        output out[1]

        h[0, i] = 1.0  for i < 2
        for i < 3 in order:
          h[i + 1, j] = 0.0  for j < 2
          h[i + 1, j] += mul(w[j, k], h[i, k])  for j < 2, k < 2
        out[0] = h[3, 1]
        """,
        """
        ct_h[3, 1] = ct_out
        ct_h[i] = -0.0  for i < 7
        grad[i] = -0.0  for i < 4
        for i < 3 in reverse order:
          grad[j, k] += where(live0[i, j], mul(ct_h[i + 1, j], h[i, k]), -0.0)  for j < 2, k < 2
          ct_h[i, k] += where(live0[i, j], mul(ct_h[i + 1, j], w[j, k]), -0.0)  for j < 2, k < 2
        """,
    ),
    "triangle": (
        """
        input x[3]
        temp t[3]
        output out[1]

        t[i] = 0.0  for i < 3
        t[i] += mul(x[i], x[j])  for i < 3, j < i + 1
        out[0] = 0.0
        out[0] += t[i]  for i < 3
        """,
        """
        ct_t[i] = ct_out  for i < 3
        grad[i] = -0.0  for i < 3
        grad[i] += mul(ct_t[i], x[j])  for i < 3, j < i + 1
        grad[j] += mul(ct_t[i], x[i])  for i < 3, j < i + 1
        """,
    ),
    "ragged": (
        """
        input x[3, 3]
        const lengths[3] i32 = 2 0 3
        temp t[3]
        output out[1]

        t[i] = 0.0  for i < 3
        t[i] += mul(x[i, j], x[i, j])  for i < 3, j < lengths[i]
        out[0] = 0.0
        out[0] += mul(t[i], t[i])  for i < 3
        """,
        """
        ct_t[i] = mul(ct_out, t[i])  for i < 3
        ct_t[i] += mul(ct_out, t[i])  for i < 3
        grad[i, j] = mul(ct_t[i], x[i, j])  for i < 3, j < lengths[i]
        grad[i, j] += mul(ct_t[i], x[i, j])  for i < 3, j < lengths[i]
        grad[i + 2] = 0.0  for i < 4
        """,
    ),
    "ragged by an input": (
        """
        input x[3, 3]
        input lengths[3] i64 < 4
        temp t[3]
        output out[1]

        t[i] = 0.0  for i < 3
        t[i] += mul(x[i, j], x[i, j])  for i < 3, j < lengths[i]
        out[0] = 0.0
        out[0] += mul(t[i], t[i])  for i < 3
        """,
        """
        ct_t[i] = mul(ct_out, t[i])  for i < 3
        ct_t[i] += mul(ct_out, t[i])  for i < 3
        grad[i] = -0.0  for i < 9
        grad[i, j] += mul(ct_t[i], x[i, j])  for i < 3, j < lengths[i]
        grad[i, j] += mul(ct_t[i], x[i, j])  for i < 3, j < lengths[i]
        """,
    ),
    "gather": (
        """
        input x[4]
        const t[3] i32 = 2 0 2
        temp g[3]
        output out[1]

        g[i] = mul(x[t[i]], x[(i + 1) mod 4])  for i < 3
        out[0] = 0.0
        out[0] += g[i]  for i < 3
        """,
        """
        ct_g[i] = ct_out  for i < 3
        grad[i] = -0.0  for i < 4
        grad[t[i]] += mul(ct_g[i], x[(i + 1) mod 4])  for i < 3
        grad[(i + 1) mod 4] += mul(ct_g[i], x[t[i]])  for i < 3
        """,
    ),
    "gather by an input": (
        """
        input w[5, 2]
        input tokens[3] i64 < 5
        temp e[5, 2]
        output out[1]

        e[i, j] = mul(w[i, j], w[i, j])  for i < 5, j < 2
        out[0] = 0.0
        out[0] += mul(e[tokens[i], j], e[tokens[i], 0])  for i < 3, j < 2
        """,
        """
        ct_e[i] = -0.0  for i < 10
        ct_e[tokens[i], j] += mul(ct_out, e[tokens[i], 0])  for i < 3, j < 2
        ct_e[tokens[i], 0] += mul(ct_out, e[tokens[i], j])  for i < 3, j < 2
        grad[i, j] = mul(ct_e[i, j], w[i, j])  for i < 5, j < 2
        grad[i, j] += mul(ct_e[i, j], w[i, j])  for i < 5, j < 2
        """,
    ),
    "scatter by an input": (
        """
        input x[3]
        input at[3] i64 < 2
        temp s[2]
        output out[1]

        s[i] = 0.0  for i < 2
        s[at[i]] += mul(x[i], x[i])  for i < 3
        out[0] = 0.0
        out[0] += mul(s[i], s[i])  for i < 2
        """,
        """
        ct_s[i] = -0.0  for i < 2
        ct_s[i] += mul(ct_out, s[i])  for i < 2
        ct_s[i] += mul(ct_out, s[i])  for i < 2
        grad[i] = mul(ct_s[at[i]], x[i])  for i < 3
        grad[i] += mul(ct_s[at[i]], x[i])  for i < 3
        """,
    ),
    "product": (
        """
        input x[2, 3]
        temp m[2]
        output out[1]

        m[i] = 1.0  for i < 2
        m[i] *= x[i, j]  for i < 2, j < 3
        out[0] = 0.0
        out[0] += mul(m[i], m[i])  for i < 2
        """,
        """
        m_steps[0, i] = 1.0  for i < 2
        for i < 3 in order:
          m_steps[i + 1, j] = mul(m_steps[i, j], x[j, i])  for j < 2
        out = 0.0
        out += mul(m_steps[3, i], m_steps[3, i])  for i < 2
        ct_out = 1.0
        ct_m_steps[3, i] = mul(ct_out, m_steps[3, i])  for i < 2
        ct_m_steps[3, i] += mul(ct_out, m_steps[3, i])  for i < 2
        for i < 3 in reverse order:
          ct_m_steps[i, j] = mul(ct_m_steps[i + 1, j], x[j, i])  for j < 2
          grad[j, i] = mul(ct_m_steps[i + 1, j], m_steps[i, j])  for j < 2
        """,
    ),
    "product over a triangle": (
        """
        input x[3]
        temp m[3]
        output out[1]

        m[i] = 1.0  for i < 3
        m[i] *= x[j]  for i < 3, j < i + 1
        out[0] = 0.0
        out[0] += m[i]  for i < 3
        """,
        """
        m_steps[0, i] = 1.0  for i < 3
        for i < 3:
          for j < i + 1 in order:
            m_steps[j + 1, i] = mul(m_steps[j, i], x[j])
        out = 0.0
        out += m_steps[i + 1, i]  for i < 3
        ct_out = 1.0
        ct_m_steps[i + 1, i] = ct_out  for i < 3
        grad[i] = -0.0  for i < 3
        for i < 3:
          for j < i + 1 in reverse order:
            ct_m_steps[j, i] = mul(ct_m_steps[j + 1, i], x[j])
            grad[j] += mul(ct_m_steps[j + 1, i], m_steps[j, i])
        """,
    ),
    "product of ragged rows": (
        """
        input x[3, 2]
        const lengths[3] i32 = 2 0 1
        temp p[3]
        output out[1]

        p[i] = 1.0  for i < 3
        p[i] *= x[i, j]  for i < 3, j < lengths[i]
        out[0] = 0.0
        out[0] += p[i]  for i < 3
        """,
        """
        p_steps[0, i] = 1.0  for i < 3
        for i < 3:
          for j < lengths[i] in order:
            p_steps[j + 1, i] = mul(p_steps[j, i], x[i, j])
        out = 0.0
        out += p_steps[p_steps_of[i], i]  for i < 3
        ct_out = 1.0
        ct_p_steps[i] = -0.0  for i < 9
        ct_p_steps[p_steps_of[i], i] += ct_out  for i < 3
        for i < 3:
          for j < lengths[i] in reverse order:
            ct_p_steps[j, i] += mul(ct_p_steps[j + 1, i], x[i, j])
            grad[i, j] = mul(ct_p_steps[j + 1, i], p_steps[j, i])
        grad[1, 0] = 0.0
        grad[i + 1, 1] = 0.0  for i < 2
        """,
    ),
    "a product that is read on the way": (
        """
        input x[3]
        temp p[1]
        temp q[3]
        output out[1]

        p[0] = 1.0
        for i < 3 in order:
          p[0] *= x[i]
          q[i] = p[0]
        out[0] = 0.0
        out[0] += q[i]  for i < 3
        """,
        """
        p_steps = 1.0
        for i < 3 in order:
          p_steps[i + 1, 0] = mul(p_steps[i, 0], x[i])
          q[i] = p_steps[i + 1, 0]
        out = 0.0
        out += q[i]  for i < 3
        ct_out = 1.0
        ct_q[i] = ct_out  for i < 3
        ct_p_steps[i, 0] = -0.0  for i < 4
        for i < 3 in reverse order:
          ct_p_steps[i + 1, 0] += ct_q[i]
          ct_p_steps[i, 0] += mul(ct_p_steps[i + 1, 0], x[i])
          grad[i] = mul(ct_p_steps[i + 1, 0], p_steps[i, 0])
        """,
    ),
    "disjoint writes": (
        """
        input x[4]
        temp a[4]
        output out[1]

        a[i] = mul(x[i], x[i])  for i < 2
        a[i + 2] = x[i + 2]  for i < 2
        out[0] = 0.0
        out[0] += mul(a[i], a[i])  for i < 4
        """,
        """
        ct_a[i] = mul(ct_out, a[i])  for i < 4
        ct_a[i] += mul(ct_out, a[i])  for i < 4
        grad[i + 2] = ct_a[i + 2]  for i < 2
        grad[i] = mul(ct_a[i], x[i])  for i < 2
        grad[i] += mul(ct_a[i], x[i])  for i < 2
        """,
    ),
    "no iterations": (
        """
        input x[3]
        temp h[1]
        output out[1]

        h[0] = x[0]
        for i < 0 in order:
          h[i + 1] = mul(h[i], x[i])
        out[0] = h[0]
        out[0] += x[i]  for i < 0
        """,
        """
        ct_h = ct_out
        grad = ct_h
        grad[i + 1] = 0.0  for i < 2
        """,
    ),
    "a loop that ends when it is told to": (
        """
        input x[4]
        extent n <= 4
        temp h[5]
        temp s[4]
        output out[1]

        h[0] = 1.0
        for i < n in order:
          h[i + 1] = mul(h[i], x[i])
        s[i] = mul(x[i], x[i])  for i < n
        out[0] = 0.0
        out[0] += mul(h[i + 1], s[i])  for i < n
        """,
        """
        ct_h[i] = -0.0  for i < 5
        ct_h[i + 1] += mul(ct_out, s[i])  for i < n
        ct_s[i] = mul(ct_out, h[i + 1])  for i < n
        grad[i] = -0.0  for i < 4
        grad[i] += mul(ct_s[i], x[i])  for i < n
        grad[i] += mul(ct_s[i], x[i])  for i < n
        for i < n in reverse order:
          ct_h[i] += mul(ct_h[i + 1], x[i])
          grad[i] += mul(ct_h[i + 1], h[i])
        """,
    ),
    "free": (
        """
        input x[2, 2]
        temp a[2, 2]
        temp b[2]
        output out[1]

        for i < 2:
          a[i, j] = mul(x[i, j], x[i, 0])  for j < 2
          b[i] = mul(a[i, 0], a[i, 1])
        out[0] = 0.0
        out[0] += b[i]  for i < 2
        """,
        """
        ct_b[i] = ct_out  for i < 2
        for i < 2:
          grad[i, j] = -0.0  for j < 2
          ct_a[i, 0] = mul(ct_b[i], a[i, 1])
          ct_a[i, 1] = mul(ct_b[i], a[i, 0])
          grad[i, j] += mul(ct_a[i, j], x[i, 0])  for j < 2
          grad[i, 0] += mul(ct_a[i, j], x[i, j])  for j < 2
        """,
    ),
}
"""Kind of program -> the program, and its reverse."""
