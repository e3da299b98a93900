// count : i32 (i32)
// count(40) == 29
// count(0)
llvm.func @count(%x: i32) -> i32 {
  %0 = "llvm.intr.ctlz"(%x) <{is_zero_poison = false}> : (i32) -> i32
  %1 = "llvm.intr.cttz"(%x) <{is_zero_poison = false}> : (i32) -> i32
  %2 = llvm.intr.ctpop(%x) : (i32) -> i32
  %3 = llvm.add %0, %1 : i32
  %4 = llvm.add %3, %2 : i32
  %5 = "llvm.intr.abs"(%4) <{is_int_min_poison = false}> : (i32) -> i32
  %6 = llvm.sub %5, %2 : i32
  llvm.return %6 : i32
}
// shuffle : i32 (i32, i32)
// shuffle(305419896, 8)
// shuffle(-1, 31)
llvm.func @shuffle(%x: i32, %n: i32) -> i32 {
  %0 = llvm.intr.bswap(%x) : (i32) -> i32
  %1 = llvm.intr.bitreverse(%0) : (i32) -> i32
  %2 = llvm.intr.fshl(%0, %1, %n) : (i32, i32, i32) -> i32
  %3 = llvm.intr.fshr(%2, %1, %n) : (i32, i32, i32) -> i32
  llvm.return %3 : i32
}
// extremes : i32 (i32, i32)
// extremes(-5, 3)
llvm.func @extremes(%x: i32, %y: i32) -> i32 {
  %0 = llvm.intr.smax(%x, %y) : (i32, i32) -> i32
  %1 = llvm.intr.smin(%x, %y) : (i32, i32) -> i32
  %2 = llvm.intr.umax(%x, %y) : (i32, i32) -> i32
  %3 = llvm.intr.umin(%x, %y) : (i32, i32) -> i32
  %4 = llvm.mul %0, %1 : i32
  %5 = llvm.add %4, %2 : i32
  %6 = llvm.xor %5, %3 : i32
  llvm.return %6 : i32
}
// saturate : i8 (i8, i8)
// saturate(100, 100) == 127
// saturate(-100, -100) == -128
llvm.func @saturate(%x: i8, %y: i8) -> i8 {
  %0 = llvm.intr.sadd.sat(%x, %y) : (i8, i8) -> i8
  %1 = llvm.intr.uadd.sat(%0, %y) : (i8, i8) -> i8
  %2 = llvm.intr.ssub.sat(%1, %y) : (i8, i8) -> i8
  %3 = llvm.intr.usub.sat(%2, %x) : (i8, i8) -> i8
  %4 = llvm.intr.sshl.sat(%3, %3) : (i8, i8) -> i8
  llvm.return %0 : i8
}
// overflow : i32 (i32, i32)
// overflow(2147483647, 1) == 1
// overflow(1, 1) == 0
llvm.func @overflow(%x: i32, %y: i32) -> i32 {
  %0 = "llvm.intr.sadd.with.overflow"(%x, %y) : (i32, i32) -> !llvm.struct<(i32, i1)>
  %1 = llvm.extractvalue %0[1] : !llvm.struct<(i32, i1)>
  %2 = "llvm.intr.umul.with.overflow"(%x, %y) : (i32, i32) -> !llvm.struct<(i32, i1)>
  %3 = llvm.extractvalue %2[1] : !llvm.struct<(i32, i1)>
  %4 = llvm.or %1, %3 : i1
  %5 = llvm.zext %4 : i1 to i32
  llvm.return %5 : i32
}
// hints : i32 (i32, *i32)
// hints(4, [1]) == 4
llvm.func @hints(%x: i32, %p: !llvm.ptr) -> i32 {
  %z = llvm.mlir.zero : i32
  %c = llvm.icmp "sgt" %x, %z : i32
  llvm.intr.assume %c : i1
  %0 = llvm.intr.expect %x, %z : i32
  %1 = llvm.intr.expect.with.probability %0, %z, 2.500000e-01 : i32
  "llvm.intr.prefetch"(%p) <{cache = 1 : i32, hint = 3 : i32, rw = 0 : i32}> : (!llvm.ptr) -> ()
  %2 = "llvm.intr.is.constant"(%x) : (i32) -> i1
  llvm.return %1 : i32
}
