"""The revision that this version needs, found without Alembic."""

from alembic.script import ScriptDirectory

from shortener.stores.migration import alembic_config
from shortener.stores.revision import current_revision, head_revision


async def test_the_newest_migration_by_name_is_alembics_head_and_the_database_has_it(database):
    assert head_revision() == ScriptDirectory.from_config(alembic_config()).get_current_head()
    assert await current_revision(database) == head_revision()
