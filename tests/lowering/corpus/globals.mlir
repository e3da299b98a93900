llvm.mlir.global internal constant @table(dense<[10, 20, 30, 40]> : tensor<4xi32>) : !llvm.array<4 x i32>
llvm.mlir.global internal constant @grid(dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf64>) {alignment = 64 : i64} : !llvm.array<2 x array<2 x f64>>
llvm.mlir.global private unnamed_addr constant @text("a\22b\00\FF") : !llvm.array<5 x i8>
llvm.mlir.global external @counter(7 : i64) : i64
llvm.mlir.global internal @"odd name \22 x"(2.5 : f32) : f32
llvm.mlir.global internal @zeros(dense<0.0> : tensor<100xf32>) : !llvm.array<100 x f32>
llvm.mlir.global internal @ones(dense<1> : tensor<3xi16>) : !llvm.array<3 x i16>
llvm.mlir.global weak hidden local_unnamed_addr @w(1 : i8) {dso_local} : i8
llvm.mlir.global internal constant @pair() : !llvm.struct<(i32, ptr)> {
  %0 = llvm.mlir.undef : !llvm.struct<(i32, ptr)>
  %1 = llvm.mlir.constant(5 : i32) : i32
  %2 = llvm.mlir.addressof @table : !llvm.ptr
  %3 = llvm.getelementptr inbounds %2[0, 2] : (!llvm.ptr) -> !llvm.ptr, !llvm.array<4 x i32>
  %4 = llvm.insertvalue %1, %0[0] : !llvm.struct<(i32, ptr)>
  %5 = llvm.insertvalue %3, %4[1] : !llvm.struct<(i32, ptr)>
  llvm.return %5 : !llvm.struct<(i32, ptr)>
}
llvm.mlir.global internal @nested() : !llvm.array<2 x struct<packed (i8, i32)>> {
  %0 = llvm.mlir.zero : !llvm.array<2 x struct<packed (i8, i32)>>
  %1 = llvm.mlir.constant(9 : i32) : i32
  %2 = llvm.insertvalue %1, %0[1, 1] : !llvm.array<2 x struct<packed (i8, i32)>>
  llvm.return %2 : !llvm.array<2 x struct<packed (i8, i32)>>
}
llvm.mlir.global internal @address() : i64 {
  %0 = llvm.mlir.addressof @counter : !llvm.ptr
  %1 = llvm.ptrtoint %0 : !llvm.ptr to i64
  llvm.return %1 : i64
}
// look : i32 (i64)
// look(0) == 10
// look(3) == 40
llvm.func @look(%i: i64) -> i32 {
  %t = llvm.mlir.addressof @table : !llvm.ptr
  %p = llvm.getelementptr inbounds %t[0, %i] : (!llvm.ptr, i64) -> !llvm.ptr, !llvm.array<4 x i32>
  %0 = llvm.load %p : !llvm.ptr -> i32
  llvm.return %0 : i32
}
// cell : f64 (i64, i64)
// cell(1, 0) == 3.0
llvm.func @cell(%i: i64, %j: i64) -> f64 {
  %t = llvm.mlir.addressof @grid : !llvm.ptr
  %p = llvm.getelementptr inbounds|nuw %t[0, %i, %j] : (!llvm.ptr, i64, i64) -> !llvm.ptr, !llvm.array<2 x array<2 x f64>>
  %0 = llvm.load %p : !llvm.ptr -> f64
  llvm.return %0 : f64
}
// byte : i8 (i64)
// byte(0) == 97
// byte(1) == 34
// byte(4) == -1
llvm.func @byte(%i: i64) -> i8 {
  %t = llvm.mlir.addressof @text : !llvm.ptr
  %p = llvm.getelementptr %t[%i] : (!llvm.ptr, i64) -> !llvm.ptr, i8
  %0 = llvm.load %p : !llvm.ptr -> i8
  llvm.return %0 : i8
}
// count : i64 ()
// count() == 8
// count() == 9
llvm.func @count() -> i64 {
  %a = llvm.mlir.addressof @address : !llvm.ptr
  %i = llvm.load volatile %a : !llvm.ptr -> i64
  %t = llvm.inttoptr %i : i64 to !llvm.ptr
  %0 = llvm.load %t : !llvm.ptr -> i64
  %1 = llvm.mlir.constant(1 : i64) : i64
  %2 = llvm.add %0, %1 : i64
  llvm.store %2, %t : i64, !llvm.ptr
  llvm.return %2 : i64
}
// named : f32 ()
// named() == 2.5
llvm.func @named() -> f32 {
  %t = llvm.mlir.addressof @"odd name \22 x" : !llvm.ptr
  %0 = llvm.load %t : !llvm.ptr -> f32
  llvm.return %0 : f32
}
// regions : i32 ()
// regions() == 45
llvm.func @regions() -> i32 {
  %t = llvm.mlir.addressof @pair : !llvm.ptr
  %0 = llvm.load volatile %t : !llvm.ptr -> i32
  %1 = llvm.getelementptr nusw %t[0, 1] : (!llvm.ptr) -> !llvm.ptr, !llvm.struct<(i32, ptr)>
  %2 = llvm.load %1 : !llvm.ptr -> !llvm.ptr
  %3 = llvm.load %2 : !llvm.ptr -> i32
  %n = llvm.mlir.addressof @nested : !llvm.ptr
  %4 = llvm.getelementptr nuw %n[6] : (!llvm.ptr) -> !llvm.ptr, i8
  %5 = llvm.load volatile %4 {alignment = 1 : i64} : !llvm.ptr -> i32
  %6 = llvm.add %0, %3 : i32
  %7 = llvm.add %5, %6 : i32
  %o = llvm.mlir.addressof @ones : !llvm.ptr
  %8 = llvm.load volatile %o : !llvm.ptr -> i16
  %9 = llvm.zext %8 : i16 to i32
  %10 = llvm.add %7, %9 : i32
  %z = llvm.mlir.addressof @zeros : !llvm.ptr
  %11 = llvm.load volatile %z : !llvm.ptr -> i32
  %12 = llvm.add %10, %11 : i32
  llvm.return %12 : i32
}
