// f : i32 (i32)
// f(5) == 10
llvm.func @f(%x: i32) -> i32 {
  %0 = llvm.call_intrinsic "llvm.ctpop.i32"(%x) : (i32) -> i32
  llvm.call_intrinsic "llvm.sideeffect"() : () -> ()
  %1 = llvm.mul %0, %x : i32
  llvm.return %1 : i32
}
