module attributes {llvm.target_triple = "x86_64-pc-linux-gnu"} {
  // f : i32 (i32)
  // f(4) == 4
  llvm.func @f(%x: i32) -> i32 {
    llvm.return %x : i32
  }
}
