"""What may import what, and how long files and functions may be."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import dreamstream

PACKAGE = Path(dreamstream.__file__).parent
LEVELS = (
    ("errors",),
    ("_libraries", "config", "file_names", "machine"),
    ("frames",),
    ("models", "temporal", "sources", "journal"),
    ("controls", "dream", "sinks"),
    ("clips",),
    ("live", "rendering"),
    ("cli",),
    ("studio",),
    ("__main__",),
)
"""Folders and modules of the package, lowest first.  Each may import what stands below it; the
journal also the models, whose device is part of a run's fingerprint."""

ALSO_ALLOWED = {("journal", "models")}
MOST_ROOMS, MOST_LINES, MOST_FUNCTION_LINES = 20, 400, 40

FILES = sorted(PACKAGE.rglob("*.py"))
names = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))


def level_of(room: str) -> int:
    return next(number for number, rooms in enumerate(LEVELS) if room in rooms)


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported(tree: ast.AST) -> Iterator[str]:
    """Return the full names of the package's own modules that a module imports, anywhere in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            if (
                node.module is not None
                and (PACKAGE.parent / Path(*node.module.split("."))).is_dir()
            ):
                yield from (f"{node.module}.{alias.name}" for alias in node.names)
            elif node.module is not None:
                yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def own_imports(path: Path) -> list[str]:
    return [name for name in imported(ast.parse(path.read_text())) if "dreamstream." in name]


def test_every_folder_has_its_level() -> None:
    rooms = {room_of(path) for path in FILES} - {"__init__"}
    assert rooms == {room for rooms in LEVELS for room in rooms}
    assert len(rooms) + 1 <= MOST_ROOMS


@names
def test_nothing_is_imported_from_above(path: Path) -> None:
    room = room_of(path)
    if room == "__init__":  # the public names, loaded at their first use
        return
    for name in own_imports(path):
        other = name.split(".")[1]
        below = level_of(other) < level_of(room)
        assert other == room or below or (room, other) in ALSO_ALLOWED, f"{room} imports {name}"


def test_no_modules_import_one_another_in_a_circle() -> None:
    modules = {
        ".".join(("dreamstream", *path.relative_to(PACKAGE).with_suffix("").parts)): path
        for path in FILES
        if path != PACKAGE / "__init__.py"
    }
    modules = {name.removesuffix(".__init__"): path for name, path in modules.items()}
    arrows = {name: set(own_imports(path)) & set(modules) for name, path in modules.items()}
    finished: set[str] = set()

    def follow(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " -> ".join((*way, name))
        if name not in finished:
            for other in arrows[name] - {name}:
                follow(other, (*way, name))
            finished.add(name)

    for name in modules:
        follow(name, ())


@names
def test_files_and_functions_can_be_read_at_one_go(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= MOST_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert code_lines(node) <= MOST_FUNCTION_LINES, node.name


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count a function's lines without its docstring."""
    first = function.body[0]
    is_text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    documented = (first.end_lineno or 0) - first.lineno + 1 if is_text else 0
    return (function.end_lineno or 0) - function.lineno + 1 - documented


@names
def test_opencv_and_pyav_are_imported_in_one_place(path: Path) -> None:
    """The other way round windows hang; see ``_libraries``."""
    if path.stem == "_libraries":
        return
    for node in ast.walk(ast.parse(path.read_text())):
        modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        assert not {name.partition(".")[0] for name in modules} & {"av", "cv2"}
