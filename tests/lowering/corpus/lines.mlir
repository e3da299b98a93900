#file = #llvm.di_file<"program" in "folder">
#unit = #llvm.di_compile_unit<id = distinct[0]<>, sourceLanguage = DW_LANG_C, file = #file, isOptimized = true, emissionKind = LineTablesOnly>
#double = #llvm.di_subprogram<id = distinct[1]<>, compileUnit = #unit, scope = #file, name = "double", file = #file, line = 4, subprogramFlags = "Definition|Optimized", type = #llvm.di_subroutine_type<>>
#sum = #llvm.di_subprogram<id = distinct[2]<>, compileUnit = #unit, scope = #file, name = "sum", file = #file, subprogramFlags = "Definition|Optimized", type = #llvm.di_subroutine_type<>>
#none = loc("program":0:0)
#one = loc("program":1:0)
#two = loc("program":2:7)
llvm.func @double(%x: i32) -> i32 {
  %0 = llvm.add %x, %x : i32 loc(#two)
  llvm.return %0 : i32 loc(#none)
} loc(fused<#double>[#none])
// sum : i32 (i32)
// sum(4) == 20
// sum(0) == 0
llvm.func @sum(%n: i32) -> i32 {
  %zero = llvm.mlir.constant(0 : i32) : i32 loc(#none)
  %one = llvm.mlir.constant(1 : i32) : i32 loc(#none)
  llvm.br ^head(%zero, %zero : i32, i32) loc(#none)
^head(%i: i32 loc(#none), %s: i32 loc(#none)):
  %more = llvm.icmp "sle" %i, %n : i32 loc(#one)
  llvm.cond_br %more, ^body, ^end loc(#one)
^body:
  %t = llvm.call @double(%i) : (i32) -> i32 loc(#two)
  %total = llvm.add %s, %t : i32 loc(#two)
  %next = llvm.add %i, %one : i32 loc(#one)
  llvm.br ^head(%next, %total : i32, i32) loc(#one)
^end:
  llvm.return %s : i32 loc(#none)
} loc(fused<#sum>[#none])
llvm.func @plain(%x: i32) -> i32 {
  llvm.return %x : i32
}
