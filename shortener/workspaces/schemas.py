"""Bodies of requests and answers about workspaces, members and invitations."""

import uuid
from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, Field, model_validator

from shortener.access.models import Role
from shortener.access.schemas import Email, InvitationToken
from shortener.http.json_body import RequestBody
from shortener.http.pagination import NextPath
from shortener.text import OneLine

MAX_NAME = 100


Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME, examples=["Marketing"]), OneLine]


class WorkspaceIn(RequestBody):
    name: Name


class MemberUpdate(RequestBody):
    role: Role


class InvitationCreate(RequestBody):
    email: Email
    workspace: uuid.UUID | None = Field(
        None,
        description="A workspace that you own. Default: none, only to create an account; needs `admin`.",
    )
    role: Role | None = Field(None, description="The new member's role; needed with `workspace`.")

    @model_validator(mode="after")
    def _has_role_in_a_workspace(self) -> Self:
        if (self.workspace is None) != (self.role is None):
            raise ValueError("workspace and role come together")
        return self


class Acceptance(RequestBody):
    token: InvitationToken


class InvitationPreview(BaseModel):
    """What an invitation is for, before it is accepted."""

    workspace: uuid.UUID
    workspace_name: str
    role: Role
    expires_at: datetime


class WorkspaceOut(BaseModel):
    id: uuid.UUID
    name: str
    personal: bool = Field(description="Whether this is your personal workspace.")
    role: Role = Field(description="Your role in the workspace.")
    created_at: datetime


class WorkspacePage(BaseModel):
    items: list[WorkspaceOut]
    next: NextPath


class MemberOut(BaseModel):
    id: uuid.UUID
    email: str
    role: Role
    created_at: datetime = Field(description="Since when.")


class MemberPage(BaseModel):
    items: list[MemberOut]
    next: NextPath


class InvitationOut(BaseModel):
    id: uuid.UUID
    email: str
    workspace: uuid.UUID | None
    role: Role | None
    created_at: datetime
    expires_at: datetime


class NewInvitationOut(InvitationOut):
    token: str = Field(description="For the invited person; shown only in this answer.")


class InvitationPage(BaseModel):
    items: list[InvitationOut]
    next: NextPath
