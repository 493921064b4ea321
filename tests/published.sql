-- Functions that are more than tools, for tests of what becomes of them.
create domain retail.shape as text check (value in ('Bar', 'Pie'));

create function api.picture() returns api.content language sql stable
begin atomic select null::text, '\x89504e47'::bytea, 'image/png', null::text; end;
create function api.sound() returns api.content language sql stable
begin atomic select null::text, '\x52494646'::bytea, 'audio/wav', null::text; end;
create function api.report(p_what text default 'all') returns setof api.content language sql stable
begin atomic
    values
        ('About ' || p_what, null::bytea, null, null),
        ('{"n":1}', null, 'application/json', 'zava://notes/1'),
        (null, '\x00ff', null, 'zava://files/1'),
        (null, null, 'image/png', 'zava://nothing');
end;
create function api.nothing_at_all() returns api.content language sql stable
begin atomic select null::api.content; end;
create function api.bare_file() returns api.content language sql stable
begin atomic select null::text, '\x25504446'::bytea, 'application/pdf', null::text; end;
create function api.bytes(p_count integer) returns api.content language sql stable
begin atomic
    select null::text, decode(repeat('00', p_count), 'hex'), 'image/png', null::text;
end;
create function api.letters(p_count integer) returns api.content language sql stable
begin atomic select repeat('x', p_count), null::bytea, null::text, null::text; end;

create function api.board() returns text language sql stable
begin atomic select count(*) || ' orders' from retail.orders; end;
comment on function api.board() is 'How many orders there are.

resource: zava://board';
create function api.store_rows() returns table (store_key text, city text) language sql stable
begin atomic select s.store_key, s.city from retail.stores as s order by s.store_key; end;
comment on function api.store_rows() is 'The stores.

resource: zava://stores';
create function api.receipt(p_number integer, p_copy boolean default false)
    returns setof api.content language plpgsql stable as $f$
begin
    if p_number = 0 then
        raise exception 'no receipt has this number';
    end if;
    return query
    select null::text, convert_to(s.store_key || ' ' || p_number || ' ' || p_copy, 'UTF8'),
        'application/pdf', null::text
    from retail.stores as s;
end $f$;
comment on function api.receipt(integer, boolean) is 'A receipt.

p_number: number of the order, as on paper
resource: zava://receipts/{number}{?copy} application/pdf';
create function api.label(p_text text, p_scale double precision default 1)
    returns setof api.content language sql stable
begin atomic
    select null::text, convert_to(p_text || ' x ' || p_scale, 'UTF8'), 'application/pdf', null::text;
end;
comment on function api.label(text, double precision) is 'A label.

resource: zava://labels/{text}{?scale} application/pdf';
create function api.chart(p_shape retail.shape) returns text language sql stable
begin atomic select 'a ' || p_shape; end;
comment on function api.chart(retail.shape) is 'A chart.

resource: zava://charts/{shape} image/svg+xml';

create function api.review_store(p_days integer, p_tone text default 'calm')
    returns setof api.content language sql stable
begin atomic
    select
        format('Review %s over %s days, %s.', s.store_key, p_days, p_tone),
        null::bytea, null::text, null::text
    from retail.stores as s
    union all
    select null, '\x89504e47', 'image/png', null;
end;
comment on function api.review_store(integer, text) is 'Reviews the store.

p_days: how many days back
prompt: Review my store';
create function api.chart_prompt(p_shape retail.shape) returns text language sql stable
begin atomic select 'Draw a ' || p_shape; end;
comment on function api.chart_prompt(retail.shape) is 'Draws.

prompt: Draw';

create function api.only_head_reads() returns text language sql stable
begin atomic select 'secret'; end;
comment on function api.only_head_reads() is 'For head office.

resource: zava://head';
create function api.only_head_finds(p_shape retail.shape) returns text language sql stable
begin atomic select 'secret'; end;
comment on function api.only_head_finds(retail.shape) is 'For head office.

resource: zava://head/{shape}';
create function api.only_head_asks(p_shape retail.shape) returns text language sql stable
begin atomic select 'secret'; end;
comment on function api.only_head_asks(retail.shape) is 'For head office.

prompt: Secret';
create function api.only_head_routes(p_region text) returns text language sql stable
begin atomic select 'secret'; end;
comment on function api.only_head_routes(text) is 'For head office.

schema: {"properties": {"region": {"x-mcp-header": "Region"}}}';

create function api.ship(p_address jsonb, p_phone text default null, p_email text default null)
    returns text language sql stable
begin atomic select p_address ->> 'city'; end;
comment on function api.ship(jsonb, text, text) is 'Ships.

schema: {"properties": {"address": {"type": "object", "required": ["city"]},
        "phone": {"pattern": "^[0-9; -]+$"}},
    "anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}
p_email: where to write to';
create function api.priced(p_price numeric, p_prices numeric[] default null) returns text
language sql stable
begin atomic select concat_ws(' ', p_price, p_prices); end;
comment on function api.priced(numeric, numeric[]) is 'Prices.

schema: {"properties": {"price": {"minimum": 0.01, "multipleOf": 0.01},
    "prices": {"items": {"type": "number", "maximum": 10}}}}';

create function api.routed(p_region text) returns text language sql stable
begin atomic select p_region; end;
comment on function api.routed(text) is 'Goes to a region.

schema: {"properties": {"region": {"x-mcp-header": "Region"}}}';

create function api.about_words(p_resource text, p_prompt text) returns text language sql stable
begin atomic select p_resource || p_prompt; end;
comment on function api.about_words(text, text) is 'Words.

resource: zava://which of them it is about
p_prompt: what is asked for';

create function api.speaks(p_word text) returns text language plpgsql stable
set search_path = pg_catalog, pg_temp
as $f$
declare
    v_ignored name;
begin
    raise debug 'debug %', p_word;
    raise info 'info %', p_word;
    raise notice 'notice %', p_word;
    raise warning 'warning %', p_word using detail = 'detail', hint = 'hint';
    -- A message of PostgreSQL itself.
    execute format('select 1 as %I', repeat('identifier', 10)) into v_ignored;
    return p_word;
end $f$;
create function api.shouts(p_times integer) returns integer language plpgsql stable as $f$
begin
    for i in 1..p_times loop raise notice '% %', i, repeat('x', 5000); end loop;
    return p_times;
end $f$;
create function api.speaks_and_fails() returns integer language plpgsql stable as $f$
begin raise notice 'so far'; raise exception 'no further'; end $f$;
create function api.speaks_and_sleeps(p_word text) returns integer language plpgsql stable as $f$
begin raise notice 'before %', p_word; perform pg_sleep(30); return 1; end $f$;

grant execute on all functions in schema api to store_manager, regional_manager, head_office;
revoke execute on function api.only_head_reads(), api.only_head_finds(retail.shape),
    api.only_head_asks(retail.shape), api.only_head_routes(text)
    from store_manager, regional_manager, public;
