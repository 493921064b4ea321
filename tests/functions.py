"""Functions of every shape in schema api, for tests of what becomes of them."""

from __future__ import annotations

import psycopg

# Types that stand where agents may not go.
CLOSED = r"""
create schema clinic;
grant usage on schema clinic to zava_owner;
create type clinic.status as enum ('open', 'it''s "shut"');
create domain clinic.current as clinic.status;
create domain clinic.severity as smallint check (value in (1, 2, 3));
create domain clinic.code as varchar(3) check (value <> 'no');
"""

# What can be shown as a tool.
SHOWN = r"""
create domain retail.granularity as text check (value in ('day', 'we''ek', 'a|b'));
create domain retail.stars as integer check (value in (1, 2, 3));
create domain retail.sign as bigint check (value in (-1, 0, 1));
create domain retail.share as float8 check (value in (-0.5, 1, 2.25));
create domain retail.mixed as float8 check (value in (1, 'NaN'));
create domain retail.shouted as text check (value in (upper('x'), 'a, b'));
create domain retail.shop as retail.categories;
create domain retail.unit as retail.granularity;
create type retail.mood as enum ('calm', 'keen');

create function api.echo_text(p_text text) returns text language sql stable
begin atomic select p_text; end;
create function api.echo_number(p_number numeric) returns numeric language sql stable
begin atomic select p_number; end;
create function api.echo_whole(p_whole bigint) returns bigint language sql stable
begin atomic select p_whole; end;
create function api.echo_json(p_doc jsonb default '{}') returns text language sql stable
begin atomic select p_doc::text; end;
create function api.echo_json_text(p_doc json) returns text language sql stable
begin atomic select p_doc::text; end;
comment on function api.echo_json_text(json) is 'The same of type json.

schema: {"properties": {"doc": {"type": "object"}}}';
create function api.echo_list(p_list text[], p_days date[] default '{}') returns text
language sql stable begin atomic select p_list::text || p_days::text; end;
create function api.echo_array(p_list text[]) returns text[] language sql stable
begin atomic select p_list; end;
create function api.echo_choice(
    p_unit retail.granularity default 'day', p_stars retail.stars default 2,
    p_moods retail.mood[] default '{calm}', p_flag boolean default true,
    p_ratio numeric default 0.95, p_below integer default -1, p_until date default current_date,
    p_word text default 'it''s', p_none text default null
) returns text language sql stable
begin atomic
    select concat_ws(' ', p_unit, p_stars, p_moods, p_flag, p_ratio, p_below, p_word, p_none);
end;
create function api.numbers(p_first integer, p_limit integer default 3)
returns table (n bigint, price numeric, day date, words text[], note text) language sql stable
begin atomic
    select g, g * 1.50, date '2020-01-01' + g, array['w', null], null
    from generate_series(p_first, p_first + p_limit - 1) as g;
end;
create function api.whole_rows() returns setof retail.categories language sql stable
begin atomic select c from retail.categories as c; end;
create function api.just_set(p_count integer) returns setof integer language sql stable
begin atomic select generate_series(1, p_count); end;
create function api.nothing(p_x integer) returns void language sql stable
begin atomic select p_x; end;
create function api.doubled(p_x integer, out p_double integer, out half numeric)
language sql stable begin atomic select 2 * p_x, p_x / 2.0; end;
create function api.counted(inout counter integer) language sql stable
begin atomic select counter + 1; end;
create function api.echo_signs(
    p_sign retail.sign, p_share retail.share default 1, p_mixed retail.mixed default 1,
    p_shouted retail.shouted default 'a, b', p_limit float8 default 'NaN',
    p_since timestamptz default '2025-01-01 00:00+00', p_within interval default '1 day',
    p_at timestamp default '2025-01-01 00:00'
) returns text language sql stable
begin atomic select concat_ws(' ', p_sign, p_share, p_mixed, p_shouted); end;
create function api.echo_code(p_code char(8), p_flags bit(3), p_codes char(8)[] default '{}')
returns text language sql stable
begin atomic select format('%s|%s|%s', p_code, p_flags, p_codes); end;
create function api."Echo_Loud"(p_x integer) returns text language sql stable
begin atomic select 'loud'; end;
create function api.echo_kinds(
    p_unit retail.unit default 'day', p_small smallint default 1, p_oid oid default 7,
    p_real real default 0.5, p_id uuid default null, p_tags text[] default '{}',
    p_span int4range default null, p_spans int4multirange default null
) returns text language sql stable
begin atomic
    select concat_ws(' ', p_unit, p_small, p_oid, p_real, p_id, p_tags, p_span, p_spans);
end;
create function api.shop_row() returns retail.shop language sql stable
as $$ select c::retail.shop from retail.categories as c limit 1 $$;
create function api.query(p_x integer) returns text language sql stable
begin atomic select 'integer'; end;
create function api.query(p_x text) returns text language sql stable
begin atomic select 'text'; end;
create function api.commented(p_x integer) returns integer language sql stable
begin atomic select p_x; end;
create function api.wordy(p_x integer) returns integer language sql stable
begin atomic select p_x; end;
create function api.pick(p_x text) returns text language sql stable
begin atomic select 'text'; end;
create function api.pick(p_x integer, p_y integer[] default '{7}') returns text
language sql stable begin atomic select 'two ' || p_y[1]; end;
create function api.own_orders() returns bigint language sql stable
begin atomic select count(*) from retail.orders; end;
create function api.fails(p_x integer) returns integer language sql stable
begin atomic select 1 / p_x; end;
create function api.tries_to_write() returns integer language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$ begin delete from retail.orders; return 1; end $$;
create function api.long_text(p_length integer) returns table (t text) language sql stable
begin atomic select repeat('x', p_length); end;
create function api.for_head_office() returns text language sql stable
begin atomic select 'secret'; end;
create function api.nearest(p_query text, p_query_embedding vector, p_limit integer default 3)
returns text language sql stable
begin atomic select p_query || ' ' || p_query_embedding::text; end;
create function api.found(p_query text, p_query_embedding vector default null)
returns text language sql stable
begin atomic
    select p_query || coalesce(' ' || p_query_embedding::text, ' by words');
end;
create function api.admitted(
    p_status clinic.status, p_severity clinic.severity default 1, p_code clinic.code default 'abc',
    p_statuses clinic.status[] default null, p_severities clinic.severity[] default null,
    p_current clinic.current default null
) returns text language sql stable
begin atomic
    select concat_ws(' ', p_status, p_severity, p_code, p_statuses, p_severities, p_current);
end;
create function api.pair(out integer, out text) language sql stable
begin atomic select 1, 'a'; end;
create function api.one(out integer) language sql stable begin atomic select 1; end;
create function api.told(
    "p_patientId" integer default 1, p_first date default null, p_last date default null,
    p_limit integer default 1, "Order" text default ''
) returns integer language sql stable begin atomic select 1; end;
create function api._internal() returns integer language sql stable begin atomic select 1; end;

comment on function api.numbers(integer, integer) is
    'Numbers in a row, e.g. 1, 2, 3. More about
them here.

p_first: the first of them; which comes first
p_limit: how many
  there are

Not about a parameter.';
comment on function api.told(integer, date, date, integer, text) is
'Patients of a ward
p_first: the day on which it begins
p_patientId: number of the patient,
  as on the wristband

- p_last : the day on which it ends
    p_limit:	a number of patients
Order: asc or desc, as you please
Note: nothing of that.';
create function api.nested(p_parts jsonb) returns text language sql stable
begin atomic select 'fits'; end;
comment on function api.nested(jsonb) is 'Has parts of parts.

schema: {"properties": {"parts": {"type": "object",
    "properties": {"parts": {"$ref": "#/properties/parts"}}}}}';
comment on function api.commented(integer) is
    e'Written elsewhere.\r\n \r\np_x: a number that is small\r\n'
    'schema: {"properties": {"x": {"maximum": 9}}}';
do $$ begin
    execute format(
        'comment on function api.wordy(integer) is %L',
        repeat('word ', 1000) || e'\n\np_x: ' || repeat('more ', 1000)
    );
end $$;
"""

