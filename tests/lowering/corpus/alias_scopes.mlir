#domain = #llvm.alias_scope_domain<id = distinct[0]<>, description = "f">
#other = #llvm.alias_scope_domain<id = distinct[3]<>>
#a = #llvm.alias_scope<id = distinct[1]<>, domain = #domain, description = "a">
#b = #llvm.alias_scope<id = distinct[2]<>, domain = #domain>
#c = #llvm.alias_scope<id = distinct[4]<>, domain = #other>
// f : i32 (*i32, *i32)
// f([5, 6], [0, 0]) == 11 & [5, 6] & [5, 0]
llvm.func @f(%p: !llvm.ptr, %q: !llvm.ptr) -> i32 {
  %0 = llvm.load %p {alignment = 4 : i64, alias_scopes = [#a], noalias_scopes = [#b]} : !llvm.ptr -> i32
  llvm.store %0, %q {alignment = 4 : i64, alias_scopes = [#b, #c], noalias_scopes = [#a]} : i32, !llvm.ptr
  %1 = llvm.getelementptr %p[1] : (!llvm.ptr) -> !llvm.ptr, i32
  %2 = llvm.load %1 {alignment = 4 : i64, alias_scopes = [#a]} : !llvm.ptr -> i32
  %3 = llvm.add %0, %2 : i32
  llvm.return %3 : i32
}
