"""Condition: a text such as ``label == "cat" and width >= 256``, which an image meets or does not.

It is a small part of Python's expressions. Nothing is executed: the tree of a text is checked and
then worked out with NumPy, for all images at once.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pcr.dataset.column_types import ColumnType, ColumnValues
from pcr.dataset.columns import BUILT_IN, LABEL, Column
from pcr.dataset.record import Record
from pcr.errors import UsageError

SIZES = ("width", "height")
"""Names of an image's size in pixels, as it is stored, unless columns have these names."""

_MOST_CHARACTERS = 10_000
_SHOWN_CHARACTERS = 80
_Value: TypeAlias = NDArray[Any] | str | int | float

_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
}
_CONNECTIVES: dict[type[ast.boolop], Callable[[Any, Any], Any]] = {
    ast.And: operator.and_,
    ast.Or: operator.or_,
}


@dataclass(frozen=True)
class Condition:
    """A parsed condition. text: as it was given. columns, sizes: the names that it depends on."""

    text: str
    tree: ast.expr
    columns: tuple[str, ...]
    sizes: tuple[str, ...]

    @classmethod
    def parse(cls, text: str, columns: Mapping[str, Column]) -> Condition:
        """From a text on a dataset's ``columns``.

        Raises UsageError of ``condition`` where it is not an expression, or one on other columns.
        """
        tree = _parsed(text)
        found = dict.fromkeys(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))
        sizes = [name for name in found if name in SIZES and name not in columns]
        named = [name for name in found if name not in sizes]
        usable = [*BUILT_IN, *SIZES, *(name for name in columns if _is_usable(columns[name].type))]
        for name in named:
            if name not in usable:
                expected = f"columns of numbers or texts ({', '.join(dict.fromkeys(usable))})"
                raise UsageError(f"expected {expected}, found {name!r}", "condition")
        return cls(text, tree, tuple(named), tuple(sizes))

    def met_in(self, record: Record, classes: Sequence[str]) -> NDArray[np.bool_]:
        """Whether each image of a record meets it: bool of shape (images,).

        classes: the names that labels stand for. Raises UsageError of ``condition`` where it makes
        no sense, FormatError where the record is damaged.
        """
        values = record.columns(self.columns) if self.columns else {}
        operands = {name: _operand(value) for name, value in values.items()}
        if self.sizes:
            images = record.info().images
            operands |= {n: np.array([getattr(i, n) for i in images]) for n in self.sizes}
        try:
            with np.errstate(all="ignore"):
                return _Evaluation(operands, tuple(classes)).condition(self.tree)
        except UsageError as error:
            raise UsageError(error.reason, "condition") from None
        except (TypeError, ValueError, OverflowError, RecursionError, ZeroDivisionError) as error:
            raise UsageError(f"{_shown(self.text)}: {error}", "condition") from None


def _parsed(text: str) -> ast.expr:
    if len(text) <= _MOST_CHARACTERS:
        try:
            return ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            pass
    raise UsageError(
        f'expected a condition such as label == "cat", found {_shown(text)}', "condition"
    )


def _shown(text: str) -> str:
    return repr(text[:_SHOWN_CHARACTERS]) + "…" * (len(text) > _SHOWN_CHARACTERS)


def _is_usable(type: ColumnType) -> bool:
    return type.kind == "str" or (type.kind not in ("bytes", "json") and type.shape == ())


def _operand(values: ColumnValues) -> NDArray[Any]:
    """As arithmetic takes it: texts as objects, small integers so wide that they don't overflow."""
    if isinstance(values, list):
        return np.array(values, dtype=object)
    is_small = values.dtype.kind in "iu" and values.dtype.itemsize < 8
    return values.astype(np.int64) if is_small else values


@dataclass(frozen=True)
class _Evaluation:
    """Works out the parts of a condition."""

    columns: Mapping[str, NDArray[Any]]
    classes: tuple[str, ...]

    def condition(self, node: ast.expr) -> NDArray[np.bool_]:
        """What is true or false of each image."""
        value = self._value(node)
        if not isinstance(value, np.ndarray) or value.dtype != np.bool_:
            raise UsageError(f"expected a condition on columns, found {ast.unparse(node)}")
        return value

    def _value(self, node: ast.expr) -> _Value:
        """An array for what depends on columns, and otherwise a constant."""
        match node:
            case ast.Name():
                return self.columns[node.id]
            case ast.Constant(value=bool() | int() | float() | str() as constant):
                return constant
            case ast.UnaryOp(op=ast.USub()):
                return -self._number(node.operand)
            case ast.UnaryOp(op=ast.Not()):
                return ~self.condition(node.operand)
            case ast.BoolOp():
                return reduce(_CONNECTIVES[type(node.op)], map(self.condition, node.values))
            case ast.BinOp() if type(node.op) in _ARITHMETIC:
                left, right = self._number(node.left), self._number(node.right)
                return _ARITHMETIC[type(node.op)](left, right)
            case ast.Compare() if not any(isinstance(op, ast.Is | ast.IsNot) for op in node.ops):
                sides = zip(
                    [node.left, *node.comparators], node.ops, node.comparators, strict=False
                )
                return reduce(operator.and_, [self._compared(*side) for side in sides])
        raise UsageError(f"expected columns, constants and comparisons, found {ast.unparse(node)}")

    def _number(self, node: ast.expr) -> Any:
        value = self._value(node)
        if _is_text(value):
            raise UsageError(f"expected a number, found {ast.unparse(node)}")
        return value

    def _compared(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Any:
        if isinstance(op, ast.In | ast.NotIn):
            found = self._is_in(left, right)
            return found if isinstance(op, ast.In) else ~found
        first, second = self._value(left), self._value(right)
        if _is_label(left) and _is_text(second):
            first = self._class_names(first, second)
        elif _is_label(right) and _is_text(first):
            second = self._class_names(second, first)
        if _is_text(first) != _is_text(second):
            sides = f"{ast.unparse(left)} and {ast.unparse(right)}"
            raise UsageError(f"expected two texts or two numbers, found {sides}")
        return _COMPARISONS[type(op)](first, second)

    def _is_in(self, item: ast.expr, listed: ast.expr) -> NDArray[np.bool_]:
        if not isinstance(self._value(item), np.ndarray):
            raise UsageError(f"expected a column before in, found {ast.unparse(item)}")
        if not isinstance(listed, ast.Tuple | ast.List | ast.Set) or not listed.elts:
            raise UsageError(f"expected a list after in, found {ast.unparse(listed)}")
        return reduce(operator.or_, (self._compared(item, ast.Eq(), one) for one in listed.elts))

    def _class_names(self, labels: Any, wanted: _Value) -> NDArray[Any]:
        """The names that labels stand for; UsageError where the one that is wanted is none."""
        if isinstance(wanted, str) and wanted not in self.classes:
            raise UsageError(f"expected the name of a class, found {wanted!r}")
        return np.array(self.classes, dtype=object)[labels]


def _is_label(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == LABEL


def _is_text(value: _Value) -> bool:
    return value.dtype == object if isinstance(value, np.ndarray) else isinstance(value, str)
