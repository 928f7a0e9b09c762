"""Configuration files: YAML, with dotted overrides, into a frozen model; every error is one line with a mend."""

import difflib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError

import manifests
from pipeline.errors import BadInput

Model = TypeVar("Model", bound=BaseModel)


class _Loader(yaml.SafeLoader):
    """YAML 1.1 takes `1e-6` for a string, as its numbers need a dot; here it is a number, as everybody means it."""


_Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"[-+]?\d+[eE][-+]\d+$"), list("-+0123456789"))


def find_config(kind: str, name: str) -> Path:
    """The file that `name` means: a path, or the name of a shipped `kind` (recipe, mixture, run).

    Raises:
        BadInput: there is neither.
    """
    shipped = manifests.ROOT / f"{kind}s" / f"{name.removesuffix('.yaml')}.yaml"
    for path in (Path(name), shipped):
        if path.is_file():
            return path
    known = ", ".join(sorted(path.stem for path in shipped.parent.glob("*.yaml")))
    raise BadInput(f"{name}: no such {kind} file; give a path, or the name of a shipped {kind}: {known}")


def load_config(model: type[Model], path: Path, overrides: tuple[str, ...] = ()) -> Model:
    """Read and validate a YAML file; `overrides` are `a.b=value`, the value in YAML.

    Raises:
        BadInput: one line that names file, field, value and mend.
    """
    data = read_yaml(path)
    if not isinstance(data, dict):
        required = " and ".join(f"`{name}:`" for name, field in model.model_fields.items() if field.is_required())
        raise BadInput(f"{path}: holds {type(data).__name__}, not a mapping; start with {required}")
    return validate(model, str(path), data, overrides)


def read_yaml(path: Path) -> Any:
    """What a YAML file holds.

    Raises:
        BadInput: it is not YAML, or not UTF-8.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except yaml.YAMLError as error:
        raise BadInput(f"{path}: not YAML: {' '.join(str(error).split())}; mend the syntax") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8") from error


def validate(model: type[Model], source: str, data: dict[str, Any], overrides: tuple[str, ...]) -> Model:
    """Settings as a frozen model; `source` names where they come from in errors, `overrides` are as above.

    Raises:
        BadInput: one line that names source, field, value and mend.
    """
    for override in overrides:
        _override(source, data, override)
    try:
        # JSON mode: strict about types, yet a YAML list may stand for a tuple.
        return model.model_validate_json(json.dumps(data, default=str))
    except ValidationError as error:
        raise BadInput(f"{source}: {_explain(model, error)}") from error


def _override(source: str, data: dict[str, Any], override: str) -> None:
    keys, separator, value = override.partition("=")
    if not separator or not all(keys.split(".")):
        raise BadInput(f"--set {override}: not of the form key=value or section.key=value; add = and the value")
    try:
        parsed = yaml.load(value, _Loader)
    except yaml.YAMLError as error:
        raise BadInput(f"--set {override}: the value is not YAML; quote it") from error
    *parents, last = keys.split(".")
    node = data
    for key in parents:
        node = node.setdefault(key, {})
        if not isinstance(node, dict):
            raise BadInput(f"--set {override}: {key} in {source} is {node!r}, not a section; correct the name")
    node[last] = parsed


def _explain(model: type[BaseModel], error: ValidationError) -> str:
    """The first problem in one line: field, value, mend."""
    problem = error.errors()[0]
    field = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "missing":
        return f"{field}: missing; add it"
    message = problem["msg"].removeprefix("Value error, ")
    if isinstance(problem["input"], dict) and problem["type"] == "value_error":
        return f"{field}: {message}" if field else message  # fields that do not go together: it names them
    value = json.dumps(problem["input"], default=str, ensure_ascii=False)
    value = value if len(value) <= 120 else value[:117] + "..."
    if problem["type"] == "extra_forbidden":
        known = _keys_at(model, problem["loc"][:-1])
        close = difflib.get_close_matches(str(problem["loc"][-1]), known, n=1)
        mend = f"did you mean {close[0]}?" if close else f"known keys: {', '.join(known)}"
        return f"{field}: {value}: unknown key; {mend}"
    return f"{field}: {value}: {message[0].lower()}{message[1:]}"


def _keys_at(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    models = [model]
    for key in location:
        if isinstance(key, str) and key in model.model_fields:  # not the key of a mapping
            models = list(_models(model.model_fields[key].annotation))
            model = models[0]
        else:  # the kind of a model that is one of several, or the key of a mapping or list
            model = next((one for one in models if key in _kinds(one)), model)
    return sorted(model.model_fields)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models in a type, outermost first."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)


def _kinds(model: type[BaseModel]) -> tuple[Any, ...]:
    """What tells a model from others in its place: the values of its `kind`."""
    return get_args(model.model_fields["kind"].annotation) if "kind" in model.model_fields else ()
