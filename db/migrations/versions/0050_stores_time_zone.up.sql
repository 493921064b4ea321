-- 0050 stores time zone.
set local lock_timeout = '3s';
set local role zava_owner;

-- A store in a zone that PostgreSQL does not know stopped the reports of everybody who sees it.
alter table retail.stores
    -- squawk-ignore constraint-missing-not-valid
    add constraint stores_time_zone_check
    check ((timestamptz '2000-01-01 00:00+00' at time zone time_zone) is not null);

-- sources begin (written by scripts/freeze up to the end mark)

-- sources end
reset role;
