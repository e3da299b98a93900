// i : i32 (i32, i32)
// i(1, 2) == 206
// i(2, 2) == 681
// i(-1, 1) == 782
llvm.func @i(%a: i32, %b: i32) -> i32 {
  %z = llvm.mlir.constant(0 : i32) : i32
  %one = llvm.mlir.constant(1 : i32) : i32
  %0 = llvm.icmp "eq" %a, %b : i32
  %1 = llvm.icmp "ne" %a, %b : i32
  %2 = llvm.icmp "slt" %a, %b : i32
  %3 = llvm.icmp "sle" %a, %b : i32
  %4 = llvm.icmp "sgt" %a, %b : i32
  %5 = llvm.icmp "sge" %a, %b : i32
  %6 = llvm.icmp "ult" %a, %b : i32
  %7 = llvm.icmp "ule" %a, %b : i32
  %8 = llvm.icmp "ugt" %a, %b : i32
  %9 = llvm.icmp "uge" %a, %b : i32
  %r0 = llvm.zext %0 : i1 to i32
  %e1 = llvm.zext %1 : i1 to i32
  %e2 = llvm.zext %2 : i1 to i32
  %e3 = llvm.zext %3 : i1 to i32
  %e4 = llvm.zext %4 : i1 to i32
  %e5 = llvm.zext %5 : i1 to i32
  %e6 = llvm.zext %6 : i1 to i32
  %e7 = llvm.zext %7 : i1 to i32
  %e8 = llvm.zext %8 : i1 to i32
  %e9 = llvm.zext %9 : i1 to i32
  %s1 = llvm.shl %e1, %one : i32
  %c2 = llvm.mlir.constant(2 : i32) : i32
  %s2 = llvm.shl %e2, %c2 : i32
  %c3 = llvm.mlir.constant(3 : i32) : i32
  %s3 = llvm.shl %e3, %c3 : i32
  %c4 = llvm.mlir.constant(4 : i32) : i32
  %s4 = llvm.shl %e4, %c4 : i32
  %c5 = llvm.mlir.constant(5 : i32) : i32
  %s5 = llvm.shl %e5, %c5 : i32
  %c6 = llvm.mlir.constant(6 : i32) : i32
  %s6 = llvm.shl %e6, %c6 : i32
  %c7 = llvm.mlir.constant(7 : i32) : i32
  %s7 = llvm.shl %e7, %c7 : i32
  %c8 = llvm.mlir.constant(8 : i32) : i32
  %s8 = llvm.shl %e8, %c8 : i32
  %c9 = llvm.mlir.constant(9 : i32) : i32
  %s9 = llvm.shl %e9, %c9 : i32
  %o1 = llvm.or %r0, %s1 : i32
  %o2 = llvm.or %o1, %s2 : i32
  %o3 = llvm.or %o2, %s3 : i32
  %o4 = llvm.or %o3, %s4 : i32
  %o5 = llvm.or %o4, %s5 : i32
  %o6 = llvm.or %o5, %s6 : i32
  %o7 = llvm.or %o6, %s7 : i32
  %o8 = llvm.or %o7, %s8 : i32
  %o9 = llvm.or %o8, %s9 : i32
  llvm.return %o9 : i32
}
