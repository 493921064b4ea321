-- zava.digest(): fingerprint of a text, to see whether it changed since it was embedded.
-- sha256(convert_to()) is only STABLE for PostgreSQL; the encoding of a database never changes.
create or replace function zava.digest(
    p_text text
)
returns bytea
language sql
immutable
parallel safe
security invoker
begin atomic
    select sha256(convert_to(p_text, 'UTF8'));
end;

comment on function zava.digest(text) is
    'SHA-256 of a text in UTF-8.

p_text: the text';
revoke execute on function zava.digest(text) from public;
-- products.content_hash is generated with the rights of whoever writes the row
grant execute on function zava.digest(text) to zava_writer;
