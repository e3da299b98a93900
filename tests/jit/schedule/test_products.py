"""What becomes part of a product of matrices: text in, text out."""

from __future__ import annotations

import re

import pytest

from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.verify import verify
from micrograd.jit.schedule.schedule import schedule
from micrograd.jit.target import Target

HEAD = """
input x[100, 64]
input w[64, 32]
input b[32]
temp c[100, 32]
output y[100, 32]
"""
PRODUCT = """
c[i, j] = -0.0  for i < 100, j < 32
c[i, j] += mul(x[i, k], w[k, j])  for i < 100, j < 32, k < 64
"""


TILES = f"tiles of 6 x {8 * (4 if Target.host('f4').registers == 32 else 2)}"
"""Where vectors have 256 bits; how many there are is the processor's."""


def products(text: str, *, strict: bool = False, bits: int = 32) -> list[str]:
    """The products of a program as they are printed, each with what belongs to it."""
    target = Target.host(f"f{bits // 8}", strict=strict, vector_bits=256)
    printed = str(schedule(verify(parse(text)), target))
    return re.findall(r"  product .*\n(?:    .*\n)*", printed + "\n")


def test_a_layer_is_one_product_whose_sum_is_never_stored() -> None:
    text = HEAD + PRODUCT + "y[i, j] = relu(add(c[i, j], b[j]))  for i < 100, j < 32"
    assert products(text) == [
        f"  product 100 x 32 x 64: {TILES}\n"
        "    c[i, j] += mul(x[i, k], w[k, j])  for i < 100, j < 32, k < 64\n"
        "    start: c[i, j] = -0.0  for i < 100, j < 32\n"
        "    finish: y[i, j] = relu(add(c[i, j], b[j]))  for i < 100, j < 32\n"
        "    not stored: c\n"
    ]


def test_what_is_read_twice_is_stored() -> None:
    text = HEAD + "output total[1]\n" + PRODUCT
    text += "y[i, j] = relu(c[i, j])  for i < 100, j < 32\ntotal = 0.0\n"
    text += "total += c[i, j]  for i < 100, j < 32"
    (found,) = products(text)
    assert "finish: y[i, j] = relu(c[i, j])" in found
    assert "not stored" not in found


def test_a_flat_copy_into_a_part_of_an_output_is_a_finish() -> None:
    text = HEAD.replace("y[100, 32]", "y[3207]") + PRODUCT
    text += "y[i] = 1.0  for i < 7\ny[i + 7] = c[i]  for i < 3200"
    (found,) = products(text)
    assert "finish: y[32*i + j + 7] = c[i, j]" in found
    assert "not stored: c" in found


UPDATE = """
input x[100, 64]
input dy[100, 32]
state w[64, 32]
temp dx[100, 64]
temp dw[64, 32]
output out[100, 64]
{0}
dw[i, j] = -0.0  for i < 64, j < 32
dw[j, k] += mul(x[i, j], dy[i, k])  for i < 100, j < 64, k < 32
{1}
w[i, j] = sub(w[i, j], mul(0.5, dw[i, j]))  for i < 64, j < 32
{2}
"""
DX = """
dx[i, j] = -0.0  for i < 100, j < 64
dx[i, j] += mul(dy[i, k], w[j, k])  for i < 100, j < 64, k < 32
out[i, j] = dx[i, j]  for i < 100, j < 64
"""


@pytest.mark.parametrize("place", [0, 2])
def test_an_update_belongs_to_the_gradient(place: int) -> None:
    found = products(UPDATE.format(*[DX if k == place else "" for k in range(3)]))
    assert sum("finish: w[i, j] = sub" in p for p in found) == 1
    assert len(found) == 2
    assert ("finish: w" in found[0]) == (place == 2)


def test_an_update_waits_for_what_reads_the_old_weights() -> None:
    found = products(UPDATE.format("", DX, ""))
    assert len(found) == 2
    assert not any("finish: w" in p for p in found)


def test_the_same_computed_twice_is_read() -> None:
    gate = "where(gt(b[j], 0.0), c[i, j], 0.0)"
    text = HEAD + "output total[32]\n" + PRODUCT + f"y[i, j] = {gate}  for i < 100, j < 32\n"
    text = text.replace("output y", "temp y") + "total[i] = -0.0  for i < 32\n"
    text += f"total[j] += {gate}  for i < 100, j < 32\n"
    (found,) = products(text)
    assert "not stored: c" in found


def test_a_factor_or_another_place_is_no_finish() -> None:
    for line in (
        "y[i, j] = c[-1*i + 99, j]  for i < 100, j < 32",
        "y[j, i] = c[k[j], i]  for i < 32, j < 100",
    ):
        text = "const k[100] i32 = " + " ".join(map(str, range(100))) + HEAD + PRODUCT + line
        text = text if "k[j]" in line else text.split("\n", 1)[1]
        (found,) = products(text)
        assert "finish" not in found


def test_loops_that_strides_join_are_one() -> None:
    text = """
input x[5, 20, 4, 16]
input w[64, 32]
output y[5, 20, 32]

y[i, j, k] = 0.0  for i < 5, j < 20, k < 32
y[i, j, k] += mul(x[i, j, l, m], w[16*l + m, k])  for i < 5, j < 20, k < 32, l < 4, m < 16
"""
    (found,) = products(text)
    assert found.startswith("  product 100 x 32 x 64: ")


def test_a_batch_is_loops_around() -> None:
    text = """
input x[5, 32, 24]
input w[5, 24, 32]
output y[5, 32, 32]

y[i, j, k] = 0.0  for i < 5, j < 32, k < 32
y[i, j, k] += mul(x[i, j, l], w[i, l, k])  for i < 5, j < 32, k < 32, l < 24
"""
    (found,) = products(text)
    assert found.startswith("  product 32 x 32 x 24, 5 times: ")


