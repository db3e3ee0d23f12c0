"""A Numba type for one SIMD register of images, and intrinsics on registers and pointers.

A register holds one number of each of ``lanes(dtype)`` images. The loops over the one to four
channels of a unit are too short for LLVM's vectoriser, so these intrinsics emit vector operations
themselves. The width and the number of registers are the only constants that depend on the CPU.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

Pair = tuple[Any, Callable[..., Any]]


def _features() -> set[str]:
    """Return the names of the CPU features that code is generated for."""
    named = numba.config.CPU_FEATURES
    if named is not None:
        return {word[1:] for word in named.split(",") if word.startswith("+")}
    return {name for name, is_present in binding.get_host_cpu_features().items() if is_present}


FEATURES = _features()
_IS_X86 = "sse2" in FEATURES
REGISTER_BYTES = 64 if "avx512f" in FEATURES else 32 if "avx2" in FEATURES else 16
REGISTERS = 16 if _IS_X86 and REGISTER_BYTES < 64 else 32


def lanes(dtype: Any) -> int:
    """Return the number of images in a register: its lanes."""
    return REGISTER_BYTES // int(np.dtype(dtype).itemsize)


class Register(types.Type):
    """The type of a register: one number of each image of a block."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        super().__init__(name=f"register({dtype})")


@register_model(Register)
class _RegisterModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: Any) -> None:
        super().__init__(dmm, fe_type, vector_type(fe_type.dtype))


def scalar_type(dtype: Any) -> Any:
    """Return the LLVM type of one number."""
    return ir.FloatType() if dtype == types.float32 else ir.DoubleType()


def vector_type(dtype: Any) -> Any:
    """Return the LLVM type of a register."""
    return ir.VectorType(scalar_type(dtype), REGISTER_BYTES // (dtype.bitwidth // 8))


# Functions that emit LLVM, used by these intrinsics and by the tiles.


def emit_at(builder: Any, pointer: Any, kind: Any, index: Any) -> Any:
    """Return the address of the ``index``-th value of LLVM type ``kind`` after ``pointer``."""
    return builder.gep(builder.bitcast(pointer, kind.as_pointer()), [index])


def emit_load(builder: Any, pointer: Any, kind: Any, index: Any) -> Any:
    """Return the ``index``-th register after ``pointer``."""
    value = builder.load(emit_at(builder, pointer, kind, index))
    value.align = REGISTER_BYTES
    return value


def emit_store(builder: Any, pointer: Any, kind: Any, index: Any, value: Any) -> None:
    """Store a register as the ``index``-th one after ``pointer``."""
    builder.store(value, emit_at(builder, pointer, kind, index)).align = REGISTER_BYTES


def emit_spread(builder: Any, scalar: Any, kind: Any) -> Any:
    """Return a register with one number in all lanes."""
    undefined = ir.Constant(kind, ir.Undefined)
    first = builder.insert_element(undefined, scalar, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), kind.count), [0] * kind.count)
    return builder.shuffle_vector(first, undefined, zeros)


def emit_fma(builder: Any, a: Any, b: Any, c: Any) -> Any:
    """Return a · b + c, rounded once."""
    return emit_call(builder, "llvm.fma", [a, b, c])


def emit_total(builder: Any, value: Any) -> Any:
    """Return the sum over all lanes, added pairwise as a tree."""
    count = value.type.count
    while count > 1:
        count //= 2
        index = ir.VectorType(ir.IntType(32), count)
        undefined = ir.Constant(value.type, ir.Undefined)
        low = ir.Constant(index, list(range(count)))
        high = ir.Constant(index, list(range(count, 2 * count)))
        value = builder.fadd(
            builder.shuffle_vector(value, undefined, low),
            builder.shuffle_vector(value, undefined, high),
        )
    return builder.extract_element(value, ir.Constant(ir.IntType(32), 0))


def emit_call(builder: Any, name: str, values: list[Any]) -> Any:
    """Call an LLVM intrinsic that is overloaded on the type of its values."""
    kind = values[0].type
    letter = "f32" if kind.element == ir.FloatType() else "f64"
    function = cgutils.get_or_insert_function(
        builder.module,
        ir.FunctionType(kind, [kind] * len(values)),
        f"{name}.v{kind.count}{letter}",
    )
    return builder.call(function, values)


# Pointers. An index of a register counts registers, an index of a number counts numbers.


@intrinsic
def load(typingctx: Any, pointer: Any, index: Any) -> Pair:
    """Return a register from memory."""
    register = Register(pointer.dtype)

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return emit_load(builder, args[0], vector_type(pointer.dtype), args[1])

    return register(pointer, types.int64), emit


@intrinsic
def store(typingctx: Any, pointer: Any, index: Any, value: Any) -> Pair:
    """Put a register into memory."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        emit_store(builder, args[0], vector_type(pointer.dtype), args[1], args[2])
        return context.get_dummy_value()

    return types.void(pointer, types.int64, value), emit


@intrinsic
def get(typingctx: Any, pointer: Any, index: Any) -> Pair:
    """Return a number from memory."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(builder.gep(args[0], [args[1]]))

    return pointer.dtype(pointer, types.int64), emit


