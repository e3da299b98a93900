// f : i32 (i32)
// f(4) == 9
llvm.func @f(%x: i32) -> i32 {
  %0 = llvm.inline_asm has_side_effects "leal 1($1,$1), $0", "=r,r" %x : (i32) -> i32
  llvm.return %0 : i32
}
