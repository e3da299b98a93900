// What functions and globals may say of themselves.
// f : i32 (i32)
// f(3) == 4
llvm.mlir.global external hidden unnamed_addr constant @one(1 : i32) {alignment = 8 : i64, section = "lowering_one", externally_initialized} : i32
llvm.mlir.global weak local_unnamed_addr @two(2 : i32) : i32
llvm.func @f(%x: i32) -> i32 attributes {no_inline, reciprocal_estimates = "all", prefer_vector_width = "256", fp_contract = "fast", no_signed_zeros_fp_math = true, uwtable_kind = #llvm.uwtableKind<async>, frame_pointer = #llvm.framePointerKind<all>, convergent, will_return, dso_local, section = "lowering_text", alignment = 16 : i64, function_entry_count = 5 : i64} {
  %0 = llvm.mlir.addressof @one : !llvm.ptr
  %1 = llvm.load %0 {alignment = 4 : i64} : !llvm.ptr -> i32
  %2 = llvm.call @g(%1, %x) : (i32, i32) -> i32
  llvm.return %2 : i32
}
llvm.func protected @g(%x: i32, %y: i32) -> i32 attributes {inline_hint, no_unwind} {
  %0 = llvm.add %x, %y : i32
  llvm.return %0 : i32
}
llvm.func available_externally @elsewhere() { llvm.return }
