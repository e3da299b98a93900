// loop : i64 (i64)
// loop(10) == 45
// loop(0) == 0
llvm.func @loop(%n: i64) -> i64 {
  %z = llvm.mlir.constant(0 : i64) : i64
  %one = llvm.mlir.constant(1 : i64) : i64
  llvm.br ^head(%z, %z : i64, i64)
^head(%i: i64, %s: i64):
  %c = llvm.icmp "slt" %i, %n : i64
  llvm.cond_br %c weights([1000, 1]), ^body, ^done
^body:
  %t = llvm.add %s, %i : i64
  %j = llvm.add %i, %one : i64
  llvm.br ^head(%j, %t : i64, i64)
^done:
  llvm.return %s : i64
}
// same : i32 (i1, i32, i32)
// same(1, 5, 6) == 5
// same(0, 5, 6) == 6
llvm.func @same(%c: i1, %a: i32, %b: i32) -> i32 {
  llvm.cond_br %c, ^end(%a : i32), ^end(%b : i32)
^end(%r: i32):
  llvm.return %r : i32
}
// spin : i32 (i32)
// spin(10) == 55
llvm.func @spin(%n: i32) -> i32 {
  %z = llvm.mlir.constant(0 : i32) : i32
  %one = llvm.mlir.constant(1 : i32) : i32
  llvm.br ^l(%n, %z : i32, i32)
^l(%i: i32, %s: i32):
  %t = llvm.add %s, %i : i32
  %j = llvm.sub %i, %one : i32
  %k = llvm.sub %i, %one : i32
  %odd = llvm.trunc %i : i32 to i1
  %c = llvm.icmp "sgt" %j, %z : i32
  llvm.cond_br %c, ^m, ^x
^m:
  llvm.cond_br %odd, ^l(%j, %t : i32, i32), ^l(%k, %t : i32, i32)
^x:
  llvm.return %t : i32
}
// choose : i32 (i32, i32)
// choose(0, 7) == 70
// choose(1, 7) == 8
// choose(2, 7) == 7
// choose(-1, 7) == 100
// choose(9, 7) == 70
llvm.func @choose(%x: i32, %y: i32) -> i32 {
  %ten = llvm.mlir.constant(10 : i32) : i32
  %one = llvm.mlir.constant(1 : i32) : i32
  %m = llvm.mul %y, %ten : i32
  %a = llvm.add %y, %one : i32
  %h = llvm.mlir.constant(100 : i32) : i32
  llvm.switch %x : i32, ^end(%m : i32) [
    1: ^end(%a : i32),
    2: ^two,
    -1: ^end(%h : i32)
  ] {branch_weights = array<i32: 1, 2, 3, 4>}
^two:
  llvm.br ^end(%y : i32)
^end(%r: i32):
  llvm.return %r : i32
}
// plain : i32 (i64)
// plain(4) == 1
// plain(5) == 2
llvm.func @plain(%x: i64) -> i32 {
  %one = llvm.mlir.constant(1 : i32) : i32
  %two = llvm.mlir.constant(2 : i32) : i32
  llvm.switch %x : i64, ^other [
    4: ^four,
    6: ^four
  ]
^four:
  llvm.return %one : i32
^other:
  llvm.return %two : i32
}
// empty : i32 (i32)
// empty(4) == 4
llvm.func @empty(%x: i32) -> i32 {
  llvm.switch %x : i32, ^a [
  ]
^a:
  llvm.return %x : i32
}
// disorder : i32 (i32)
// disorder(1) == 3
llvm.func @disorder(%x: i32) -> i32 {
  llvm.br ^first
^second:
  %b = llvm.add %a, %x : i32
  llvm.return %b : i32
^first:
  %a = llvm.add %x, %x : i32
  llvm.br ^second
}
// dead : i32 (i32)
// dead(4) == 4
llvm.func @dead(%x: i32) -> i32 {
  llvm.br ^end(%x : i32)
^unreached:
  %0 = llvm.add %x, %x overflow<nsw> : i32
  llvm.br ^end(%0 : i32)
^end(%r: i32):
  llvm.return %r : i32
^never:
  llvm.unreachable
}
// swapping : i32 (i32)
// swapping(3) == 2
// swapping(4) == 1
llvm.func @swapping(%n: i32) -> i32 {
  %z = llvm.mlir.constant(0 : i32) : i32
  %one = llvm.mlir.constant(1 : i32) : i32
  %two = llvm.mlir.constant(2 : i32) : i32
  llvm.br ^l(%n, %one, %two : i32, i32, i32)
^l(%i: i32, %a: i32, %b: i32):
  %j = llvm.sub %i, %one : i32
  %c = llvm.icmp "sgt" %i, %z : i32
  llvm.cond_br %c, ^l(%j, %b, %a : i32, i32, i32), ^x(%a : i32)
^x(%r: i32):
  llvm.return %r : i32
}
