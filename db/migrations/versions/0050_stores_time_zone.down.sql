-- 0050 stores time zone, undone.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

-- sources end

alter table retail.stores drop constraint stores_time_zone_check;

reset role;