# What cannot, each with a word of the reason.
LEFT_OUT = {
    "variadic": "create function api.variadic(variadic p_x integer[]) returns integer language sql"
    " stable begin atomic select 1; end",
    "anyelement": "create function api.poly(p_x anyelement) returns integer language sql stable"
    " as 'select 1'",
    "record": "create function api.rec() returns record language sql stable as 'select 1, 2'",
    "without values": "create type retail.nothing as enum ();"
    " create function api.of_nothing(p_x retail.nothing[]) returns text language sql stable"
    " begin atomic select 'x'; end",
    "trigger": "create function api.trig() returns trigger language plpgsql"
    " as 'begin return new; end'",
    "no name": "create function api.unnamed(integer) returns integer language sql stable"
    " begin atomic select 1; end",
    "retail.categories": "create function api.takes_row(p_row retail.categories) returns integer"
    " language sql stable begin atomic select 1; end",
    "domain over an array": "create domain retail.words as text[]; create function"
    " api.of_words(p_x retail.words) returns text language sql stable begin atomic select 'x'; end",
    "over an array": "create function api.of_lists(p_x retail.words[]) returns text language sql"
    " stable begin atomic select 'x'; end",
    "no plain function": "create procedure api.proc() language sql begin atomic select 1; end",
    "one name": "create function api.twice(p_x integer, x integer) returns integer language sql"
    " stable begin atomic select 1; end",
    "more that may be left out": "create function api.shorter(p_x integer) returns integer language"
    " sql stable begin atomic select 1; end; create function api.shorter(p_x integer, p_y integer"
    " default 1) returns integer language sql stable begin atomic select 2; end",
    "parameter is called": 'create function api.odd_names("p_gr\u00f6\u00dfe" integer) returns'
    " integer language sql stable begin atomic select 1; end",
    "parameter is called ''": 'create function api.no_names("p_" integer) returns integer'
    " language sql stable begin atomic select 1; end",
    "other characters": 'create function api."bad name"() returns integer language sql stable'
    " begin atomic select 1; end",
    **{
        reason: f"create function api.said_{number}(p_x integer) returns integer language sql"
        f" return 1; comment on function api.said_{number} is e'X.\\n\\n{line}'"
        for number, (reason, line) in enumerate(
            {
                "is no URI": "resource: here",
                "or one of db": "resource: db://table/{x}",
                "leave a tool out": 'schema: {"properties": {"x": {"x-mcp-header": "a b"}}}',
                "is no JSON Schema": 'schema: {"properties": {"x": {"default": NaN}}}',
                "no JSON": 'schema: {"properties": {"x": {"maximum": 1e999}}}',
                "no template of a URI": "resource: zava://{x}{y}",
                "names what is no argument": "resource: zava://{x}/{y}",
                "lacks an argument": "resource: zava://x",
                "lacks an argument that": "resource: zava://x{?x}",
                "no JSON Schema": 'schema: {"properties": ',
                "its schema is no JSON": 'schema: {"properties": 1}',
                "what the parameters say": 'schema: {"required": ["x"]}',
                "says what the parameters say": 'schema: {"type": "object"}',
                "schema says what the parameters": "schema: true",
                "its schema is no JSON Schema": f"schema: {'[' * 20_000}",
                "not all in one place": 'schema: {"not": {"$ref": "https://zava.example/x"}}',
                "all in one place": 'schema: {"$id": "https://zava.example/x"}',
                "is not all in one place": 'schema: {"not": {"$dynamicRef": "https://zava.example"}}',
                "schema is not all": 'schema: {"allOf": [{"$ref": "https://zava.example/x"}]}',
                "refers to what": 'schema: {"properties": {"x": {"$ref": "#/$defs/y"}}}',
                "refers to what is": 'schema: {"if": {}, "then": {"$ref": "#nowhere"}}',
                "what is not there": 'schema: {"if": {"$ref": "#/$defs/a"},'
                ' "then": {"$ref": "#/$defs/b"}, "$defs": {"a": {}}}',
                "or to itself": 'schema: {"properties": {"x": {"$ref": "#/properties/x"}}}',
                "rules for 'y'": 'schema: {"properties": {"y": {}}}',
                "rules for 'x'": 'schema: {"properties": {"x": true}}',
            }.items()
        )
    },
    "no text goes": "create function api.bare_vector(p_v vector) returns integer language sql"
    " stable begin atomic select 1; end",
}

GRANTS = """
grant execute on all functions in schema api to store_manager, regional_manager, head_office;
revoke execute on function api.for_head_office() from store_manager, regional_manager, public;
"""


def create(admin_url: str) -> None:
    """Make them all, owned as everything else is."""
    with psycopg.connect(admin_url) as connection:
        connection.execute(CLOSED)
        connection.execute("set local search_path = public; set local role zava_owner")
        connection.execute("grant usage on schema retail to zava_owner")
        for statement in (SHOWN, *LEFT_OUT.values(), GRANTS):
            connection.execute(statement)
