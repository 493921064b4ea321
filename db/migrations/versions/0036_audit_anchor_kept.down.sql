-- 0036 audit anchor kept, undone.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

-- zava.verify_audit(): walks the chain from the first record that is kept to the head, and stops at
-- the first broken link. One record at a time: the log may be larger than memory.
-- Who may write the tables could write a whole new chain; only a link noted outside this database,
-- the anchor, shows that. STABLE: all of it is one snapshot, also while servers append.
create or replace function zava.verify_audit(
    p_number bigint default null,
    p_hash bytea default null
)
returns table (checked bigint, broken bigint, problem text, number bigint, hash bytea)
language plpgsql
stable
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
-- The key has the order of the chain: never sort a whole log.
set enable_sort = off
as $function$
#variable_conflict use_column
declare
    v_head zava.audit_head;
    v_record zava.audit_log;
begin
    select h.* into strict v_head from zava.audit_head as h;
    number := v_head.first_number;
    hash := v_head.first_hash;
    checked := 0;

    for v_record in
        select l.* from zava.audit_log as l order by l.recorded_at, l.number
    loop
        broken := number + 1;
        if v_record.number is distinct from broken then
            problem := format('record %s is missing; the next is %s', broken, v_record.number);
        elsif zava._audit_digest(hash, v_record) is distinct from v_record.hash then
            problem := format('record %s, or the link to the one before, was changed', broken);
        elsif v_record.number = p_number and v_record.hash is distinct from p_hash then
            problem := format('record %s is not the anchor: the log was written anew', broken);
        end if;
        if problem is not null then
            return next;
            return;
        end if;
        checked := checked + 1;
        number := v_record.number;
        hash := v_record.hash;
    end loop;

    broken := number + 1;
    if number < v_head.number or number < p_number then
        problem := format(
            'records %s to %s are missing at the end', broken, greatest(v_head.number, p_number)
        );
    elsif number <> v_head.number or hash is distinct from v_head.hash then
        problem := 'the head does not belong to the last record';
    else
        broken := null;
    end if;
    return next;
end;
$function$;

comment on function zava.verify_audit(bigint, bytea) is
    'Proves the chain of the audit log: records checked, the first broken link and what is wrong with it (null: nothing), number and hash of the last good record.

p_number: number of a record noted outside this database, the anchor
p_hash: hash of that record';
revoke execute on function zava.verify_audit(bigint, bytea) from public;

-- sources end
reset role;
