"""Migrates the database to this version's schema."""

from importlib.resources import files

from alembic import command
from alembic.config import Config


def alembic_config(database_url: str = "") -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("migrations")))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.attributes["database_url"] = database_url
    return config


def upgrade(database_url: str, revision: str = "head") -> None:
    """Apply missing migrations. Several at once are safe: the first works, the others wait and find nothing to do."""
    command.upgrade(alembic_config(database_url), revision)
