"""Options of a command made from the fields of a settings class: name, kind and help stand in the class alone."""

import functools
import inspect
import types
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

Command = Callable[..., dict[str, Any]]


def with_settings(
    settings: type[BaseModel], names: Iterable[str], argument: str = "changes"
) -> Callable[[Command], Command]:
    """Give a command an option for each of these fields; it gets those that were set, by name, as one argument.

    Args:
        settings: the class whose fields they are; it checks the values.
        names: of the fields, each with a description.
        argument: of the command.
    """
    fields = {name: settings.model_fields[name] for name in names}

    def decorate(function: Command) -> Command:
        @functools.wraps(function)
        def wrapped(*positional: Any, **arguments: Any) -> dict[str, Any]:
            asked = {name: arguments.pop(name, None) for name in fields}
            changes = {name: value for name, value in asked.items() if value is not None}
            return function(*positional, **arguments, **{argument: changes})

        signature = inspect.signature(function)
        own = [parameter for name, parameter in signature.parameters.items() if name != argument]
        options = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_option(name, field))
            for name, field in fields.items()
        ]
        wrapped.__signature__ = signature.replace(parameters=[*own, *options])  # type: ignore[attr-defined]
        annotations = {name: kind for name, kind in function.__annotations__.items() if name != argument}
        wrapped.__annotations__ = annotations | {option.name: option.annotation for option in options}
        return wrapped

    return decorate


def _option(name: str, field: FieldInfo) -> Any:
    """The annotation that typer reads; None stands for an option that is not given."""
    flag, kind = f"--{name.replace('_', '-')}", _kind(field.annotation)
    if kind is bool:
        flag = f"{flag}/--no-{name.replace('_', '-')}"
    text = field.description or ""
    return Annotated[kind | None, typer.Option(flag, help=f"{text[:1].upper()}{text[1:]}.")]


def _kind(annotation: Any) -> type:
    """What the command line reads for a field: its class without None, constraints and choices, which the class of
    settings checks."""
    if get_origin(annotation) is Annotated:
        return _kind(get_args(annotation)[0])
    if get_origin(annotation) is Literal:
        return type(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return _kind(next(part for part in get_args(annotation) if part is not type(None)))
    if get_origin(annotation) is tuple:
        return str  # one word, which the class takes apart
    assert isinstance(annotation, type), annotation
    return annotation
