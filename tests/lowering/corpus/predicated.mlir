// f : i32 (*f32, i32)
// f([1.0, 2.0, 3.0, 4.0], 2) == 0 & [2.0, 4.0, 3.0, 4.0]
llvm.func @f(%p: !llvm.ptr, %n: i32) -> i32 {
  %m = llvm.mlir.constant(dense<true> : vector<4xi1>) : vector<4xi1>
  %0 = "llvm.intr.vp.load"(%p, %m, %n) : (!llvm.ptr, vector<4xi1>, i32) -> vector<4xf32>
  %1 = "llvm.intr.vp.fadd"(%0, %0, %m, %n) : (vector<4xf32>, vector<4xf32>, vector<4xi1>, i32) -> vector<4xf32>
  "llvm.intr.vp.store"(%1, %p, %m, %n) : (vector<4xf32>, !llvm.ptr, vector<4xi1>, i32) -> ()
  %i = llvm.mlir.zero : i32
  llvm.return %i : i32
}
