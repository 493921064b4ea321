-- 0017 content.
set local lock_timeout = '3s';
set local role zava_owner;

-- What a function of the schema api may answer with other than a table. A named type, so that no
-- table whose columns happen to have these names is taken for it; in api, where tenants can name it.
create type api.content as (
    text text,
    data bytea,
    mime_type text,
    uri text
);

comment on type api.content is
    'A part of an answer that is no table: a text, or data such as an image; with a uri, a document of that name.';

-- sources begin (written by scripts/freeze up to the end mark)
-- sources end
reset role;
