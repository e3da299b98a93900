#domain = #llvm.alias_scope_domain<id = distinct[0]<>, description = "step">
#p = #llvm.alias_scope<id = distinct[1]<>, domain = #domain, description = "p">
#q = #llvm.alias_scope<id = distinct[2]<>, domain = #domain, description = "q">
#text = #llvm.alias_scope<id = "a, <b>", domain = #domain>

// What the inliner leaves of `step(noalias p, noalias q)` in a loop: the two do not overlap within a
// turn, and the store of one turn is the load of the next.
// chain : i32 (*i32, i64)
// chain([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 64) == 64
llvm.func @chain(%base: !llvm.ptr, %n: i64) -> i32 {
  %zero = llvm.mlir.constant(0 : i64) : i64
  %one = llvm.mlir.constant(1 : i64) : i64
  %step = llvm.mlir.constant(1 : i32) : i32
  llvm.br ^loop(%zero : i64)
^loop(%i: i64):
  %from = llvm.getelementptr %base[%i] : (!llvm.ptr, i64) -> !llvm.ptr, i32
  %next = llvm.add %i, %one : i64
  %to = llvm.getelementptr %base[%next] : (!llvm.ptr, i64) -> !llvm.ptr, i32
  llvm.intr.experimental.noalias.scope.decl #p
  llvm.intr.experimental.noalias.scope.decl #q
  %old = llvm.load %from {alignment = 4 : i64, alias_scopes = [#p], noalias_scopes = [#q]} : !llvm.ptr -> i32
  %new = llvm.add %old, %step : i32
  llvm.store %new, %to {alignment = 4 : i64, alias_scopes = [#q], noalias_scopes = [#p]} : i32, !llvm.ptr
  %more = llvm.icmp "slt" %next, %n : i64
  llvm.cond_br %more, ^loop(%next : i64), ^done
^done:
  %last = llvm.getelementptr %base[%n] : (!llvm.ptr, i64) -> !llvm.ptr, i32
  %result = llvm.load %last {alignment = 4 : i64} : !llvm.ptr -> i32
  llvm.return %result : i32
}

// Everything else that may carry scopes.
// copies : i32 (*i32, *i32)
// copies([1, 2], [0, 0]) == 2 & [2, 2] & [2, 2]
llvm.func @identity(%x: i32) -> i32 attributes {no_inline} { llvm.return %x : i32 }
llvm.func @copies(%p: !llvm.ptr, %q: !llvm.ptr) -> i32 {
  %size = llvm.mlir.constant(8 : i64) : i64
  %one = llvm.mlir.constant(1 : i32) : i32
  llvm.intr.experimental.noalias.scope.decl #p
  "llvm.intr.memcpy"(%q, %p, %size) <{isVolatile = false, alias_scopes = [#p, #text], noalias_scopes = [#q]}> : (!llvm.ptr, !llvm.ptr, i64) -> ()
  %0 = llvm.atomicrmw add %p, %one monotonic {alignment = 4 : i64, alias_scopes = [#text]} : !llvm.ptr, i32
  %1 = llvm.cmpxchg %q, %0, %one acq_rel monotonic {alignment = 4 : i64, alias_scopes = [#q], noalias_scopes = [#p]} : !llvm.ptr, i32
  %2 = llvm.load %p {alignment = 4 : i64} : !llvm.ptr -> i32
  llvm.store %2, %q {alignment = 4 : i64} : i32, !llvm.ptr
  %3 = llvm.call @identity(%2) {alias_scopes = [#p], noalias_scopes = [#text]} : (i32) -> i32
  llvm.return %3 : i32
}
