// Comdats; what has no initialiser; a range; bundles; annotations; selects with flags.
llvm.comdat @groups {
  llvm.comdat_selector @any any
  llvm.comdat_selector @f any
}
llvm.mlir.global linkonce_odr @any(41 : i32) comdat(@groups::@any) : i32
llvm.mlir.global internal @nothing() : i32
// f : i32 (i32)
// f(1) == 42
llvm.func weak_odr @f(%x: i32 {llvm.range = #llvm.constant_range<i32, -3, 5>}) -> (i32 {llvm.range = #llvm.constant_range<i32, 0, 100>}) comdat(@groups::@f) {
  %0 = llvm.mlir.addressof @any : !llvm.ptr
  %true = llvm.mlir.constant(true) : i1
  %four = llvm.mlir.constant(4 : i64) : i64
  %1 = llvm.mlir.addressof @nothing : !llvm.ptr
  llvm.store %x, %1 {alignment = 4 : i64} : i32, !llvm.ptr
  llvm.intr.assume %true ["align"(%0, %four : !llvm.ptr, i64), "nonnull"(%0 : !llvm.ptr)] : i1
  %2 = llvm.load %0 {alignment = 4 : i64} : !llvm.ptr -> i32
  %3 = llvm.load %1 {alignment = 4 : i64} : !llvm.ptr -> i32
  %4 = llvm.add %2, %3 : i32
  %5 = "llvm.intr.annotation"(%4, %0, %0, %x) : (i32, !llvm.ptr, !llvm.ptr, i32) -> i32
  %6 = "llvm.intr.ptr.annotation"(%0, %0, %0, %x, %0) : (!llvm.ptr, !llvm.ptr, !llvm.ptr, i32, !llvm.ptr) -> !llvm.ptr
  "llvm.intr.var.annotation"(%1, %0, %0, %x, %0) : (!llvm.ptr, !llvm.ptr, !llvm.ptr, i32, !llvm.ptr) -> ()
  llvm.return %5 : i32
}
// choose : i32 (i1, i32, i32)
// choose(1, 5, 6) == 5
llvm.func @choose(%c: i1, %a: i32, %b: i32) -> i32 {
  %0 = llvm.select %c, %a, %b {fastmathFlags = #llvm.fastmath<fast>} : i1, i32
  llvm.return %0 : i32
}
// narrow : f64 (f64)
// narrow(0.1) == 0.10000000149011612
llvm.func @narrow(%x: f64) -> f64 {
  %0 = llvm.intr.experimental.constrained.fptrunc %x tonearest ignore : f64 to f32
  %1 = llvm.intr.experimental.constrained.fpext %0 strict : f32 to f64
  llvm.return %1 : f64
}
