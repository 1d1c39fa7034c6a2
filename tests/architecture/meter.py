"""The shape of a code base in figures, measured on its source: what the budgets of `test_budgets.py` bound.

A line of code is one that is neither blank, nor only a comment, nor part of a docstring. A function is as long as the
lines from its `def` to its end; its body is those of them that are code.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import networkx as nx

from tests.architecture.source import Module, dotted, imports

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
Scope = ast.Module | ast.ClassDef | FunctionNode
_FORKS = (ast.If, ast.IfExp, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.comprehension, ast.match_case)
_SILENT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


@dataclass(frozen=True, slots=True)
class Part:
    """A module, class or function, with what is counted of it; figures that don't apply to its kind are 0."""

    where: str
    kind: str  # module | class | function
    public: bool
    documented: bool
    lines: int = 0
    code: int = 0
    comments: int = 0
    branches: int = 0
    parameters: int = 0
    methods: int = 0
    typed: bool = True


@dataclass(slots=True)
class Shape:
    """A whole code base."""

    parts: list[Part] = field(default_factory=list)
    imports: dict[str, set[str]] = field(default_factory=dict)
    star_imports: list[str] = field(default_factory=list)
    broad_excepts: list[str] = field(default_factory=list)
    prints: list[str] = field(default_factory=list)

    def of(self, kind: str) -> list[Part]:
        """Give the parts of one kind."""
        return [part for part in self.parts if part.kind == kind]

    def code(self) -> int:
        """Count the lines of code."""
        return sum(part.code for part in self.of("module"))

    def cycles(self) -> list[list[str]]:
        """List the groups of modules that import one another, at whatever time."""
        graph = nx.DiGraph((source, target) for source, targets in self.imports.items() for target in targets)
        return sorted(sorted(group) for group in nx.strongly_connected_components(graph) if len(group) > 1)


def measure(sources: Iterable[Module]) -> Shape:
    """Measure the modules of one code base."""
    sources = list(sources)
    known = {module.name for module in sources}
    shape = Shape()
    for module in sources:
        shape.parts += _parts(module)
        shape.imports[module.name] = _inner_imports(module, known)
        shape.star_imports += [f"{module.name}: {origin}" for origin, name in imports(module) if name == "*"]
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ExceptHandler) and is_broad(node):
                shape.broad_excepts.append(f"{module.name}:{node.lineno}")
            elif isinstance(node, ast.Call) and dotted(node.func) == "print":
                shape.prints.append(f"{module.name}:{node.lineno}")
    return shape


def is_broad(handler: ast.ExceptHandler) -> bool:
    """Tell whether a handler takes whatever comes."""
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(each is None or dotted(each).endswith(("Exception", "BaseException")) for each in caught)


def percentile(values: Iterable[int], share: float) -> int:
    """Give the value that `share` of the values lie below; 0 when there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0


def ratio(parts: list[Part], holds: Callable[[Part], bool]) -> float:
    """Give the share of parts for which something holds; 1 when there are none."""
    return sum(holds(part) for part in parts) / len(parts) if parts else 1.0


def _parts(module: Module) -> Iterator[Part]:
    code, comments = _lines(module)
    yield Part(
        where=module.name,
        kind="module",
        public=bool(code),
        documented=ast.get_docstring(module.tree) is not None,
        lines=module.text.count("\n"),
        code=len(code),
        comments=comments,
    )
    yield from _inner_parts(module.tree, f"{module.name}:", code, reachable=True)


def _inner_parts(parent: ast.AST, prefix: str, code: set[int], *, reachable: bool) -> Iterator[Part]:
    for node in ast.iter_child_nodes(parent):
        if not isinstance(node, ast.ClassDef | FunctionNode):
            yield from _inner_parts(node, prefix, code, reachable=reachable)
            continue
        public = reachable and not node.name.startswith("_")
        where = f"{prefix}{node.name}"
        if isinstance(node, ast.ClassDef):
            yield _class(node, where, public=public)
        else:
            yield _function(node, where, code, public=public)
        yield from _inner_parts(node, f"{where}.", code, reachable=public and isinstance(node, ast.ClassDef))


def _class(node: ast.ClassDef, where: str, *, public: bool) -> Part:
    return Part(
        where=where,
        kind="class",
        public=public,
        documented=ast.get_docstring(node) is not None,
        methods=sum(isinstance(child, FunctionNode) for child in node.body),
    )


def _function(node: FunctionNode, where: str, code: set[int], *, public: bool) -> Part:
    last = node.end_lineno or node.lineno
    given = node.args
    arguments = [*given.posonlyargs, *given.args, *given.kwonlyargs, *filter(None, (given.vararg, given.kwarg))]
    if arguments and arguments[0].arg in {"self", "cls"}:
        del arguments[0]
    return Part(
        where=where,
        kind="function",
        public=public,
        documented=ast.get_docstring(node) is not None,
        lines=last - node.lineno + 1,
        code=len(code & set(range(node.lineno, last + 1))),
        branches=1 + sum(map(_forks, ast.walk(node))),
        parameters=len(arguments),
        typed=node.returns is not None and all(argument.annotation for argument in arguments),
    )


def _forks(node: ast.AST) -> int:
    return len(node.values) - 1 if isinstance(node, ast.BoolOp) else int(isinstance(node, _FORKS))


def _lines(module: Module) -> tuple[set[int], int]:
    """Give the numbers of the lines of code, and how many lines hold a comment."""
    code: set[int] = set()
    comments: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(module.text).readline):
        if token.type == tokenize.COMMENT:
            comments.add(token.start[0])
        elif token.type not in _SILENT:
            code.update(range(token.start[0], token.end[0] + 1))
    return code - _docstring_lines(module.tree), len(comments)


def _docstring_lines(tree: ast.Module) -> set[int]:
    scopes = [node for node in ast.walk(tree) if isinstance(node, Scope) and ast.get_docstring(node) is not None]
    return {line for scope in scopes for line in range(scope.body[0].lineno, (scope.body[0].end_lineno or 0) + 1)}


def _inner_imports(module: Module, known: set[str]) -> set[str]:
    """Give the modules of the same code base that a module imports, wherever the import stands."""
    found = {f"{origin}.{name}" if f"{origin}.{name}" in known else origin for origin, name in imports(module)}
    return found & known - {module.name}
