// f : i32 (*i32)
// f([1, 2, 3, 4]) == 14 & [9, 2, 1, 4]
llvm.func @f(%p: !llvm.ptr) -> i32 {
  %i = llvm.mlir.constant(2 : i32) : i32
  %z = llvm.mlir.constant(0 : i64) : i64
  %n = llvm.mlir.constant(9 : i32) : i32
  %0 = llvm.load %p {alignment = 4 : i64} : !llvm.ptr -> vector<4xi32>
  %1 = llvm.extractelement %0[%i : i32] : vector<4xi32>
  %2 = llvm.insertelement %n, %0[%z : i64] : vector<4xi32>
  %3 = llvm.shufflevector %2, %0 [0, 1, 4, -1] : vector<4xi32>
  %4 = llvm.shufflevector %0, %0 [3, 3] : vector<4xi32>
  %5 = llvm.mlir.constant(3 : i64) : i64
  %6 = llvm.extractelement %4[%z : i64] : vector<2xi32>
  %7 = llvm.insertelement %6, %3[%5 : i64] : vector<4xi32>
  llvm.store %7, %p {alignment = 4 : i64} : vector<4xi32>, !llvm.ptr
  %8 = "llvm.intr.vector.reduce.add"(%0) : (vector<4xi32>) -> i32
  %9 = llvm.add %8, %1 : i32
  %10 = "llvm.intr.vector.reduce.umin"(%0) : (vector<4xi32>) -> i32
  %11 = llvm.add %9, %10 : i32
  llvm.return %11 : i32
}
// reduce : f32 (*f32)
// reduce([1.0, 2.0, 3.0, 4.0]) == 15.0
llvm.func @reduce(%p: !llvm.ptr) -> f32 {
  %c = llvm.mlir.constant(1.0 : f32) : f32
  %0 = llvm.load %p {alignment = 4 : i64} : !llvm.ptr -> vector<4xf32>
  %1 = "llvm.intr.vector.reduce.fadd"(%c, %0) : (f32, vector<4xf32>) -> f32
  %2 = "llvm.intr.vector.reduce.fmax"(%0) <{fastmathFlags = #llvm.fastmath<nnan>}> : (vector<4xf32>) -> f32
  %3 = "llvm.intr.vector.reduce.fmul"(%c, %0) <{fastmathFlags = #llvm.fastmath<reassoc>}> : (f32, vector<4xf32>) -> f32
  %4 = llvm.fsub %1, %2 : f32
  %5 = llvm.fadd %4, %2 : f32
  %6 = llvm.fadd %5, %3 : f32
  %7 = "llvm.intr.vector.reduce.fminimum"(%0) : (vector<4xf32>) -> f32
  %8 = llvm.fmul %7, %6 : f32
  %9 = llvm.mlir.constant(20.0 : f32) : f32
  %10 = llvm.fsub %8, %9 : f32
  llvm.return %10 : f32
}
// parts : i32 (*i32)
// parts([1, 2, 3, 4]) == 8
llvm.func @parts(%p: !llvm.ptr) -> i32 {
  %0 = llvm.load %p {alignment = 4 : i64} : !llvm.ptr -> vector<4xi32>
  %1 = llvm.intr.vector.extract %0[2] : vector<2xi32> from vector<4xi32>
  %2 = llvm.intr.vector.insert %1, %0[0] : vector<2xi32> into vector<4xi32>
  %3 = "llvm.intr.vector.interleave2"(%1, %1) : (vector<2xi32>, vector<2xi32>) -> vector<4xi32>
  %4 = "llvm.intr.vector.deinterleave2"(%3) : (vector<4xi32>) -> !llvm.struct<(vector<2xi32>, vector<2xi32>)>
  %5 = llvm.extractvalue %4[1] : !llvm.struct<(vector<2xi32>, vector<2xi32>)>
  %6 = "llvm.intr.vector.reduce.smax"(%5) : (vector<2xi32>) -> i32
  %7 = "llvm.intr.vector.reduce.smax"(%2) : (vector<4xi32>) -> i32
  %8 = llvm.add %6, %7 : i32
  llvm.return %8 : i32
}
