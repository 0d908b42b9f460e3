"""Recognizes errors that mean that the database is down."""

import asyncpg
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

# Errors that are the database's fault, not the request's.
DATABASE_DOWN = (
    OSError,
    OperationalError,
    InterfaceError,
    PoolTimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    # The database takes no connections.
    asyncpg.ObjectNotInPrerequisiteStateError,
)


def is_database_down(error: BaseException) -> bool:
    """Whether the same statement may succeed later, without any change to it."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        cause = error.orig.__cause__ or error.orig
        return error.connection_invalidated or isinstance(cause, DATABASE_DOWN) or isinstance(error, DATABASE_DOWN)
    return isinstance(error, DATABASE_DOWN)
