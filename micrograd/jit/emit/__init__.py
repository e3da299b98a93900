"""Schedule -> MLIR in the llvm dialect."""
