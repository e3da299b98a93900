"""The errors of this package. Each message says what was expected, what came and what to do."""


class LoweringError(Exception):
    """The root of everything that this package raises on purpose."""


class BindingsMissing(LoweringError, ImportError):
    """No MLIR Python bindings are installed."""


class Unsupported(LoweringError, NotImplementedError):
    """Something that is valid MLIR and that `translate` does not know."""


class UnsupportedOperation(Unsupported):
    """An operation that `translate` does not know, or a form of it."""


class UnsupportedType(Unsupported):
    """A type that has no translation."""


class UnsupportedConstant(Unsupported):
    """An attribute that does not translate to a constant."""


class UnsupportedAttribute(Unsupported):
    """A function, argument or operation attribute that does not translate."""


class InvalidModule(LoweringError, ValueError):
    """MLIR's own verifier rejects the module, or it is not a module of the llvm dialect."""


class PipelineError(LoweringError, ValueError):
    """A pipeline of MLIR passes that cannot be read, or that fails on the module."""


class CompileError(LoweringError):
    """LLVM rejects the IR, or the code could not be linked."""


class UnknownSymbol(LoweringError, KeyError):
    """The compiled module defines no such symbol."""

    def __str__(self) -> str:
        # KeyError would print the repr of the message.
        return str(self.args[0])


class ModuleClosed(LoweringError):
    """The machine code has been freed."""
