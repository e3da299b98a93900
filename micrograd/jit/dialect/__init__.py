"""Operations of the llvm dialect of MLIR: functions, blocks, memory; values are numbered."""
