"""Formulas: a small language of numbers, checked node by node and never executed as Python.

A text is parsed by Python's ``ast``; only the nodes that are listed here are taken, and each
becomes a function of arrays of float64.  So no formula can reach an attribute, an item or a
builtin, and none takes long: its text, its nodes and its depth are bounded, and a power of floats
overflows to infinity where one of whole numbers would fill the memory.
"""

import ast
import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from textwrap import shorten
from types import MappingProxyType
from typing import Any

import numpy as np

from dreamstream.controls.faults import ScheduleFault
from dreamstream.controls.functions import FUNCTIONS, Function, Value, Values

LONGEST = 1000
"""Characters of a formula, at the most."""

MOST_NODES, DEEPEST = 400, 40

Scope = Mapping[str, Value]
"""What the names of a formula stand for: float64 arrays that broadcast against one another."""

Evaluate = Callable[[Scope, int], Value]

_BINARY: Mapping[type[ast.operator], Callable[..., Any]] = MappingProxyType(
    {
        ast.Add: np.add,
        ast.Sub: np.subtract,
        ast.Mult: np.multiply,
        ast.Div: np.divide,
        ast.FloorDiv: np.floor_divide,
        ast.Mod: np.mod,
        ast.Pow: np.power,
        ast.BitAnd: lambda a, b: ((a != 0) & (b != 0)).astype(np.float64),
        ast.BitOr: lambda a, b: ((a != 0) | (b != 0)).astype(np.float64),
    }
)
"""``&`` and ``|`` join conditions, as numexpr's strings do."""

_UNARY: Mapping[type[ast.unaryop], Callable[..., Any]] = MappingProxyType(
    {
        ast.UAdd: np.positive,
        ast.USub: np.negative,
        ast.Not: lambda a: (a == 0).astype(np.float64),
    }
)

_COMPARE: Mapping[type[ast.cmpop], Callable[..., Any]] = MappingProxyType(
    {
        ast.Lt: np.less,
        ast.LtE: np.less_equal,
        ast.Gt: np.greater,
        ast.GtE: np.greater_equal,
        ast.Eq: np.equal,
        ast.NotEq: np.not_equal,
    }
)

_ALLOWED = "numbers, names, + - * / // % **, comparisons, and, or, not, and functions"


@dataclass(frozen=True)
class Formula:
    """A checked formula.

    Attributes:
        text: As written.
        begin: Where it begins in the whole schedule.
        names: What it refers to, with the position of the first mention in the whole schedule.
        literal: Its value, where it is a plain number; None otherwise.
    """

    text: str
    begin: int
    names: Mapping[str, int]
    literal: float | None
    _evaluate: Evaluate = field(repr=False, compare=False)

    @property
    def end(self) -> int:
        """Where it ends in the whole schedule."""
        return self.begin + len(self.text)

    @property
    def is_constant(self) -> bool:
        """Whether it is the same at any time and for any seed."""
        return not self.names

    def at(self, scope: Scope, seed: int = 0) -> Values:
        """Evaluate it; what is not finite comes out as infinity or NaN, without an error.

        Args:
            scope: A value or an array for each of ``names``.
            seed: Of ``noise``.
        """
        with np.errstate(all="ignore"):
            return np.asarray(self._evaluate(scope, seed), np.float64)

    def fault(self, problem: str) -> ScheduleFault:
        """Make the fault of the whole formula."""
        return ScheduleFault(problem, self.begin, self.end)


def parse_formula(text: str, begin: int, names: frozenset[str]) -> Formula:
    """Check a formula.

    Args:
        text: The formula.
        begin: Where it begins in the whole schedule, for messages.
        names: What it may refer to.

    Raises:
        ScheduleFault: It is wrong.
    """
    _require_plain(text, begin)
    reader = _Reader(text, begin, names)
    evaluate = reader.read(_parsed(text, begin))
    return Formula(text, begin, reader.found, _literal(text), evaluate)


