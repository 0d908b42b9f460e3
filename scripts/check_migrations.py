"""Fail when the models say something that the migrations do not make, or when a migration cannot be undone."""

import asyncio
import sys
import tempfile
import warnings
from pathlib import Path

from alembic import command
from alembic.util.exc import CommandError

from shortener.processes.embedded.data_directory import DataDirectory, run_directory
from shortener.processes.embedded.postgres import EmbeddedPostgres
from shortener.processes.supervisor import Supervisor
from shortener.stores.migration import alembic_config


def check(url: str) -> None:
    config = alembic_config(url)
    # Alembic cannot compare an expression with an operator class, and says so each time.
    warnings.filterwarnings("ignore", message="Expression #1.*operator clause", category=UserWarning)
    command.upgrade(config, "head")
    command.check(config)
    command.downgrade(config, "base")
    command.upgrade(config, "head")


async def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        data = DataDirectory(Path(folder)).lock()
        supervisor = Supervisor()
        with run_directory(data) as run_dir:
            postgres = EmbeddedPostgres(data.path, run_dir)
            try:
                await supervisor.start(postgres.prepare())
                await asyncio.to_thread(check, postgres.url)
            except CommandError as error:
                print(f"Models and migrations differ: {error}")
                return 1
            finally:
                await supervisor.stop()
    print("Models and migrations agree.")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
