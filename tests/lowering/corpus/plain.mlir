// Every operation that is left to MLIR's own translation where there is one.

// conversions : f64 (f32, f64, i32, i64)
// conversions(1.5, 2.25, -3, 4) == 4294967294.75
llvm.func @conversions(%f: f32, %d: f64, %i: i32, %l: i64) -> f64 {
  %0 = llvm.fpext %f : f32 to f64
  %1 = llvm.fptrunc %d : f64 to f32
  %2 = llvm.sext %i : i32 to i64
  %3 = llvm.zext %i : i32 to i64
  %4 = llvm.trunc %l : i64 to i32
  %5 = llvm.fptosi %f : f32 to i32
  %6 = llvm.fptoui %d : f64 to i64
  %7 = llvm.sitofp %2 : i64 to f64
  %8 = llvm.uitofp %3 : i64 to f64
  %9 = llvm.bitcast %1 : f32 to i32
  %10 = llvm.bitcast %9 : i32 to f32
  %11 = llvm.fpext %10 : f32 to f64
  %12 = llvm.add %4, %5 overflow<nsw> : i32
  %13 = llvm.sitofp %12 : i32 to f64
  %14 = llvm.uitofp %6 : i64 to f64
  %15 = llvm.inttoptr %l : i64 to !llvm.ptr
  %16 = llvm.ptrtoint %15 : !llvm.ptr to i64
  %17 = llvm.uitofp %16 : i64 to f64
  %18 = llvm.fadd %0, %7 : f64
  %19 = llvm.fadd %18, %8 : f64
  %20 = llvm.fadd %19, %11 : f64
  %21 = llvm.fsub %20, %13 : f64
  %22 = llvm.fadd %21, %14 : f64
  %23 = llvm.fadd %22, %17 {fastmathFlags = #llvm.fastmath<contract, reassoc>} : f64
  llvm.return %23 : f64
}

// rounding : f64 (f64, f64)
// rounding(2.5, -1.5) == 15.0
llvm.func @rounding(%x: f64, %y: f64) -> f64 {
  %0 = llvm.intr.floor(%x) : (f64) -> f64
  %1 = llvm.intr.ceil(%x) : (f64) -> f64
  %2 = llvm.intr.trunc(%y) : (f64) -> f64
  %3 = llvm.intr.rint(%x) : (f64) -> f64
  %4 = llvm.intr.round(%x) : (f64) -> f64
  %5 = llvm.intr.roundeven(%x) : (f64) -> f64
  %6 = llvm.intr.nearbyint(%y) : (f64) -> f64
  %7 = llvm.intr.fabs(%y) : (f64) -> f64
  %8 = llvm.intr.copysign(%x, %y) : (f64, f64) -> f64
  %9 = llvm.intr.minnum(%x, %y) : (f64, f64) -> f64
  %10 = llvm.intr.maxnum(%x, %y) : (f64, f64) -> f64
  %11 = llvm.intr.minimum(%x, %y) : (f64, f64) -> f64
  %12 = llvm.intr.maximum(%x, %y) : (f64, f64) -> f64
  %13 = llvm.intr.fma(%x, %y, %0) : (f64, f64, f64) -> f64
  %14 = llvm.intr.fmuladd(%x, %x, %13) : (f64, f64, f64) -> f64
  %15 = llvm.fmul %x, %x : f64
  %16 = llvm.intr.sqrt(%15) : (f64) -> f64
  %17 = llvm.fadd %1, %2 : f64
  %18 = llvm.fadd %3, %4 : f64
  %19 = llvm.fadd %5, %6 : f64
  %20 = llvm.fadd %7, %8 : f64
  %21 = llvm.fadd %9, %10 : f64
  %22 = llvm.fadd %11, %12 : f64
  %23 = llvm.fadd %14, %16 : f64
  %24 = llvm.fadd %17, %18 : f64
  %25 = llvm.fadd %19, %20 : f64
  %26 = llvm.fadd %21, %22 : f64
  %27 = llvm.fadd %23, %24 : f64
  %28 = llvm.fadd %25, %26 : f64
  %29 = llvm.fadd %27, %28 : f64
  llvm.return %29 : f64
}

// integers : i32 (i32, i32)
// integers(13, 3)
llvm.func @integers(%x: i32, %y: i32) -> i32 {
  %0 = llvm.intr.smin(%x, %y) : (i32, i32) -> i32
  %1 = llvm.intr.smax(%x, %y) : (i32, i32) -> i32
  %2 = llvm.intr.umin(%x, %y) : (i32, i32) -> i32
  %3 = llvm.intr.umax(%x, %y) : (i32, i32) -> i32
  %4 = llvm.add %0, %1 : i32
  %5 = llvm.mul %2, %3 overflow<nuw> : i32
  %6 = llvm.or disjoint %4, %5 : i32
  %7 = llvm.lshr exact %6, %0 : i32
  llvm.return %7 : i32
}

// masked : f32 (*f32)
// masked([1.0, 2.0, 3.0, 4.0]) == 10.0 & [5.0, 2.0, 7.0, 4.0]
llvm.func @masked(%p: !llvm.ptr {llvm.noalias, llvm.nonnull}) -> f32 attributes {
  passthrough = ["no-builtins"]} {
  %mask = llvm.mlir.constant(dense<[true, false, true, false]> : vector<4xi1>) : vector<4xi1>
  %none = llvm.mlir.poison : vector<4xf32>
  %zero = llvm.mlir.zero : vector<4xf32>
  %0 = llvm.intr.masked.load %p, %mask, %zero {alignment = 4 : i32} : (!llvm.ptr, vector<4xi1>, vector<4xf32>) -> vector<4xf32>
  %four = llvm.mlir.constant(dense<4.0> : vector<4xf32>) : vector<4xf32>
  %1 = llvm.fadd %0, %four : vector<4xf32>
  llvm.intr.masked.store %1, %p, %mask {alignment = 4 : i32} : vector<4xf32>, vector<4xi1> into !llvm.ptr
  %ids = llvm.mlir.constant(dense<[0, 1, 2, 3]> : vector<4xi64>) : vector<4xi64>
  %q = llvm.getelementptr inbounds %p[%ids] : (!llvm.ptr, vector<4xi64>) -> vector<4x!llvm.ptr>, f32
  %2 = llvm.intr.masked.gather %q, %mask {alignment = 4 : i32} : (vector<4x!llvm.ptr>, vector<4xi1>) -> vector<4xf32>
  llvm.intr.masked.scatter %2, %q, %mask {alignment = 4 : i32} : vector<4xf32>, vector<4xi1> into vector<4x!llvm.ptr>
  %nothing = llvm.mlir.constant(-0.0 : f32) : f32
  %one = llvm.mlir.constant(1.0 : f32) : f32
  %3 = "llvm.intr.vector.reduce.fadd"(%nothing, %0) <{fastmathFlags = #llvm.fastmath<reassoc>}> : (f32, vector<4xf32>) -> f32
  %4 = "llvm.intr.vector.reduce.fmul"(%one, %0) : (f32, vector<4xf32>) -> f32
  %5 = llvm.mlir.constant(0 : i32) : i32
  %6 = llvm.insertelement %3, %none[%5 : i32] : vector<4xf32>
  %7 = llvm.extractelement %6[%5 : i32] : vector<4xf32>
  %8 = llvm.shufflevector %2, %0 [0, 2] : vector<4xf32>
  %9 = llvm.extractelement %8[%5 : i32] : vector<2xf32>
  %10 = llvm.fadd %4, %7 : f32
  %11 = llvm.extractelement %2[%5 : i32] : vector<4xf32>
  %12 = llvm.fadd %10, %11 : f32
  %13 = llvm.fsub %12, %3 : f32
  %14 = llvm.fadd %13, %3 : f32
  %15 = llvm.fsub %14, %4 : f32
  %16 = llvm.fadd %15, %one : f32
  llvm.return %16 : f32
}

llvm.mlir.global internal constant @numbers(dense<[1, 2, 3, 5]> : tensor<4xi32>) : !llvm.array<4 x i32>
llvm.mlir.global internal @"odd name"(7 : i64) : i64

// memory : i64 (i64)
// memory(2) == 19
llvm.func @memory(%i: i64) -> i64 {
  %table = llvm.mlir.addressof @numbers : !llvm.ptr
  %p = llvm.getelementptr %table[%i] : (!llvm.ptr, i64) -> !llvm.ptr, i32
  %0 = llvm.load %p : !llvm.ptr -> i32
  %1 = llvm.sext %0 : i32 to i64
  %odd = llvm.mlir.addressof @"odd name" : !llvm.ptr
  %2 = llvm.atomicrmw add %odd, %1 monotonic : !llvm.ptr, i64
  llvm.fence release
  %count = llvm.mlir.constant(4 : i64) : i64
  %a = llvm.alloca %count x i64 {alignment = 64 : i64} : (i64) -> !llvm.ptr
  llvm.store %2, %a {alignment = 8 : i64} : i64, !llvm.ptr
  %b = llvm.getelementptr inbounds|nuw %a[1] : (!llvm.ptr) -> !llvm.ptr, i64
  llvm.store %1, %b {nontemporal} : i64, !llvm.ptr
  %3 = llvm.load %a {alignment = 8 : i64} : !llvm.ptr -> i64
  %4 = llvm.load %b : !llvm.ptr -> i64
  %5 = llvm.load %odd : !llvm.ptr -> i64
  llvm.store %2, %odd : i64, !llvm.ptr
  %6 = llvm.add %3, %4 : i64
  %7 = llvm.add %6, %5 : i64
  %8 = llvm.sub %7, %1 : i64
  %9 = llvm.inline_asm "", "=r,0" %8 : (i64) -> i64
  %10 = llvm.call @plus(%9, %i) : (i64, i64) -> i64
  llvm.return %10 : i64
}

llvm.func internal @plus(%x: i64, %y: i64) -> i64 attributes {always_inline, no_unwind} {
  %0 = llvm.add %x, %y : i64
  llvm.return %0 : i64
}

// loop : i32 (i32)
// loop(5) == 10
llvm.func @loop(%n: i32) -> i32 attributes {memory_effects = #llvm.memory_effects<other = none,
    argMem = none, inaccessibleMem = none, errnoMem = none, targetMem0 = none, targetMem1 = none>,
    will_return} {
  %zero = llvm.mlir.constant(0 : i32) : i32
  %one = llvm.mlir.constant(1 : i32) : i32
  llvm.br ^head(%zero, %zero : i32, i32)
^head(%i: i32, %s: i32):
  %0 = llvm.icmp "slt" %i, %n : i32
  llvm.cond_br %0, ^body, ^exit
^body:
  %1 = llvm.add %s, %i : i32
  %2 = llvm.add %i, %one : i32
  llvm.br ^head(%2, %1 : i32, i32)
^exit:
  %3 = llvm.call_intrinsic "llvm.umax.i32"(%s, %zero) : (i32, i32) -> i32
  llvm.return %3 : i32
}

llvm.func @never() {
  llvm.unreachable
}

// weighted : f64 (f64)
// weighted(2.0) == 4.0
// weighted(-2.0) == -1.0
llvm.func @rare(%x: f64) -> f64 attributes {passthrough = ["cold", "explicit"]} {
  %half = llvm.mlir.constant(5.000000e-01 : f64) : f64
  %0 = llvm.fmul %x, %half : f64
  llvm.return %0 : f64
}
llvm.func @weighted(%x: f64) -> f64 {
  %zero = llvm.mlir.constant(0.000000e+00 : f64) : f64
  %c = llvm.fcmp "olt" %x, %zero : f64
  llvm.cond_br %c weights([1, 1000000]), ^seldom, ^usually(%x : f64)
^seldom:
  %0 = llvm.call @rare(%x) : (f64) -> f64
  llvm.return %0 : f64
^usually(%y: f64):
  %1 = llvm.fmul %y, %y : f64
  llvm.return %1 : f64
}
