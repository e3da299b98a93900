// f : f32 (i32)
// f(3) == 9.0
llvm.func @f(%x: i32) -> f32 {
  %s = llvm.mlir.constant([3 : i32, 2.5 : f32]) : !llvm.struct<(i32, f32)>
  %0 = llvm.extractvalue %s[0] : !llvm.struct<(i32, f32)>
  %1 = llvm.extractvalue %s[1] : !llvm.struct<(i32, f32)>
  %2 = llvm.sitofp %0 : i32 to f32
  %3 = llvm.fadd %1, %2 : f32
  %a = llvm.mlir.constant(dense<[[1.0, 2.0], [3.0, 0.5]]> : tensor<2x2xf32>) : !llvm.array<2 x array<2 x f32>>
  %4 = llvm.extractvalue %a[1, 0] : !llvm.array<2 x array<2 x f32>>
  %5 = llvm.extractvalue %a[1, 1] : !llvm.array<2 x array<2 x f32>>
  %6 = llvm.fadd %4, %5 : f32
  %7 = llvm.fadd %3, %6 : f32
  llvm.return %7 : f32
}
// vectors : i32 (*f32)
// vectors([0.0, 0.0, 0.0, 0.0]) == 6 & [3.5, 4.5, 5.5, 6.5]
llvm.func @vectors(%p: !llvm.ptr) -> i32 {
  %a = llvm.mlir.constant(dense<[1.0, 2.0, 3.0, 4.0]> : vector<4xf32>) : vector<4xf32>
  %b = llvm.mlir.constant(dense<2.5> : vector<4xf32>) : vector<4xf32>
  %m = llvm.mlir.constant(dense<[true, false, true]> : vector<3xi1>) : vector<3xi1>
  %c = llvm.mlir.constant(dense<[1, 2, 5]> : vector<3xi8>) : vector<3xi8>
  %n = llvm.mlir.constant(dense<[1, -2, 5]> : vector<3xi7>) : vector<3xi7>
  %h = llvm.mlir.constant(dense<[1.0, -2.5]> : vector<2xbf16>) : vector<2xbf16>
  %z = llvm.mlir.constant(dense<0> : vector<3xi8>) : vector<3xi8>
  %s = llvm.select %m, %c, %z : vector<3xi1>, vector<3xi8>
  %r = "llvm.intr.vector.reduce.add"(%s) : (vector<3xi8>) -> i8
  %w = llvm.zext %r : i8 to i32
  %0 = llvm.fadd %a, %b : vector<4xf32>
  llvm.store %0, %p {alignment = 4 : i64} : vector<4xf32>, !llvm.ptr
  llvm.return %w : i32
}