def test_strict_sums_and_small_ones_stay_in_loops() -> None:
    text = HEAD + PRODUCT + "y[i, j] = c[i, j]  for i < 100, j < 32"
    assert products(text, strict=True) == []
    assert products(text.replace("100", "4").replace("64", "16")) == []


def test_an_outer_product_sums_nothing_and_is_none() -> None:
    assert not products("""
input x[256]
input dy[128]
state w[256, 128]
temp dw[256, 128]

dw[i, j] = mul(dy[j], x[i])  for i < 256, j < 128
w[i, j] = sub(w[i, j], mul(0.5, dw[i, j]))  for i < 256, j < 128
""")


LAST_LAYER = """
input w[256, 128]
input x[128]
temp t[256]
temp ct_t[256]
temp ct_x[128]
output dw[256, 128]
output dx[128]
output out[1]

t[i] = 0.0  for i < 256
t[i] += mul(x[j], w[i, j])  for i < 256, j < 128
ct_x[j] = -0.0  for j < 128
"""
BACK = """
ct_x[j] += mul(ct_t[i], w[i, j])  for j < 128, i < 256
dw[i, j] = mul(ct_t[i], x[j])  for i < 256, j < 128
dx[j] = sin(ct_x[j])  for j < 128
"""


@pytest.mark.parametrize(
    ("between", "count"),
    [
        ("ct_t[i] = tanh(t[i])  for i < 256\nout = 0.0", 0),
        ("out = 0.0\nout += t[i]  for i < 256\nct_t[i] = mul(out, t[i])  for i < 256", 2),
    ],
    ids=["its own row", "all rows"],
)
def test_a_matrix_is_read_once_where_a_row_is_all_that_its_gradient_needs(
    between: str, count: int
) -> None:
    back = BACK.replace("for j < 128, i < 256", "for i < 256, j < 128")
    assert len(products(LAST_LAYER + between + back)) == count


def test_a_large_matrix_with_a_vector_is_a_product() -> None:
    head = "input w[256, 128]\ninput x[256]\noutput y[128]\n\ny[i] = 0.0  for i < 128\n"
    (found,) = products(head + "y[i] += mul(w[j, i], x[j])  for i < 128, j < 256")
    assert found.startswith("  product 1 x 128 x 256: ")


@pytest.mark.parametrize(
    ("depth", "rows", "is_one"),
    [("16", 16, True), ("n", 64, True), ("3", 16, False), ("17", 16, False)],
)
def test_a_sum_of_few_outer_products_is_one(depth: str, rows: int, is_one: bool) -> None:
    """The gradient of weights of few positions: the sums stay in registers."""
    text = f"""
        input x[17, {rows}]
        input y[17, 16]
        {"extent n <= 16" if depth == "n" else ""}
        output g[{rows}, 16]

        g[i, j] = -0.0  for i < {rows}, j < 16
        g[i, j] += mul(x[k, i], y[k, j])  for k < {depth}, i < {rows}, j < 16
    """
    assert len(products(text)) == is_one


def test_elementwise_products_are_none() -> None:
    head = "input x[256, 128]\ninput s[128]\ninput f[1]\noutput y[256, 128]\n\n"
    for other in ("x[i, j]", "s[j]", "f"):
        assert products(head + f"y[i, j] = mul(x[i, j], {other})  for i < 256, j < 128") == []


def test_sums_over_rows_behind_a_product_are_products_with_ones() -> None:
    text = UPDATE.format("", "", "").replace("output out[100, 64]", "state b[32]\ntemp db[32]")
    text = text.replace("temp dx[100, 64]\n", "") + "db[i] = -0.0  for i < 32\n"
    text = text.replace("100", "200") + "db[j] += dy[i, j]  for i < 200, j < 32\n"
    text += "b[i] = sub(b[i], mul(0.5, db[i]))  for i < 32"
    _, found = products(text)
    assert found.startswith("  product 1 x 32 x 200: ")
    assert "finish: b[j] = sub(b[j], mul(0.5, db[j]))" in found
    assert (
        products(
            "input x[200, 32]\noutput y[32]\n\ny[i] = 0.0  for i < 32\n"
            "y[j] += x[i, j]  for i < 200, j < 32"
        )
        == []
    )


@pytest.mark.parametrize(
    ("expr", "found"),
    [
        ("where(lt(c[i, j], 0.0), 0.0, c[i, j])", True),
        ("where(gt(gate[i, j], 0.0), c[i, j], 0.0)", True),
        ("c[i, j]", True),
        ("where(lt(c[i, j], 0.0), -0.0, c[i, j])", False),
        ("where(gt(gate[i, j], 0.0), c[i, j], -0.0)", False),
        ("where(gt(gate[i, j], 0.5), c[i, j], 0.0)", False),
        ("where(lt(gate[i, j], 0.0), 0.0, c[i, j])", False),
        ("where(gt(turned[j, i], 0.0), c[i, j], 0.0)", False),
        ("where(gt(c[i, j], 0.0), c[i, j], 0.0)", False),
    ],
)
@pytest.mark.parametrize("start", ["b[j]", "gate[i, j]", "0.0"])
def test_relu_and_its_derivative_are_done_in_registers(start: str, expr: str, found: bool) -> None:
    text = HEAD + "input gate[100, 32]\ninput turned[32, 100]\n"
    text += PRODUCT.replace("= -0.0", f"= {start}") + f"y[i, j] = {expr}  for i < 100, j < 32"
    assert ("finished in registers" in "".join(products(text))) is found
