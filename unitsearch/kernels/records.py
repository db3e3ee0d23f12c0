"""Records in memory whose fields kernels read and write as attributes: ``op.x_block``.

Numba's own records live in arrays, whose descriptors would be passed along everywhere. A record
here is a bare pointer: reading a field is one load, as reading a number of an array by its place
is, and the compiler checks the name.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core.typing.templates import AttributeTemplate
from numba.extending import (
    infer_getattr,
    lower_getattr_generic,
    lower_setattr_generic,
    models,
    register_model,
)

from unitsearch.kernels import table_layout as t
from unitsearch.kernels.vectors import pointer_to


class RecordPointer(types.Type):
    """A pointer to a record of 8-byte fields, all int64 or all float64.

    Attributes:
        fields: Their names, in the order in which they lie.
        dtype: Numba's type of a field.
    """

    def __init__(self, name: str, fields: tuple[str, ...], dtype: Any = types.int64) -> None:
        self.fields, self.dtype = fields, dtype
        super().__init__(name=f"pointer to {name}")


@register_model(RecordPointer)
class _RecordPointerModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: Any) -> None:
        number = ir.IntType(64) if fe_type.dtype == types.int64 else ir.DoubleType()
        record = ir.ArrayType(number, len(fe_type.fields))
        super().__init__(dmm, fe_type, record.as_pointer())


@infer_getattr
class _FieldTypes(AttributeTemplate):
    key = RecordPointer

    def generic_resolve(self, record: RecordPointer, name: str) -> Any:
        return record.dtype if name in record.fields else None


@lower_getattr_generic(RecordPointer)
def _load_field(context: Any, builder: Any, record: RecordPointer, value: Any, name: str) -> Any:
    return builder.load(_field(builder, record, value, name))


@lower_setattr_generic(RecordPointer)
def _store_field(context: Any, builder: Any, signature: Any, args: Any, name: str) -> None:
    record, value = args
    builder.store(value, _field(builder, signature.args[0], record, name))


def _field(builder: Any, record: RecordPointer, value: Any, name: str) -> Any:
    zero, place = (ir.Constant(ir.IntType(32), i) for i in (0, record.fields.index(name)))
    return builder.gep(value, [zero, place])


def _names(dtype: Any) -> tuple[str, ...]:
    return tuple(dtype.names)


OPERATION = RecordPointer("operation", _names(t.OPERATION))
PHASE = RecordPointer("phase", _names(t.PHASE))
CONVOLVE_JOB = RecordPointer("job of convolve", _names(t.CONVOLVE_JOB))
CORRELATE_JOB = RecordPointer("job of correlate", _names(t.CORRELATE_JOB))
FRAME = RecordPointer("frame", tuple(field[0] for field in t.Frame._fields_))
SCALARS = RecordPointer("scalars", tuple(field[0] for field in t.Scalars._fields_), types.float64)

operations_at = pointer_to(OPERATION)
phases_at = pointer_to(PHASE)
convolve_job_at = pointer_to(CONVOLVE_JOB)
correlate_job_at = pointer_to(CORRELATE_JOB)
scalars_at = pointer_to(SCALARS)