def _literal(text: str) -> float | None:
    """Return a plain number, with or without a sign; None for anything else."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _require_plain(text: str, begin: int) -> None:
    """Refuse what could trouble a parser."""
    if not text.strip():
        raise ScheduleFault("there is no value; give a number or a formula", begin, begin)
    if len(text) > LONGEST:
        raise ScheduleFault(
            f"a formula has at most {LONGEST} characters; this one has {len(text)}",
            begin,
            begin + len(text),
        )
    for place, character in enumerate(text):
        if not (character.isascii() and (character.isprintable() or character in "\n\t\r")):
            raise ScheduleFault(
                f"{character!a} is no part of a formula", begin + place, begin + place + 1
            )


def _parsed(text: str, begin: int) -> ast.expr:
    """Parse a text in which line breaks are blanks."""
    line = "".join(" " if each in "\n\t\r" else each for each in text)
    blank = len(line) - len(line.lstrip())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _shifted(ast.parse(line.strip(), mode="eval").body, blank)
    except SyntaxError as error:
        at = begin + blank + max((error.offset or 1) - 1, 0)
        at = min(at, begin + len(text.rstrip()))
        raise ScheduleFault("this is no formula", at, at + 1) from error
    except (ValueError, MemoryError, RecursionError) as error:
        raise ScheduleFault("the formula is too deep", begin, begin + len(text)) from error


def _shifted(tree: ast.expr, by: int) -> ast.expr:
    for node in ast.walk(tree):
        if isinstance(node, ast.expr):
            node.col_offset += by
            node.end_col_offset = (node.end_col_offset or 0) + by
    return tree


class _Reader:
    """Turns a tree into a function, and refuses what is not allowed."""

    def __init__(self, text: str, begin: int, names: frozenset[str]) -> None:
        self._text, self._begin, self._names = text, begin, names
        self._nodes = 0
        self.found: dict[str, int] = {}

    def read(self, node: ast.expr, depth: int = 0) -> Evaluate:
        """Return the function of a node."""
        self._nodes += 1
        if self._nodes > MOST_NODES or depth > DEEPEST:
            raise self._fault("the formula is too long or too deep; write it simpler", node)
        match node:
            case ast.Constant():
                return self._number(node)
            case ast.Name():
                return self._name(node)
            case ast.UnaryOp():
                return self._unary(node, depth)
            case ast.BinOp():
                return self._binary(node, depth)
            case ast.BoolOp():
                return self._joined(node, depth)
            case ast.Compare():
                return self._compared(node, depth)
            case ast.Call():
                return self._called(node, depth)
        raise self._fault(f"this is not allowed; a formula has {_ALLOWED}", node)

    def _number(self, node: ast.Constant) -> Evaluate:
        given = node.value
        if isinstance(given, bool) or not isinstance(given, int | float):
            raise self._fault(f"this is no number; a formula has {_ALLOWED}", node)
        try:
            value = np.float64(given)
        except OverflowError:
            value = np.float64(math.inf)
        if not math.isfinite(value):
            raise self._fault("the number is too large", node)
        return lambda scope, seed: value

    def _name(self, node: ast.Name) -> Evaluate:
        name = node.id
        if name in FUNCTIONS:
            raise self._fault(f"{name} is a function; write {name}(...)", node)
        if name not in self._names:
            known = ", ".join(sorted(self._names))
            shown = shorten(name, 40, placeholder="...")
            raise self._fault(f"there is no name {shown}; names are {known}", node)
        self.found.setdefault(name, self._begin + node.col_offset)
        return lambda scope, seed: scope[name]

    def _unary(self, node: ast.UnaryOp, depth: int) -> Evaluate:
        operate = _UNARY.get(type(node.op))
        if operate is None:
            raise self._fault(f"this is not allowed; a formula has {_ALLOWED}", node)
        operand = self.read(node.operand, depth + 1)
        return lambda scope, seed: operate(operand(scope, seed))

    def _binary(self, node: ast.BinOp, depth: int) -> Evaluate:
        operate = _BINARY.get(type(node.op))
        if operate is None:
            raise self._fault(f"this is not allowed; a formula has {_ALLOWED}", node)
        left, right = self.read(node.left, depth + 1), self.read(node.right, depth + 1)
        return lambda scope, seed: operate(left(scope, seed), right(scope, seed))

    def _joined(self, node: ast.BoolOp, depth: int) -> Evaluate:
        operate = _BINARY[ast.BitAnd if isinstance(node.op, ast.And) else ast.BitOr]
        parts = [self.read(each, depth + 1) for each in node.values]

        def evaluate(scope: Scope, seed: int) -> Value:
            value: Value = parts[0](scope, seed)
            for part in parts[1:]:
                value = operate(value, part(scope, seed))
            return value

        return evaluate

    def _compared(self, node: ast.Compare, depth: int) -> Evaluate:
        if not all(type(each) in _COMPARE for each in node.ops):
            raise self._fault(f"this is not allowed; a formula has {_ALLOWED}", node)
        operate = [_COMPARE[type(each)] for each in node.ops]
        parts = [self.read(each, depth + 1) for each in (node.left, *node.comparators)]

        def evaluate(scope: Scope, seed: int) -> Value:
            values = [part(scope, seed) for part in parts]
            holds = operate[0](values[0], values[1])
            for each, left, right in zip(operate[1:], values[1:], values[2:], strict=False):
                holds = holds & each(left, right)
            return np.asarray(holds, np.float64)

        return evaluate

    def _called(self, node: ast.Call, depth: int) -> Evaluate:
        name = node.func.id if isinstance(node.func, ast.Name) else None
        function = FUNCTIONS.get(name or "")
        if name is None or function is None:
            known = ", ".join(FUNCTIONS)
            raise self._fault(f"there is no such function; there are {known}", node.func)
        if node.keywords or any(isinstance(each, ast.Starred) for each in node.args):
            raise self._fault(f"{name} takes plain arguments", node)
        if not function.least <= len(node.args) <= (function.most or len(node.args)):
            raise self._fault(f"{name} takes {_count(function)}, not {len(node.args)}", node)
        parts = [self.read(each, depth + 1) for each in node.args]
        if function.seeded:
            self.found.setdefault("s", self._begin + node.col_offset)
            return lambda scope, seed: function.call(seed, *(part(scope, seed) for part in parts))
        return lambda scope, seed: function.call(*(part(scope, seed) for part in parts))

    def _fault(self, problem: str, node: ast.expr) -> ScheduleFault:
        end = node.end_col_offset or node.col_offset + 1
        return ScheduleFault(problem, self._begin + node.col_offset, self._begin + end)


def _count(function: Function) -> str:
    if function.most is None:
        return f"{function.least} arguments or more"
    return f"{function.least} argument{'s' if function.least > 1 else ''}"
