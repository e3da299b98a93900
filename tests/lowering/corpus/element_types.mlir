// Constants whose elements are wider, narrower or of another kind than what they become.
llvm.mlir.global private constant @complex(dense<[(1.0, 2.0), (3.0, 4.0)]> : tensor<2xcomplex<f32>>) : !llvm.array<2 x struct<(f32, f32)>>
llvm.mlir.global private constant @one_complex(dense<(1.0, -0.0)> : tensor<2xcomplex<f64>>) : !llvm.array<2 x struct<(f64, f64)>>
llvm.mlir.global private constant @yes(true) : i8
llvm.mlir.global private constant @cut(300 : i32) : i8
llvm.mlir.global private constant @bits(1.0 : bf16) : i16
llvm.mlir.global private constant @sparse(sparse<[[0, 1], [2, 0]], [5, -6]> : tensor<3x2xi16>) : !llvm.array<3 x array<2 x i64>>
llvm.mlir.global private constant @small(dense<[1.0, 2.0, -0.5, 0x7F]> : tensor<4xf8E4M3FN>) : !llvm.array<4 x i8>
llvm.mlir.global private constant @resource(dense_resource<table> : tensor<3xi16>) : !llvm.array<3 x i16>
// table : i32 ()
// table() == 131068
llvm.func @table() -> i32 {
  %0 = llvm.mlir.addressof @resource : !llvm.ptr
  %1 = llvm.load %0 {alignment = 4 : i64} : !llvm.ptr -> i32
  llvm.return %1 : i32
}
// sum : i32 (i32)
// sum(0) == 6
llvm.func @sum(%x: i32) -> i32 {
  %0 = llvm.mlir.constant(dense<[0, 1, 2, 3]> : vector<4xindex>) : vector<4xi32>
  %1 = "llvm.intr.vector.reduce.add"(%0) : (vector<4xi32>) -> i32
  %2 = llvm.add %1, %x : i32
  llvm.return %2 : i32
}
// wider : i32 ()
// wider() == -3
llvm.func @wider() -> i32 {
  %0 = llvm.mlir.constant(dense<[1, -2, 3, -5]> : tensor<4xi8>) : vector<4xi32>
  %1 = "llvm.intr.vector.reduce.add"(%0) : (vector<4xi32>) -> i32
  llvm.return %1 : i32
}
// narrower : i8 ()
// narrower() == -58
llvm.func @narrower() -> i8 {
  %0 = llvm.mlir.constant(dense<[200, -2]> : tensor<2xi64>) : vector<2xi8>
  %1 = "llvm.intr.vector.reduce.add"(%0) : (vector<2xi8>) -> i8
  llvm.return %1 : i8
}
// flags : i32 ()
// flags() == 2
llvm.func @flags() -> i32 {
  %0 = llvm.mlir.constant(dense<[true, false, true]> : tensor<3xi1>) : vector<3xi32>
  %1 = "llvm.intr.vector.reduce.add"(%0) : (vector<3xi32>) -> i32
  llvm.return %1 : i32
}
// unsigned : i32 ()
// unsigned() == 259
llvm.func @unsigned() -> i32 {
  %0 = llvm.mlir.constant(dense<[1, 255, 3]> : tensor<3xui8>) : !llvm.array<3 x i32>
  %1 = llvm.extractvalue %0[0] : !llvm.array<3 x i32>
  %2 = llvm.extractvalue %0[1] : !llvm.array<3 x i32>
  %3 = llvm.extractvalue %0[2] : !llvm.array<3 x i32>
  %4 = llvm.add %1, %2 : i32
  %5 = llvm.add %4, %3 : i32
  llvm.return %5 : i32
}
// scalars : i32 (i32)
// scalars(0) == 303
llvm.func @scalars(%x: i32) -> i32 {
  %0 = llvm.mlir.constant(true) : i32
  %1 = llvm.mlir.constant(300 : i32) : i8
  %2 = llvm.mlir.constant(255 : ui8) : i32
  %3 = llvm.mlir.constant(3 : i128) : i32
  %4 = llvm.sext %1 : i8 to i32
  %5 = llvm.add %0, %2 : i32
  %6 = llvm.add %5, %4 : i32
  %7 = llvm.add %6, %3 : i32
  %8 = llvm.add %7, %x : i32
  llvm.return %8 : i32
}
// odd : i32 ()
// odd() == 2
llvm.func @odd() -> i32 {
  %0 = llvm.mlir.constant(dense<[1, -2, 3]> : tensor<3xi24>) : vector<3xi32>
  %1 = "llvm.intr.vector.reduce.add"(%0) : (vector<3xi32>) -> i32
  llvm.return %1 : i32
}
// extended : f64 (f64)
// extended(1.0) == 2.6
llvm.func @extended(%x: f64) -> f64 {
  %0 = llvm.mlir.constant(1.6 : f80) : f80
  %1 = llvm.fptrunc %0 : f80 to f64
  %2 = llvm.fadd %1, %x : f64
  llvm.return %2 : f64
}
// double_double : f64 (f64)
// double_double(1.0) == 0.75
llvm.func @double_double(%x: f64) -> f64 {
  %0 = llvm.mlir.constant(-0.25 : f128) : f128
  %1 = llvm.fptrunc %0 : f128 to f64
  %2 = llvm.fadd %1, %x : f64
  llvm.return %2 : f64
}
// gather : i32 (*i32)
// gather([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
llvm.func @gather(%p: !llvm.ptr) -> i32 {
  %size = llvm.mlir.constant(88 : i64) : i64
  %n32 = llvm.mlir.constant(32 : i64) : i64
  %n48 = llvm.mlir.constant(48 : i64) : i64
  %n16 = llvm.mlir.constant(16 : i64) : i64
  %zero = llvm.mlir.constant(0 : i32) : i32
  %0 = llvm.mlir.addressof @complex : !llvm.ptr
  %1 = llvm.mlir.addressof @one_complex : !llvm.ptr
  %2 = llvm.mlir.addressof @sparse : !llvm.ptr
  %p1 = llvm.getelementptr %p[4] : (!llvm.ptr) -> !llvm.ptr, i32
  %p2 = llvm.getelementptr %p[8] : (!llvm.ptr) -> !llvm.ptr, i32
  %p3 = llvm.getelementptr %p[20] : (!llvm.ptr) -> !llvm.ptr, i32
  "llvm.intr.memcpy"(%p, %0, %n16) <{isVolatile = false}> : (!llvm.ptr, !llvm.ptr, i64) -> ()
  "llvm.intr.memcpy"(%p1, %1, %n16) <{isVolatile = false}> : (!llvm.ptr, !llvm.ptr, i64) -> ()
  "llvm.intr.memcpy"(%p2, %2, %n48) <{isVolatile = false}> : (!llvm.ptr, !llvm.ptr, i64) -> ()
  %3 = llvm.mlir.addressof @small : !llvm.ptr
  %4 = llvm.load %3 {alignment = 1 : i64} : !llvm.ptr -> i32
  llvm.store %4, %p3 {alignment = 4 : i64} : i32, !llvm.ptr
  %5 = llvm.mlir.addressof @cut : !llvm.ptr
  %6 = llvm.load %5 {alignment = 1 : i64} : !llvm.ptr -> i8
  %7 = llvm.mlir.addressof @yes : !llvm.ptr
  %8 = llvm.load %7 {alignment = 1 : i64} : !llvm.ptr -> i8
  %9 = llvm.mlir.addressof @bits : !llvm.ptr
  %10 = llvm.load %9 {alignment = 2 : i64} : !llvm.ptr -> i16
  %11 = llvm.sext %6 : i8 to i32
  %12 = llvm.sext %8 : i8 to i32
  %13 = llvm.zext %10 : i16 to i32
  %14 = llvm.add %11, %12 : i32
  %15 = llvm.add %14, %13 : i32
  llvm.return %15 : i32
}

{-#
  dialect_resources: {
    builtin: {
      table: "0x02000000FCFF01000080"
    }
  }
#-}
