"""Where settings come from: environment variables, and files that they name."""

import os
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_settings import PydanticBaseSettingsSource

from shortener.errors import OperatorError


class Section(BaseModel):
    """The settings of one subject, which the docstring of each class names. `Settings` joins them."""


PREFIX = "SHORTENER_"


class SettingsError(OperatorError):
    """A setting is missing or wrong; the message names it and says what to do."""


class FileSource(PydanticBaseSettingsSource):
    """Reads a setting from the file named by SHORTENER_<SETTING>_FILE, as container secrets are given."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        del field
        name = f"{variable(field_name)}_FILE"
        path = os.environ.get(name)
        if not path:
            return None, field_name, False
        try:
            return Path(path).read_text().strip(), field_name, False
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not text"
            raise SettingsError(f"{name}: cannot read {path}: {reason}.") from error

    def __call__(self) -> dict[str, Any]:
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return f"{PREFIX}{name}".upper()
