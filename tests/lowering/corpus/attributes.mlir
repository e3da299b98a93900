// f : f32 (*f32, f32)
// f([2.0], 3.0) == 6.0
llvm.func @f(%p: !llvm.ptr {llvm.noalias, llvm.nocapture, llvm.readonly, llvm.noundef, llvm.dereferenceable = 4 : i64, other.x = 1 : i32}, %x: f32 {llvm.noundef}) -> (f32 {llvm.noundef}) attributes {dso_local, frame_pointer = #llvm.framePointerKind<all>, llvm.emit_c_interface, memory_effects = #llvm.memory_effects<other = none, argMem = read, inaccessibleMem = none, errnoMem = none, targetMem0 = none, targetMem1 = none>, no_unwind, will_return, passthrough = ["nosync", ["stack-probe-size", "4096"], "my-attribute"], prefer_vector_width = "256", alignment = 32 : i64} {
  %0 = llvm.load %p : !llvm.ptr -> f32
  %1 = llvm.fmul %0, %x : f32
  llvm.return %1 : f32
}
// g : i32 (i32)
// g(2) == 4
llvm.func weak protected unnamed_addr @g(%x: i32 {llvm.returned, llvm.inreg}) -> i32 attributes {no_inline, optimize_none, passthrough = ["noinline", "optnone"]} {
  %0 = llvm.add %x, %x : i32
  llvm.return %0 : i32
}
// h : i32 (i32)
// h(3) == 3
llvm.func @h(%x: i32) -> i32 attributes {sym_visibility = "public", section = ".text.cold", passthrough = ["cold", ["alignstack", "32"]]} {
  llvm.return %x : i32
}
