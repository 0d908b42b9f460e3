"""A million links of one workspace, with titles in several scripts, tags, options and clicks, written by the database
itself."""

import uuid

import asyncpg

from shortener.tags.models import NO_WORKSPACE

_WORDS = """
    spring summer autumn winter sale launch guide report webinar newsletter discount offer roadmap release notes event
    meetup conference ticket booking menu recipe survey feedback career hiring invoice manual download pricing partner
    story video podcast episode gallery press team garden kitchen travel city museum festival market holiday workshop
    Frühling Angebot Messe Einladung Anmeldung Übersicht Preisliste Veranstaltung Gewinnspiel Größe
    весна скидка отчёт встреча Москва выставка новости
    春の 新商品 セール 東京 案内 夏休み 展覧会 优惠 活动 北京 上海 报名 新闻
"""
_TAGS, _HOSTS = 300, 2_000

# `pick(n, salt)` is the same number from 0 to 1 each time.
_PICK_SQL = """
    CREATE OR REPLACE FUNCTION pg_temp.pick(n bigint, salt int) RETURNS float8 LANGUAGE sql IMMUTABLE AS
    $$ SELECT (hashint8extended(n, salt) & 1073741823) / 1073741824.0 $$
"""
_TAGS_SQL = """
    INSERT INTO tags (workspace_id, name) SELECT $1, 'tag-' || n FROM generate_series(1, $2::int) AS n
"""
# A tag, a word or a host with a low number comes far more often than one with a high number.
_LINKS_SQL = """
    INSERT INTO links (code, url, readable_url, title, note, created_at, updated_at, expires_at, starts_at, is_disabled,
        is_archived, deleted_at, ban_id, max_clicks, password_hash, options, tag_ids, workspace_id)
    SELECT translate(substr(encode(sha256(n::text::bytea), 'base64'), 1, 6), '+/', '-_') || n::text,
        'https://' || host || '/' || section || '/' || n || '?ref=' || (n % 97),
        NULL,
        CASE WHEN pick(n, 1) < 0.7 THEN first || ' ' || second || ' ' || (n % 5000) END,
        CASE WHEN pick(n, 2) < 0.1 THEN 'printed on ' || second || ' flyers' END,
        at, at + pick(n, 3) * interval '30 days',
        CASE WHEN pick(n, 4) < 0.15 THEN at + pick(n, 5) * interval '900 days' END,
        CASE WHEN pick(n, 6) < 0.01 THEN now() + (pick(n, 7) - 0.5) * interval '60 days' END,
        pick(n, 8) < 0.01, pick(n, 9) < 0.03,
        CASE WHEN pick(n, 10) < 0.01 THEN now() - pick(n, 11) * interval '60 days' END,
        CASE WHEN pick(n, 12) < 0.001 THEN 1 END,
        CASE WHEN pick(n, 13) < 0.02 THEN 1 + (pick(n, 14) * 1000)::int END,
        CASE WHEN pick(n, 15) < 0.01 THEN 'argon2' END,
        CASE WHEN pick(n, 16) < 0.02 THEN '{"rules": []}'::jsonb WHEN pick(n, 16) < 0.03 THEN '{"variants": []}' END,
        CASE WHEN pick(n, 17) < 0.5 THEN ARRAY[
            ($2::bigint[])[least(tag, other)], ($2::bigint[])[1 + greatest(tag, other)]] END,
        $1
    FROM (
        SELECT n, now() - interval '730 days' * (1 - n / ($4::float8 + 1)) AS at,
            'host-' || floor($5 * power(pick(n, 18), 3))::int || '.example.com' AS host,
            ($3::text[])[1 + floor(cardinality($3::text[]) * power(pick(n, 19), 2))::int] AS section,
            ($3::text[])[1 + floor(cardinality($3::text[]) * power(pick(n, 20), 2))::int] AS first,
            ($3::text[])[1 + floor(cardinality($3::text[]) * pick(n, 21))::int] AS second,
            1 + floor((cardinality($2::bigint[]) - 1) * power(pick(n, 22), 3))::int AS tag,
            1 + floor((cardinality($2::bigint[]) - 1) * power(pick(n, 23), 3))::int AS other
        FROM generate_series($6::bigint, $7::bigint) AS n
    ) AS made
""".replace("pick(", "pg_temp.pick(")
_CLICKS_SQL = """
    INSERT INTO click_totals (link_id, clicks, visitors, bots)
    SELECT id, clicks, clicks / 2, clicks / 10
    FROM (
        SELECT id, floor(exp(pg_temp.pick(id, 24) * 11))::bigint AS clicks FROM links WHERE pg_temp.pick(id, 25) < 0.8
    ) AS clicked
"""
_AT_ONCE = 50_000


async def make_many_links(connection: asyncpg.Connection, workspace_id: uuid.UUID | None, links: int) -> None:
    """Links of all kinds, half of them with two tags, spread over two years."""
    await connection.execute(_PICK_SQL)
    await connection.execute(_TAGS_SQL, workspace_id or NO_WORKSPACE, _TAGS)
    tags = [row["id"] for row in await connection.fetch("SELECT id FROM tags ORDER BY id")]
    for start in range(1, links + 1, _AT_ONCE):
        end = min(start + _AT_ONCE - 1, links)
        await connection.execute(_LINKS_SQL, workspace_id, tags, _WORDS.split(), links, _HOSTS, start, end, timeout=600)
    await connection.execute(_CLICKS_SQL, timeout=600)
    for table in ("links", "click_totals", "tags"):
        await connection.execute(f"VACUUM (ANALYZE) {table}", timeout=600)
