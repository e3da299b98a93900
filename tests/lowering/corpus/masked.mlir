// f : i32 (*f32, *f32)
// f([1.0, 2.0, 3.0, 4.0], [0.0, 0.0, 0.0, 0.0]) == 0 & [1.0, 2.0, 3.0, 4.0] & [1.0, 0.0, 3.0, 7.0]
llvm.func @f(%p: !llvm.ptr, %q: !llvm.ptr) -> i32 {
  %m = llvm.mlir.constant(dense<[true, false, true, false]> : vector<4xi1>) : vector<4xi1>
  %n = llvm.mlir.constant(dense<[true, false, true, true]> : vector<4xi1>) : vector<4xi1>
  %d = llvm.mlir.constant(dense<7.0> : vector<4xf32>) : vector<4xf32>
  %0 = llvm.intr.masked.load %p, %m, %d {alignment = 4 : i32} : (!llvm.ptr, vector<4xi1>, vector<4xf32>) -> vector<4xf32>
  llvm.intr.masked.store %0, %q, %n {alignment = 4 : i32} : vector<4xf32>, vector<4xi1> into !llvm.ptr
  %r = llvm.mlir.constant(0 : i32) : i32
  llvm.return %r : i32
}
// gather : i32 (*i32, *i32)
// gather([10, 20, 30, 40], [0, 0, 0, 0]) == 40 & [10, 20, 30, 40] & [0, 30, 0, 10]
llvm.func @gather(%p: !llvm.ptr, %q: !llvm.ptr) -> i32 {
  %i = llvm.mlir.constant(dense<[0, 2]> : vector<2xi64>) : vector<2xi64>
  %j = llvm.mlir.constant(dense<[3, 1]> : vector<2xi64>) : vector<2xi64>
  %m = llvm.mlir.constant(dense<true> : vector<2xi1>) : vector<2xi1>
  %0 = llvm.getelementptr %p[%i] : (!llvm.ptr, vector<2xi64>) -> vector<2x!llvm.ptr>, i32
  %1 = llvm.intr.masked.gather %0, %m {alignment = 4 : i32} : (vector<2x!llvm.ptr>, vector<2xi1>) -> vector<2xi32>
  %2 = llvm.getelementptr %q[%j] : (!llvm.ptr, vector<2xi64>) -> vector<2x!llvm.ptr>, i32
  llvm.intr.masked.scatter %1, %2, %m {alignment = 4 : i32} : vector<2xi32>, vector<2xi1> into vector<2x!llvm.ptr>
  %3 = "llvm.intr.vector.reduce.add"(%1) : (vector<2xi32>) -> i32
  llvm.return %3 : i32
}
// pack : i32 (*i32, *i32)
// pack([1, 2, 3, 4], [0, 0, 0, 0]) == 1 & [1, 2, 3, 4] & [2, 4, 0, 0]
llvm.func @pack(%p: !llvm.ptr, %q: !llvm.ptr) -> i32 {
  %m = llvm.mlir.constant(dense<[false, true, false, true]> : vector<4xi1>) : vector<4xi1>
  %d = llvm.mlir.constant(dense<0> : vector<4xi32>) : vector<4xi32>
  %0 = llvm.load %p {alignment = 4 : i64} : !llvm.ptr -> vector<4xi32>
  "llvm.intr.masked.compressstore"(%0, %q, %m) : (vector<4xi32>, !llvm.ptr, vector<4xi1>) -> ()
  %1 = "llvm.intr.masked.expandload"(%p, %m, %d) : (!llvm.ptr, vector<4xi1>, vector<4xi32>) -> vector<4xi32>
  %i = llvm.mlir.constant(1 : i32) : i32
  %2 = llvm.extractelement %1[%i : i32] : vector<4xi32>
  llvm.return %2 : i32
}
