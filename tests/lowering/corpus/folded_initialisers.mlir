// What initialisers compute.
llvm.mlir.global internal constant @numbers() : !llvm.array<8 x i32> {
  %0 = llvm.mlir.undef : !llvm.array<8 x i32>
  %a = llvm.mlir.constant(12 : i32) : i32
  %b = llvm.mlir.constant(-5 : i32) : i32
  %c = llvm.mlir.constant(-3 : i8) : i8
  %and = llvm.and %a, %b : i32
  %1 = llvm.insertvalue %and, %0[0] : !llvm.array<8 x i32>
  %z = llvm.zext %c : i8 to i32
  %2 = llvm.insertvalue %z, %1[1] : !llvm.array<8 x i32>
  %s = llvm.sext %c : i8 to i32
  %3 = llvm.insertvalue %s, %2[2] : !llvm.array<8 x i32>
  %less = llvm.icmp "slt" %b, %a : i32
  %pick = llvm.select %less, %a, %b : i1, i32
  %4 = llvm.insertvalue %pick, %3[3] : !llvm.array<8 x i32>
  %mul = llvm.mul %a, %b : i32
  %5 = llvm.insertvalue %mul, %4[4] : !llvm.array<8 x i32>
  %div = llvm.sdiv %a, %b : i32
  %6 = llvm.insertvalue %div, %5[5] : !llvm.array<8 x i32>
  %two = llvm.mlir.constant(2 : i32) : i32
  %shift = llvm.ashr %b, %two : i32
  %7 = llvm.insertvalue %shift, %6[6] : !llvm.array<8 x i32>
  %or = llvm.or %a, %b : i32
  %sum = llvm.add %or, %a : i32
  %8 = llvm.insertvalue %sum, %7[7] : !llvm.array<8 x i32>
  llvm.return %8 : !llvm.array<8 x i32>
}
llvm.mlir.global internal constant @changed() : !llvm.struct<(i16, i16)> {
  %0 = llvm.mlir.constant([7 : i16, 8 : i16]) : !llvm.struct<(i16, i16)>
  %1 = llvm.mlir.constant(9 : i16) : i16
  %2 = llvm.insertvalue %1, %0[0] : !llvm.struct<(i16, i16)>
  llvm.return %2 : !llvm.struct<(i16, i16)>
}
llvm.mlir.global internal constant @lanes() : vector<4xi32> {
  %0 = llvm.mlir.constant(dense<[1, 2, 3, 4]> : vector<4xi32>) : vector<4xi32>
  %1 = llvm.mlir.constant(dense<10> : vector<4xi32>) : vector<4xi32>
  %2 = llvm.mul %0, %1 : vector<4xi32>
  %3 = llvm.icmp "ugt" %2, %1 : vector<4xi32>
  %4 = llvm.select %3, %0, %1 : vector<4xi1>, vector<4xi32>
  llvm.return %4 : vector<4xi32>
}
// number : i32 (i32)
// number(0) == 8
// number(1) == 253
// number(2) == -3
// number(3) == 12
// number(4) == -60
// number(5) == -2
// number(6) == -2
// number(7) == 11
llvm.func @number(%i: i32) -> i32 {
  %0 = llvm.mlir.addressof @numbers : !llvm.ptr
  %1 = llvm.getelementptr %0[0, %i] : (!llvm.ptr, i32) -> !llvm.ptr, !llvm.array<8 x i32>
  %2 = llvm.load %1 {alignment = 4 : i64} : !llvm.ptr -> i32
  llvm.return %2 : i32
}
// part : i32 ()
// part() == 524297
llvm.func @part() -> i32 {
  %0 = llvm.mlir.addressof @changed : !llvm.ptr
  %1 = llvm.getelementptr %0[0, 0] : (!llvm.ptr) -> !llvm.ptr, !llvm.struct<(i16, i16)>
  %2 = llvm.load %1 {alignment = 4 : i64} : !llvm.ptr -> i32
  llvm.return %2 : i32
}
// lane : i32 (i32)
// lane(0) == 10
// lane(3) == 4
llvm.func @lane(%i: i32) -> i32 {
  %0 = llvm.mlir.addressof @lanes : !llvm.ptr
  %1 = llvm.getelementptr %0[%i] : (!llvm.ptr, i32) -> !llvm.ptr, i32
  %2 = llvm.load %1 {alignment = 4 : i64} : !llvm.ptr -> i32
  llvm.return %2 : i32
}
