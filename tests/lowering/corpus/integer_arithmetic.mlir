// f : i32 (i32, i32)
// f(7, -3) == 4
// f(2147483647, 1) == -2147483648
llvm.func @f(%a: i32, %b: i32) -> i32 {
  %0 = llvm.add %a, %b : i32
  llvm.return %0 : i32
}
// mix : i64 (i64, i64)
// mix(100, 7) == 12
// mix(-5, 3)
llvm.func @mix(%a: i64, %b: i64) -> i64 {
  %0 = llvm.sub %a, %b : i64
  %1 = llvm.mul %0, %b overflow<nsw, nuw> : i64
  %2 = llvm.sdiv %1, %b : i64
  %3 = llvm.srem %2, %b : i64
  %4 = llvm.udiv %a, %b : i64
  %5 = llvm.urem %a, %b : i64
  %6 = llvm.xor %3, %4 : i64
  %7 = llvm.add %6, %5 overflow<nsw> : i64
  %8 = llvm.sub %7, %5 overflow<nuw> : i64
  llvm.return %8 : i64
}
// bits : i32 (i32, i32)
// bits(240, 3)
// bits(-1, 5)
llvm.func @bits(%a: i32, %n: i32) -> i32 {
  %0 = llvm.shl %a, %n overflow<nsw> : i32
  %1 = llvm.lshr %0, %n : i32
  %2 = llvm.ashr exact %0, %n : i32
  %3 = llvm.or disjoint %1, %n : i32
  %4 = llvm.and %2, %3 : i32
  %5 = llvm.xor %4, %0 : i32
  %6 = llvm.udiv exact %0, %n : i32
  %7 = llvm.or %5, %1 : i32
  llvm.return %7 : i32
}
