"""Domains as the API gives them."""

from collections.abc import Sequence

from shortener.domains.models import Domain
from shortener.domains.proofs import record_name, record_value
from shortener.domains.schemas import DomainOut, DomainState, TxtRecord, VerifiedDomainOut
from shortener.redirect.hosts import split_code


def _state(domain: Domain) -> DomainState:
    if domain.verified_at is None:
        return DomainState.PENDING
    if domain.removed_at is not None:
        return DomainState.REMOVED
    return DomainState.VERIFIED if domain.failing_since is None else DomainState.FAILING


def domain_out(domain: Domain) -> DomainOut:
    return DomainOut(
        host=domain.host,
        workspace=domain.workspace_id,
        state=_state(domain),
        record=TxtRecord(name=record_name(domain.host), value=record_value(domain)),
        created_at=domain.created_at,
        verified_at=domain.verified_at,
        checked_at=domain.checked_at,
        failing_since=domain.failing_since,
        is_trusted=domain.is_trusted,
        is_default=domain.is_default,
        root_url=domain.root_url,
        not_found_url=domain.not_found_url,
        expired_url=domain.expired_url,
    )


def verified_out(domain: Domain, loops: Sequence[str]) -> VerifiedDomainOut:
    codes = [split_code(code)[1] for code in loops]
    return VerifiedDomainOut(**domain_out(domain).model_dump(), looping_links=codes)