@intrinsic
def put(typingctx: Any, pointer: Any, index: Any, value: Any) -> Pair:
    """Put a number into memory."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store(args[2], builder.gep(args[0], [args[1]]))
        return context.get_dummy_value()

    return types.void(pointer, types.int64, pointer.dtype), emit


@intrinsic
def on(typingctx: Any, pointer: Any, index: Any) -> Pair:
    """Return a pointer moved on by some registers."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = vector_type(pointer.dtype)
        return builder.bitcast(emit_at(builder, args[0], kind, args[1]), args[0].type)

    return pointer(pointer, types.int64), emit


@intrinsic
def past(typingctx: Any, pointer: Any, index: Any) -> Pair:
    """Return a pointer moved on by some numbers."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.gep(args[0], [args[1]])

    return pointer(pointer, types.int64), emit


@intrinsic
def address(typingctx: Any, pointer: Any) -> Pair:
    """Return a pointer as an integer."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ptrtoint(args[0], ir.IntType(64))

    return types.int64(pointer), emit


@intrinsic
def pointer(typingctx: Any, like: Any, number: Any) -> Pair:
    """Return an integer as a pointer of the same type as ``like``."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[1], context.get_value_type(like))

    return like(like, types.int64), emit


def pointer_to(kind: Any) -> Any:
    """Return an intrinsic that takes an integer for a pointer of type ``kind``."""

    @intrinsic
    def pointer_at(typingctx: Any, number: Any) -> Pair:
        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.inttoptr(args[0], context.get_value_type(kind))

        return kind(types.int64), emit

    return pointer_at


float64s = pointer_to(types.CPointer(types.float64))
int64s = pointer_to(types.CPointer(types.int64))
int32s = pointer_to(types.CPointer(types.int32))
uint8s = pointer_to(types.CPointer(types.uint8))


@intrinsic
def call(typingctx: Any, function: Any, job: Any, frame: Any, work: Any) -> Pair:
    """Call a kernel by its address: so it is compiled once, not once for each caller."""
    shared = types.void(types.int64, job, frame, work)

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(ir.VoidType(), [value.type for value in args[1:]])
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), args[1:])
        return context.get_dummy_value()

    return shared, emit


# Arithmetic.


@intrinsic
def spread(typingctx: Any, number: Any) -> Pair:
    """Return a register with one number in all lanes."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return emit_spread(builder, args[0], vector_type(number))

    return Register(number)(number), emit


@intrinsic
def zeros(typingctx: Any, pointer: Any) -> Pair:
    """Return a register of zeros, of the type that ``pointer`` points to."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = vector_type(pointer.dtype)
        return ir.Constant(kind, [ir.Constant(kind.element, 0.0)] * kind.count)

    return Register(pointer.dtype)(pointer), emit


@intrinsic
def fma(typingctx: Any, a: Any, b: Any, c: Any) -> Pair:
    """Return a · b + c, rounded once."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return emit_fma(builder, *args)

    return a(a, a, a), emit


@intrinsic
def add(typingctx: Any, a: Any, b: Any) -> Pair:
    """Return a + b."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fadd(*args)

    return a(a, a), emit


@intrinsic
def times(typingctx: Any, a: Any, b: Any) -> Pair:
    """Return a · b."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fmul(*args)

    return a(a, a), emit


@intrinsic
def clip(typingctx: Any, value: Any, low: Any, high: Any) -> Pair:
    """Return ``value`` clipped to ``low`` … ``high``; NaN stays NaN."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        x, low, high = args
        x = builder.select(builder.fcmp_ordered("<", x, low), low, x)
        return builder.select(builder.fcmp_ordered(">", x, high), high, x)

    return value(value, value, value), emit


@intrinsic
def where_inside(typingctx: Any, value: Any, low: Any, high: Any, then: Any) -> Pair:
    """Return ``then`` where low < value < high, else 0."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        x, low, high, then = args
        zero = ir.Constant(then.type, [ir.Constant(then.type.element, 0.0)] * then.type.count)
        then = builder.select(builder.fcmp_ordered(">", x, low), then, zero)
        return builder.select(builder.fcmp_ordered("<", x, high), then, zero)

    return value(value, value, value, value), emit


@intrinsic
def where_equal(typingctx: Any, a: Any, b: Any, then: Any, other: Any) -> Pair:
    """Return ``then`` where a = b, else ``other``."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.select(builder.fcmp_ordered("==", args[0], args[1]), args[2], args[3])

    return a(a, a, a, a), emit


@intrinsic
def where_above(typingctx: Any, a: Any, b: Any, then: Any, other: Any) -> Pair:
    """Return ``then`` where a > b or one of them is NaN, else ``other``."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        is_above = builder.fcmp_unordered(">", args[0], args[1])
        return builder.select(is_above, args[2], args[3])

    return a(a, a, a, a), emit


@intrinsic
def higher(typingctx: Any, a: Any, b: Any) -> Pair:
    """Return the higher of a and b, and b where one of them is NaN."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.select(builder.fcmp_ordered(">", args[0], args[1]), args[0], args[1])

    return a(a, a), emit


@intrinsic
def total(typingctx: Any, value: Any) -> Pair:
    """Return the sum over all lanes."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return emit_total(builder, args[0])

    return value.dtype(value), emit


@intrinsic
def number(typingctx: Any, pointer: Any, value: Any) -> Pair:
    """Return a float64 as a number of the type that ``pointer`` points to."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return context.cast(builder, args[1], types.float64, pointer.dtype)

    return pointer.dtype(pointer, types.float64), emit
