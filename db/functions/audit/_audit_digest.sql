-- zava._audit_digest(): the link of one record: a hash over the former link and every column but
-- the hash itself. A row's text tells null from empty and quotes what could be mistaken for the end
-- of a field; moments are counted in seconds, so that no setting changes the text.
create or replace function zava._audit_digest(
    p_former bytea,
    p_record zava.audit_log
)
returns bytea
language sql
stable
parallel safe
security invoker
begin atomic
    select sha256(p_former || convert_to(
        row(
            (p_record).number,
            extract(epoch from (p_record).recorded_at),
            extract(epoch from (p_record).called_at),
            (p_record).principal_id,
            (p_record).principal,
            (p_record).client,
            (p_record).key_id,
            (p_record).tool,
            (p_record).sql,
            (p_record).fingerprint,
            (p_record).arguments,
            (p_record).verdict,
            (p_record).code,
            (p_record).sqlstate,
            (p_record).row_count,
            (p_record).byte_count,
            (p_record).duration_us,
            (p_record).cached,
            (p_record).request_id,
            (p_record).trace_id,
            (p_record).source_id,
            (p_record).source_number
        )::text,
        'UTF8'
    ));
end;

comment on function zava._audit_digest(bytea, zava.audit_log) is
    'SHA-256 that chains a record of the audit to the one before it.

p_former: hash of the record before
p_record: the record; its own hash is left out';
revoke execute on function zava._audit_digest(bytea, zava.audit_log) from public;
