"""marshmallow into JSON Schema: what apispec can't know of the suite's own fields and schemas."""

import inspect
from typing import Any

from apispec.ext.marshmallow import MarshmallowPlugin, OpenAPIConverter
from marshmallow import fields

from common.addresses import LONGEST
from common.locales import TAG
from common.schemas import UNSEEN, EmailAddress, Limit, Locale, Text, Timestamp
from services.todos.domain import COMPLETED, STATUSES
from services.todos.schemas import TodoChanges

_CONTROL = r"\x00-\x1f\x7f-\x9f"
_CONTROL_IN_LINES = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
_AGREEMENT = [
    {"not": {"required": ["status", "completed"]}},
    {"properties": {"status": {"enum": [COMPLETED]}, "completed": {"enum": [True]}}},
    {"properties": {"status": {"enum": [*STATUSES[:-1]]}, "completed": {"enum": [False]}}},
]
"""``completed`` does not contradict ``status``."""


class Converter(OpenAPIConverter):
    """Knows limits and patterns of our fields, and describes a schema by the first words of its docstring."""

    field_mapping = {
        **OpenAPIConverter.field_mapping,
        EmailAddress: ("string", "email"),
        Timestamp: ("string", "date-time"),
        Limit: ("integer", None),
    }

    def init_attribute_functions(self) -> None:
        """Ours come after apispec's own."""
        super().init_attribute_functions()
        self.attribute_functions.append(_limits)

    def schema2jsonschema(self, schema: Any) -> dict[str, Any]:
        """The schema with its description."""
        found: dict[str, Any] = super().schema2jsonschema(schema)
        if isinstance(schema, TodoChanges):
            found["anyOf"] = _AGREEMENT
        docstring = inspect.cleandoc(type(schema).__doc__ or "").split("\n\n")[0]
        return {"description": markdown(docstring), **found} if docstring else found


class SuitePlugin(MarshmallowPlugin):
    """apispec's plugin with our converter."""

    Converter = Converter


def markdown(docstring: str) -> str:
    """A docstring's words in the notation of the documents."""
    return docstring.replace("``", "`").replace("\n", " ").strip()


def _limits(field: fields.Field, ret: dict[str, Any]) -> dict[str, Any]:
    if isinstance(field, Text):
        return {"pattern": _text_pattern(field)}
    if isinstance(field, EmailAddress):
        return {"maxLength": LONGEST}
    if isinstance(field, Locale):
        return {"pattern": f"^{TAG.pattern}$"}
    if isinstance(field, Limit):
        return {"minimum": 1, "maximum": Limit.MOST}
    return {}


def _text_pattern(field: Text) -> str:
    """No control characters, and not only what shows nothing where something must be there."""
    allowed = f"[^{_CONTROL_IN_LINES if field.multiline else _CONTROL}]*"
    if field.trim and field.minimum:
        return rf"^{allowed}[^\s{UNSEEN}{_CONTROL}]{allowed}$"
    return f"^{allowed}$"
